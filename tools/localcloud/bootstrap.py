"""Runs inside an instance: serves one function as Function Compute's Python runtime does.

Standard library only, and no part of Fanlight: it stands for the platform. Requests arrive as JSON
lines on standard input, answers leave as JSON lines on the descriptor named by the first argument;
standard output and error are the function's own.
"""

import base64
import importlib
import json
import logging
import os
import sys
import traceback
from types import SimpleNamespace
from typing import Any


def main() -> None:
    """Answer requests until standard input ends."""
    answers = os.fdopen(int(sys.argv[1]), "w")
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


def _serve(request: dict[str, Any]) -> dict[str, Any]:
    try:
        context = _context(request)
        function = _find(request["handler"])
        if request["kind"] != "invoke":
            function(context)
            return {"ok": True, "payload": ""}
        return {"ok": True, "payload": _text(function(base64.b64decode(request["event"]), context))}
    except BaseException as error:  # noqa: BLE001 - the platform reports whatever a function raises
        document = {
            "errorMessage": str(error),
            "errorType": type(error).__name__,
            "stackTrace": traceback.format_exc().splitlines(),
        }
        return {"ok": False, "payload": json.dumps(document)}


def _find(handler: str) -> Any:
    module, _, name = handler.rpartition(".")
    if not module:
        raise ValueError(f"handler {handler!r} is not of the form module.function")
    return getattr(importlib.import_module(module), name)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else json.dumps(value)


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
