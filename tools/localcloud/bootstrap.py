"""Runs inside an instance: serves one function as Function Compute's Python runtime does.

Standard library only, and no part of Fanlight: it stands for the platform. Requests arrive as JSON
lines on standard input, answers leave as JSON lines on the descriptor named by the first argument;
standard output and error are the function's own. The second argument is the process to die with.

The documents of failures are those of the vendor's own runtime for Python 3 (fc_rapis_util and
bootstrap, as found in public copies); that the one for 3.12 words them alike is assumed.
"""

import base64
import ctypes
import importlib
import json
import logging
import os
import signal
import sys
import traceback
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

_PR_SET_PDEATHSIG = 1


class _NotLoaded(Exception):
    """There is no function to call. `kind` and the message are the platform's."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def main() -> None:
    """Answer requests until standard input ends."""
    answers = os.fdopen(int(sys.argv[1]), "w")
    _die_with(int(sys.argv[2]))
    sys.path.insert(0, os.environ["FC_FUNC_CODE_PATH"])
    os.chdir(os.environ["FC_FUNC_CODE_PATH"])
    for line in sys.stdin.buffer:
        request = json.loads(line)
        answer = _serve(request)
        sys.stdout.write(request["end_of_log"] + "\n")
        sys.stdout.flush()
        sys.stderr.flush()
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _die_with(parent: int) -> None:
    """Ask the kernel for it: a stopped process does not see the end of its input."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it was faster
            os.kill(os.getpid(), signal.SIGKILL)


def _serve(request: dict[str, Any]) -> dict[str, Any]:
    """An exit is no exception: it ends the process, here as there."""
    try:
        context = _context(request)
        function = _find(request["handler"])
        if request["kind"] != "invoke":
            function(context)
            return {"ok": True, "payload": ""}
        return {"ok": True, "payload": _text(function(base64.b64decode(request["event"]), context))}
    except _NotLoaded as error:
        return _failed(error.kind, str(error), _cause(error.__cause__))
    except Exception as error:  # noqa: BLE001 - the platform reports whatever a function raises
        frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is this function's
        return _failed(type(error).__name__, str(error), [
            [f'File "{frame.filename}"', f"line {frame.lineno}", f"in {frame.name}",
             frame.line or ""]
            for frame in frames
        ])  # fmt: skip


def _failed(kind: str, message: str, trace: list[Any]) -> dict[str, Any]:
    document = {"errorMessage": message, "errorType": kind, "stackTrace": trace}
    return {"ok": False, "payload": json.dumps(document)}


def _cause(error: BaseException | None) -> list[str]:
    """The last lines of a traceback, as the platform shows why a module could not be loaded."""
    lines = "".join(traceback.format_exception_only(type(error), error)).splitlines()
    return [text for line in lines if (text := line.replace("^", "").strip())]


def _find(handler: str) -> Any:
    """The function `module.name`; as there, a module is tried anew after it has failed."""
    module, _, name = handler.rpartition(".")
    try:
        if not module:
            raise ValueError(f"{handler!r} is not of the form module.function")
        loaded = importlib.import_module(module.replace("/", "."))
    except ImportError as error:
        raise _NotLoaded("ImportModuleError", f"Unable to import module '{module}'") from error
    except SyntaxError as error:
        raise _NotLoaded("UserCodeSyntaxError", f"Syntax error in module '{module}'") from error
    except ValueError as error:
        message = f"Invalid handler '{module or handler}'"
        raise _NotLoaded("InvalidHandleName", message) from error
    except Exception as error:
        raise _NotLoaded("UserCodeError", f"Module initialization error: '{error}'") from error
    try:
        return getattr(loaded, name)
    except AttributeError as error:
        message = f"Handler '{name}' is missing on module '{module}'"
        raise _NotLoaded("HandlerNotFound", message) from error


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    """What the platform makes JSON of beside the usual types."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date):  # datetime is one too
        return value.isoformat()
    if hasattr(value, "to_json"):
        return value.to_json()
    raise TypeError(f"{value!r} is not JSON serializable")


def _context(request: dict[str, Any]) -> SimpleNamespace:
    """What the contract in force promises: the 3.12 one has no credentials in it."""
    environ = os.environ
    keys = request["credentials"]
    function = SimpleNamespace(
        name=environ["FC_FUNCTION_NAME"],
        handler=request["handler"],
        memory=int(environ["FC_FUNCTION_MEMORY_SIZE"]),
        timeout=request["timeout"],
    )
    context = SimpleNamespace(
        request_id=request["request_id"],
        function=function,
        region=environ["FC_REGION"],
        account_id=environ["FC_ACCOUNT_ID"],
    )
    if request["contract"] == "python3.12":
        function.version_id, function.qualifier = "", "LATEST"
        context.logger = logging.getLogger()
        context.log_project, context.log_store = "", ""
        environ.update(
            ALIBABA_CLOUD_ACCESS_KEY_ID=keys["access_key_id"],
            ALIBABA_CLOUD_ACCESS_KEY_SECRET=keys["access_key_secret"],
            ALIBABA_CLOUD_SECURITY_TOKEN=keys["security_token"],
        )
    else:
        context.credentials = SimpleNamespace(**keys)
        context.service = SimpleNamespace(name="", log_project="", log_store="", qualifier="")
        context.retry_count, context.tracing, context.logger = 0, None, None
    return context


if __name__ == "__main__":
    main()
