"""`fanlight up`: the local cloud, until Ctrl-C."""

import json
import signal
import socket
import threading
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import click

from fanlight.errors import ConfigError
from tools.commands.template_option import template_option
from tools.commands.up_lines import failure, invoking, wrong
from tools.console.console import Console
from tools.console.watch import Watch
from tools.counted import counted
from tools.localcloud.chaos import Chaos
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.instance import OnLine
from tools.localcloud.news import OnNews
from tools.localcloud.options import Options
from tools.samples import FOLDER
from tools.shown import shown
from tools.template import from_source, read_template


@click.command()
@template_option
@click.option("--port", type=click.IntRange(0, 65535), default=9600, show_default=True,
              help="Port of the OSS endpoint; 0 takes any that is free.")  # fmt: skip
@click.option("--invoke-port", type=click.IntRange(0, 65535), default=9601, show_default=True,
              help="Port of the invoke API; 0 takes any that is free.")  # fmt: skip
@click.option("--console-port", type=click.IntRange(0, 65535), default=9602, show_default=True,
              help="Port of the console's page; 0 takes any that is free.")  # fmt: skip
@click.option("--object-port", type=click.IntRange(0, 65535), default=9603, show_default=True,
              help="Port that shows the console's page what is in the buckets; 0 takes any "
              "that is free.")  # fmt: skip
@click.option("--no-console", is_flag=True, help="Serve no console.")
@click.option("--instances", type=click.IntRange(1), default=2, show_default=True,
              help="The most instances of one function.")  # fmt: skip
@click.option("--runtime", type=click.Choice(["python3.12", "python3.10"]),
              help="Serve this runtime's contract. [default: the template's]")  # fmt: skip
@click.option("--permissive", is_flag=True,
              help="Let functions do anything in OSS, whatever their policy.")  # fmt: skip
@click.option("--policy", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
              help="Let functions do in OSS what this policy of their role allows, as the RAM "
              "console shows it.")  # fmt: skip
@click.option("--data", metavar="DIR", type=click.Path(file_okay=False, path_type=Path),
              help="Keep buckets and waiting events in this folder, made if it is not there. "
              "[default: gone when it stops]")  # fmt: skip
@click.option("--chaos", "seed", metavar="SEED", type=click.IntRange(0),
              help="Make faults happen, by this number: 0, 1, 2, ...")  # fmt: skip
def command(
    template: Path, port: int, invoke_port: int, console_port: int, object_port: int,
    instances: int, runtime: str | None, data: Path | None, seed: int | None, policy: Path | None,
    *, permissive: bool, no_console: bool,
) -> int:  # fmt: skip
    """Run OSS, its triggers and the functions of a template on this machine.

    Upload an image below the input prefix with any OSS client and its result appears below the
    output prefix. The invoke API answers Function Compute's own SDK. Only this machine can
    connect.

    The console is a page for a browser: drop pictures there and see events, instances, results and
    dead letters as they come.

    With --data DIR what was uploaded and what is still to be run is there again the next time, even
    after a crash: an upload that was answered will have its result. Ctrl-C waits for the requests
    that are running; the rest waits for the next start. Remove DIR to begin anew.

    With --chaos SEED it behaves as badly as a cloud can. Events come twice, late and out of order;
    instances are killed; credentials expire within an invocation. OSS answers 503 and 500, its
    clock jumps, connections are cut half way in or out, and some uploads land after their client
    gave up. Your own client meets it too: let it try again, as it should in the cloud. Of the
    requests for one key every fourth is spared, and every upload must still end with a true result
    or a dead letter. The n-th request or event of a key meets the same with the same SEED, so a run
    that shows a fault can be played again. The faults are counted at the end.

    Each function may do in OSS what `fanlight policy` prints for its role and nothing else, or what
    --policy FILE says, so that a missing permission shows here. Your own keys may do everything.

    A template with a problem is run all the same, and the problem is printed first.
    """
    if policy and permissive:
        raise click.UsageError("--policy and --permissive exclude each other")
    ports = {"--port": port, "--invoke-port": invoke_port}
    if not no_console:
        ports |= {"--console-port": console_port, "--object-port": object_port}
    _require_apart(ports)
    described = read_template(template)
    if found := wrong(described):
        click.echo(
            shown(f"{template} has problems, and will not deploy as it is:{found}"), err=True
        )
    stop = _stop()
    watch = None if no_console else Watch()
    options = Options(
        instances=instances, port=port, invoke_port=invoke_port, runtime=runtime, data=data,
        permissive=permissive, policy=_policy(policy) if policy else None,
        chaos=None if seed is None else Chaos(seed),
        on_line=_both(_echo, watch.line) if watch else _echo, on_news=_news(watch),
    )  # fmt: skip
    cloud = LocalCloud(from_source(described), options)
    _require_free(ports)
    with cloud, _console(cloud, watch, console_port, object_port) as console:
        _serve(welcome(cloud, options, console.url if console else ""), stop)
    if options.chaos:
        faults = counted(options.chaos.counts()) or "none"
        click.echo(f"faults of seed {options.chaos.seed}: {faults}")
    return 0


