"""The `fanlight` command. Each subcommand is imported only when it is asked for."""

import atexit
import multiprocessing
import os
import signal
import sys
import time
from contextlib import suppress
from typing import NoReturn

import click

from fanlight.errors import FanlightError, StaleCredentials
from tools.lazy import Lazy
from tools.shown import shown

_COMMANDS = {
    "bench": "Measure how fast it is here, against the limits of the machine.",
    "demo": "Watch sample pictures go into a local bucket and results come out.",
    "doctor": "Check a deployment, and say what to change.",
    "estimate": "Say what a backfill or a launch takes: instances, time, money.",
    "model": "Get, make, train, look at and publish models.",
    "package": "Make the zip of each function, ready to deploy.",
    "policy": "Print the least permissions that the functions need.",
    "replay": "Invoke the function with an event, once more or made up.",
    "results": "Look at results: a table or a page; or make files for analysis.",
    "run": "Classify every image under a folder or an oss:// prefix.",
    "status": "Say what run would do, and why.",
    "up": "Run the local cloud until Ctrl-C.",
}

INTERRUPTED = 130

_PATIENCE = 1.0
"""Seconds for processes to end what they have at hand: from a folder, most images take less."""


@click.group(
    cls=Lazy,
    prefix="tools.commands.",
    about=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="fanlight")
def fanlight() -> None:
    """Classify images: as they land in an OSS bucket, or those that are already there.

    \b
    Try it:
      fanlight run photos/ --model digits     classify a folder
      fanlight results photos-results/        look at the answers
      fanlight up                             a local cloud to upload to

    \b
    Exit codes: 0 nothing is left to do (a rejected image is done), 1 failures are left,
    2 wrong usage, 130 interrupted.
    """


def main() -> None:
    """Run the command line; an error of ours is one message, never a traceback."""
    try:
        code = fanlight.main(standalone_mode=False)
    except click.exceptions.Exit as end:
        code = end.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        _leave(INTERRUPTED)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except FanlightError as error:
        click.echo(f"error: {shown(str(error))}{_remedy(error)}", err=True)
        code = 1
    except OSError as error:  # no closed pipe: click ends in silence for that
        where = f": {shown(str(error.filename))}" if error.filename else ""
        click.echo(f"error: {error.strerror or error}{where}", err=True)
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def _leave(code: int) -> NoReturn:
    """End at once: the interpreter would first wait for threads and processes.

    Those that are left wait for a network, for minutes where it is down. They may be ended
    anywhere, as by a crash; whoever is to tidy up in this process has done so by now.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    until = time.monotonic() + _PATIENCE
    for child in multiprocessing.active_children():
        child.join(max(0.0, until - time.monotonic()))
        child.kill()
    atexit._run_exitfuncs()  # all that is left of an orderly end but the waiting
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # it may be closed, or nobody reads it
            stream.flush()
    os._exit(code)


def _remedy(error: FanlightError) -> str:
    if not isinstance(error, StaleCredentials):
        return ""
    from tools.credentials import RENEWED

    return f"; {RENEWED}"
