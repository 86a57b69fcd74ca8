"""One function instance: a process that serves one request at a time.

It is held to its function's memory and disk, and frozen between requests: what a handler leaves
running in the background stands still, as it does on the platform. It dies with the thread that
started it, whatever ends that.
"""

import base64
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from math import inf
from pathlib import Path
from typing import Any, Literal

from tools.localcloud.credentials import Credentials
from tools.localcloud.environment import environ_of
from tools.localcloud.limits import Usage
from tools.localcloud.news import InstanceNews, OnNews
from tools.template import Function

_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
_LOG_BYTES = 4096
"""Of the end of a log that an answer carries, as with `x-fc-log-type: Tail`."""

_WATCH = 0.02
"""Seconds between looks at what an instance takes."""

OnLine = Callable[[str, str], None]
"""Called with the function's name and each line it prints."""


@dataclass(frozen=True)
class Answer:
    """What an invocation gave: the handler's value, or the platform's error document.

    `log`: the last 4 KB of what it printed, UTF-8.
    """

    ok: bool
    payload: str
    log: bytes = b""


class Instance:
    """Started cold; `invoke` initializes it first. Broken once its process has ended."""

    def __init__(  # noqa: PLR0913, PLR0917 - what the cloud has for each of its instances
        self, function: Function, environment: dict[str, str], python: str, on_line: OnLine,
        disks: Path | None = None, on_news: OnNews | None = None,
    ) -> None:  # fmt: skip
        """`environment` is added to the template's own variables.

        `disks`: the folder in which the instance gets its own; None: the machine's temporary one.
        `on_news`: told of each of its states.
        """
        self._function, self._on_line, self._on_news = function, on_line, on_news
        self._id = str(uuid.uuid4())
        self._initialized = function.initializer is None
        self._killed_at = inf
        # An instance's disk is its own, and gone with it.
        self._disk = tempfile.TemporaryDirectory(prefix="fanlight-instance-", dir=disks)
        answers, theirs = os.pipe()
        self._answers = os.fdopen(answers, "rb")
        self._process = subprocess.Popen(
            [python, str(_BOOTSTRAP), str(theirs), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[theirs],
            env=environ_of(function, self._id, self._disk.name, environment),
            start_new_session=True,  # Ctrl-C is for the cloud, which stops its instances in order
        )
        os.close(theirs)
        assert self._process.stdin  # noqa: S101 - for the type checker
        self._requests = self._process.stdin
        self._usage = Usage(function, self._process.pid, Path(self._disk.name))
        self._end_of_log = uuid.uuid4().hex
        self._printed = threading.Event()
        self._log = b""
        self._printer = threading.Thread(target=self._print, args=(on_line,), daemon=True)
        self._printer.start()
        self._tell("cold")

    def invoke(
        self, request_id: str, event: bytes, keys: Credentials, kill_after: float | None = None
    ) -> Answer:
        """Initialize if that is still to do, then run the handler on `event`.

        `kill_after`: seconds from now at which the process is killed, if it has not answered.
        """
        self._log = b""
        self._killed_at = inf if kill_after is None else time.monotonic() + kill_after
        answer = replace(self._invoke(request_id, event, keys), log=self._log)
        if self._on_news and self.alive:
            self._tell("warm")
        return answer

    @property
    def alive(self) -> bool:
        """Whether the instance can take another request."""
        return self._process.poll() is None

    def stop(self, keys: Credentials) -> None:
        """Run pre_stop, then end the process."""
        if self.alive and self._initialized and self._function.pre_stop:
            self._killed_at = inf
            self._ask("pre_stop", self._function.pre_stop, str(uuid.uuid4()), b"", keys,
                      self._function.pre_stop_timeout)  # fmt: skip
        self.kill()

    def kill(self) -> None:
        """End the process at once."""
        if self.alive:
            self._signal(signal.SIGKILL)
        self._process.wait()
        self._printer.join(1)
        self._answers.close()
        with suppress(OSError):  # a request that could not be sent is still in it
            self._requests.close()
        self._disk.cleanup()
        self._tell("ended")

    def _tell(self, state: Literal["cold", "busy", "warm", "ended"]) -> None:
        if self._on_news:
            self._on_news(InstanceNews(state, self._function.name, self._id))

    def _invoke(self, request_id: str, event: bytes, keys: Credentials) -> Answer:
        function = self._function
        if not self._initialized:
            assert function.initializer  # noqa: S101 - for the type checker
            answer = self._ask("initialize", function.initializer, request_id, b"", keys,
                               function.initializer_timeout)  # fmt: skip
            if not answer.ok:
                self.kill()
                return answer
            self._initialized = True
        self._tell("busy")
        return self._ask("invoke", function.handler, request_id, event, keys, function.timeout)

    def _ask(  # noqa: PLR0913, PLR0917 - the fields of one request
        self, kind: str, handler: str, request_id: str, event: bytes, keys: Credentials,
        timeout: float,
    ) -> Answer:  # fmt: skip
        request = {
            "kind": kind,
            "handler": handler,
            "request_id": request_id,
            "event": base64.b64encode(event).decode(),
            "credentials": asdict(keys),
            "contract": self._function.runtime,
            "timeout": int(timeout),
            "end_of_log": self._end_of_log,
        }
        self._printed.clear()
        began = time.monotonic()
        self._signal(signal.SIGCONT)
        try:
            self._requests.write(json.dumps(request).encode() + b"\n")
            self._requests.flush()
        except OSError:
            return self._died(0)
        if not self._answered(began + timeout):
            self.kill()
            what = "Function" if kind == "invoke" else kind
            peak = self._usage.peak_mb
            told = f"{what} timed out after {timeout:g} seconds (maxMemoryUsage: {peak:.2f}MB)"
            return Answer(ok=False, payload=error_document("FunctionTimedOut", told))
        line = self._answers.readline()
        if not line or self._usage.exceeded():
            return self._died(time.monotonic() - began)
        self._printed.wait(1)  # so that whoever has the answer has its log lines too
        self._signal(signal.SIGSTOP)
        answer: dict[str, Any] = json.loads(line)
        return Answer(answer["ok"], answer["payload"])

    def _answered(self, until: float) -> bool:
        """Wait for an answer or the end of the process; False if time ran out.

        An instance that takes more than its function has is ended, as the platform does.
        """
        while (left := until - time.monotonic()) > 0:
            alive = max(0.0, self._killed_at - time.monotonic())
            ready, _, _ = select.select([self._answers], [], [], min(left, alive, _WATCH))
            if ready:
                return True
            if time.monotonic() >= self._killed_at or self._usage.exceeded():
                self._signal(signal.SIGKILL)
                return True
        return False

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _died(self, seconds: float) -> Answer:
        """The platform's words for a crash and for too much of anything; the log tells which."""
        exceeded = self._usage.exceeded()
        if exceeded:
            self._signal(signal.SIGKILL)
        try:
            code = self._process.wait(1)
        except subprocess.TimeoutExpired:  # it lives, but has closed the pipe it answers on
            self.kill()
            code = self._process.wait()
        self._printer.join(1)  # its last lines are the ones that tell why
        why = exceeded or f"status {code}"
        self._on_line(self._function.name, f"the process ended: {why}")
        message = (
            "Process exited unexpectedly before completing request "
            f"(duration: {seconds * 1000:.0f}ms, maxMemoryUsage: {self._usage.peak_mb:.0f}MB)"
        )
        return Answer(ok=False, payload=error_document("ProcessExited", message))

    def _print(self, on_line: OnLine) -> None:
        assert self._process.stdout  # noqa: S101 - for the type checker
        with self._process.stdout as lines:
            for line in lines:
                text = line.decode("utf-8", "replace").rstrip("\n")
                rest = text.removesuffix(self._end_of_log)
                if rest or rest == text:
                    self._log = (self._log + rest.encode() + b"\n")[-_LOG_BYTES:]
                    with suppress(OSError):  # whoever read the log has gone; the function goes on
                        on_line(self._function.name, rest)
                if rest != text:
                    self._printed.set()


def error_document(kind: str, message: str) -> str:
    """What the platform answers when there is no traceback to show."""
    return json.dumps({"errorMessage": message, "errorType": kind})


def default_python() -> str:
    """The interpreter this process runs on."""
    return sys.executable
