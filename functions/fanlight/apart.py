"""Decoding in a process of its own, so that an image that crashes its decoder costs itself alone.

A child is forked for the first image and kept for those that follow; when one ends it, the next has
a new one. It only decodes. The threads of LiteRT and OpenCV do not live in a fork, so it never
infers, and is told to use none.
"""

import gc
import json
import math
import os
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from resource import RLIMIT_CORE, setrlimit
from threading import Lock
from typing import Any, NoReturn

import cv2
import numpy as np

from fanlight.answer import Answerer
from fanlight.config import Limits
from fanlight.errors import DecoderEnded, FanlightError, Rejected
from fanlight.image import Decode, Header, Pixels
from fanlight.pipe import filled, sent, wide_pipe

_REQUEST, _ANSWER = struct.Struct("<QQQ"), struct.Struct("<I")
"""Bytes of the image and both limits, then the image; bytes of JSON, then it, then the pixels."""

_LONGEST_ANSWER, _LONGEST_FAULT = 64 * 1024, 1000
"""Bytes of JSON and characters in it: a child that has gone wrong may announce anything."""

_CHANNELS = 4
"""The most that a pixel has."""

_FORKING = Lock()
"""A child forked meanwhile would keep another's pipe open, and nobody notice the other's end."""


@contextmanager
def spared(
    answerer: Answerer, seconds: Callable[[], float], memory: int | None = None
) -> Iterator[Answerer]:
    """The same answers, with each image decoded apart where that can be done; see `Apart`."""
    if sys.platform != "linux":
        yield answerer
        return
    with closing(Apart(answerer.decode, seconds, memory)) as apart:
        yield answerer.decoding(apart)


class Apart:
    """A `Decode` that has another one done in a child. Linux only."""

    def __init__(
        self, decode: Decode, seconds: Callable[[], float], memory: int | None = None
    ) -> None:
        """`seconds`: how long an image begun now may take.

        `memory`: bytes that this process and its child may hold together; None sets no limit.
        """
        self._decode, self._seconds, self._memory = decode, seconds, memory
        self._child: _Child | None = None
        self._one_at_a_time = Lock()

    def __call__(self, data: bytes, limits: Limits) -> tuple[Header, Pixels]:
        """What `decode` gives or rejects; DecoderEnded when its process does not live to tell."""
        with self._one_at_a_time:
            try:
                child = self._child = self._child or _forked(self._decode)
            except OSError:  # where no process can be had, the image is decoded all the same
                return self._decode(data, limits)
            watch = _Watch(child.process, self._seconds(), self._memory)
            done = False
            try:
                answer = child.ask(data, limits, watch)
                done = True
            except (EOFError, OSError):
                cause = _cause(self.close())
                raise DecoderEnded(f"the decoder process ended: {cause}") from None
            except (ValueError, KeyError, TypeError, AttributeError):
                raise DecoderEnded("the decoder process gave an answer that is none") from None
            finally:
                if not done:
                    self.close()
        if isinstance(answer, FanlightError):
            raise answer
        return answer

    def close(self) -> int | None:
        """End the child, if there is one; the status it ended with, where that is known."""
        child, self._child = self._child, None
        return child.end() if child else None


@dataclass(frozen=True)
class _Child:
    """A process, the pipe it is asked through and the one it answers on."""

    process: int
    requests: int
    answers: int

    def ask(
        self, data: bytes, limits: Limits, watch: "_Watch"
    ) -> tuple[Header, Pixels] | FanlightError:
        """What it says of an image.

        EOFError or OSError when it has ended; ValueError, KeyError, TypeError or AttributeError
        when it says what it should not.
        """
        sent(self.requests, _REQUEST.pack(len(data), limits.max_bytes, limits.max_pixels), watch)
        sent(self.requests, data, watch)
        (size,) = _ANSWER.unpack(filled(self.answers, bytearray(_ANSWER.size), watch))
        if size > _LONGEST_ANSWER:
            raise ValueError(size)
        said = json.loads(filled(self.answers, bytearray(size), watch))
        if "rejected" in said:
            return Rejected(*said["rejected"])
        if "fault" in said:
            return FanlightError(f"decoding failed: {said['fault']}")
        shape = said["shape"]
        if not 0 < math.prod(shape) <= _CHANNELS * limits.max_pixels:
            raise ValueError(shape)
        return Header(**said["header"]), filled(self.answers, np.empty(shape, np.uint8), watch)

    def end(self) -> int | None:
        os.close(self.requests)
        os.close(self.answers)
        with suppress(ProcessLookupError):
            os.kill(self.process, signal.SIGKILL)  # no effect on one that has ended by itself
        with suppress(ChildProcessError):  # where SIGCHLD is ignored, nobody is told
            return os.waitpid(self.process, 0)[1]
        return None