def _stop() -> threading.Event:
    """Set when this process is asked to end, as a service manager does; Ctrl-C raises instead."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    return stop


def _serve(told: str, stop: threading.Event) -> None:
    """Tell that all is there, and let it be until somebody has had enough."""
    try:
        click.echo(told)
        while not stop.wait(1):
            pass
    except KeyboardInterrupt:
        click.echo("stopping", err=True)


def _console(
    cloud: LocalCloud, watch: Watch | None, port: int, object_port: int
) -> AbstractContextManager[Console | None]:
    return nullcontext() if watch is None else Console(cloud, watch, port, object_port)


def _both(first: OnLine, second: OnLine) -> OnLine:
    def tell(function: str, line: str) -> None:
        second(function, line)
        first(function, line)  # last, since it fails once nobody reads what is printed

    return tell


def _news(watch: Watch | None) -> OnNews:
    """The watch hears of all, and the terminal of errors, which are on no line of a log."""

    def tell(news: Any) -> None:
        if watch:
            watch.news(news)
        if told := failure(news):
            _echo(*told)

    return tell


def _policy(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON: {error}") from None
    if not isinstance(document, dict) or "Statement" not in document:
        raise ConfigError(
            f"{path} is no policy, it has no Statement; `fanlight policy --role functions` prints "
            "one"
        )
    return document


def _require_apart(ports: dict[str, int]) -> None:
    options: dict[int, str] = {}
    for option, port in ports.items():
        if port and port in options:
            raise click.UsageError(
                f"{options[port]} and {option} are both {port}; choose two ports"
            )
        options[port] = option


def _require_free(ports: dict[str, int]) -> None:
    """All that are taken are named at once."""
    taken = [f"{port} ({option})" for option, port in ports.items() if not _is_free(port)]
    if taken:
        raise ConfigError(
            f"in use, or not to be had: port {', '.join(taken)}; choose others, 0 takes any that "
            "is free"
        )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _echo(function: str, line: str) -> None:
    click.echo(f"{function}  {shown(line)}")


def welcome(cloud: LocalCloud, options: Options, console: str = "") -> str:
    """What a person needs to use the cloud, ready to paste. `console`: its address, if any."""
    keys, template = cloud.keys, cloud.template
    trigger = next(trigger for function in template.functions for trigger in function.triggers)
    may = "anything in OSS (--permissive)" if options.permissive else "what fanlight policy prints"
    may = "what --policy says" if options.policy else may
    kept = f"kept in {options.data}" if options.data else "gone when it stops, without --data DIR"
    chaos = options.chaos
    faults = f"\nFaults        by seed {chaos.seed}, in everything above" if chaos else ""
    page = f"Console       {console}\n" if console else ""
    return f"""\
{page}OSS endpoint  {cloud.endpoint.url}
Invoke API    {cloud.invoke_url}
{chr(10).join(invoking(template))}
Permissions   functions may do {may}
Buckets       {kept}{faults}

For fanlight run, status, results and replay in another terminal:
  export FANLIGHT_OSS_ENDPOINT={cloud.endpoint.url} FC_REGION={template.region}
  export FANLIGHT_FC_ENDPOINT={cloud.invoke_url}
  export ALIBABA_CLOUD_ACCESS_KEY_ID={keys.access_key_id}
  export ALIBABA_CLOUD_ACCESS_KEY_SECRET={keys.access_key_secret}

From Python:
  import oss2
  auth = oss2.AuthV4('{keys.access_key_id}', '{keys.access_key_secret}')
  bucket = oss2.Bucket(auth, '{cloud.endpoint.url}', '{trigger.bucket}', region='{template.region}')
  bucket.put_object_from_file('{trigger.prefix}7.png', '{FOLDER / "7-00000.png"}')

Ctrl-C stops it.
"""