def _forked(decode: Decode) -> _Child:
    with _FORKING:
        return _fork(decode)


def _fork(decode: Decode) -> _Child:
    asked, requests = wide_pipe()
    answers, told = wide_pipe()
    os.set_blocking(requests, False)
    # What runs at a fork may swallow a Ctrl-C that comes within.
    signals = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        process = os.fork()
        if process == 0:
            os.close(requests)  # else it would wait for itself when this process has gone
            os.close(answers)
            _serve(decode, asked, told)
    except OSError:
        os.close(requests)
        os.close(answers)
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, signals)
        os.close(asked)
        os.close(told)
    return _Child(process, requests, answers)


def _serve(decode: Decode, asked: int, told: int) -> NoReturn:
    """The child: never returns, so that none of the parent's clean-up runs twice."""
    status = 1
    try:
        gc.disable()  # what could be collected is the parent's to clean up
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this
        setrlimit(RLIMIT_CORE, (0, 0))
        with suppress(OSError):  # the kernel is to take the child when memory runs out
            Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
        cv2.setNumThreads(0)
        with suppress(EOFError):
            while True:
                size, *limits = _REQUEST.unpack(filled(asked, bytearray(_REQUEST.size)))
                data = bytes(filled(asked, bytearray(size)))
                for part in _answer(decode, data, Limits(*limits)):
                    sent(told, part)
        status = 0
    finally:
        os._exit(status)


def _answer(decode: Decode, data: bytes, limits: Limits) -> list[Any]:
    pixels: list[Pixels] = []
    said: dict[str, Any]
    try:
        header, decoded = decode(data, limits)
        pixels = [np.ascontiguousarray(decoded)]
        said = {"header": asdict(header), "shape": decoded.shape}
    except Rejected as reason:
        said = {"rejected": [reason.code, reason.message]}
    except Exception as error:  # noqa: BLE001 - the parent tells of it
        said = {"fault": f"{type(error).__name__}: {error}"[:_LONGEST_FAULT]}
    text = json.dumps(said).encode()
    return [_ANSWER.pack(len(text)), text, *pixels]


@dataclass(frozen=True)
class _Watch:
    """Raises DecoderEnded when the child is to be given up."""

    child: int
    seconds: float
    memory: int | None
    began: float = field(default_factory=time.monotonic)

    def __call__(self) -> None:
        if time.monotonic() > self.began + self.seconds:
            raise DecoderEnded(
                f"the decoder process was ended: it was not done after {self.seconds:.1f} s"
            )
        if self.memory is None:
            return
        with suppress(OSError):
            ours, shared = _resident(os.getpid())
            theirs, _ = _resident(self.child)
            # What the child has not written to is still the parent's own: counted once.
            if ours + max(0, theirs - ours) + shared > self.memory:
                raise DecoderEnded(
                    "the decoder process was ended: it took more than the function's "
                    f"{self.memory >> 20} MB"
                )


def _resident(process: int) -> tuple[int, int]:
    """Bytes of memory a process holds as its own, and those of files. Source: proc(5), statm."""
    fields = Path(f"/proc/{process}/statm").read_text("ascii").split()
    page = os.sysconf("SC_PAGE_SIZE")
    return (int(fields[1]) - int(fields[2])) * page, int(fields[2]) * page


def _cause(status: int | None) -> str:
    """`signal 11 (SIGSEGV)` or `exit code 3`."""
    if status is None:
        return "how is not known"
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return f"signal {-code} ({signal.Signals(-code).name})"
    return f"signal {-code}"
