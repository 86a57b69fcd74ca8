"""Decoding in a process of its own, so that an image that crashes its decoder costs itself alone.

Each image has a child forked for it: the child has the image without sending it, and what an image
did to its memory is gone with it. It only decodes. The threads of LiteRT and OpenCV do not live in
a fork, so it never infers, and is told to use none.
"""

import json
import os
import select
import signal
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from fcntl import fcntl
from functools import partial
from pathlib import Path
from resource import RLIMIT_CORE, setrlimit
from typing import Any, NoReturn

import cv2
import numpy as np

from fanlight.answer import Answerer
from fanlight.config import Limits
from fanlight.errors import DecoderEnded, FanlightError, Rejected
from fanlight.image import Decode, Header, Pixels

_WATCH_MS = 20
"""Between looks at the child's memory."""

_SET_PIPE_SIZE, _PIPE_BYTES = 1031, 1 << 20
"""F_SETPIPE_SZ of Linux's fcntl.h, and what any user may ask for: pixels are megabytes."""

_HEAD = struct.Struct("<I")


@dataclass(frozen=True)
class Apart:
    """A `Decode` that has another one done in a child. Linux only.

    `seconds`: how long an image begun now may take. `memory`: bytes that this process and its child
    may hold together; None sets no limit.
    """

    decode: Decode
    seconds: Callable[[], float]
    memory: int | None = None

    def __call__(self, data: bytes, limits: Limits) -> tuple[Header, Pixels]:
        """What `decode` gives or rejects; DecoderEnded when it does not live to tell."""
        try:
            child, pipe = _forked(partial(self.decode, data, limits))
        except OSError:  # where no process can be had, the image is decoded all the same
            return self.decode(data, limits)
        watch = _Watch(child, self.seconds(), self.memory)
        try:
            told = _received(pipe, watch)
        except EOFError:
            told = None
        finally:
            os.close(pipe)
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)  # no effect on one that has ended by itself
            _, status = os.waitpid(child, 0)
        if told is None:
            raise DecoderEnded(f"the decoder process ended: {_cause(status)}")
        return told


def spared(answerer: Answerer, seconds: Callable[[], float], memory: int | None = None) -> Answerer:
    """The same answers, with each image decoded apart where that can be done."""
    if sys.platform != "linux":
        return answerer
    return answerer.decoding(Apart(answerer.decode, seconds, memory))


def _forked(decode: Callable[[], tuple[Header, Pixels]]) -> tuple[int, int]:
    """The process id of a child that decodes, and the pipe it answers on."""
    read, write = os.pipe()
    try:
        with suppress(OSError):
            fcntl(write, _SET_PIPE_SIZE, _PIPE_BYTES)
        child = os.fork()
        if child == 0:
            _decode_and_leave(decode, write)
    except OSError:
        os.close(read)
        raise
    finally:
        os.close(write)
    return child, read


def _decode_and_leave(decode: Callable[[], tuple[Header, Pixels]], write: int) -> NoReturn:
    """The child: never returns, so that none of the parent's clean-up runs twice."""
    status = 1
    try:
        setrlimit(RLIMIT_CORE, (0, 0))
        with suppress(OSError):  # the kernel is to take the child when memory runs out
            Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
        cv2.setNumThreads(0)
        for part in _answer(decode):
            left = memoryview(part).cast("B")
            while left:
                left = left[os.write(write, left) :]
        status = 0
    finally:
        os._exit(status)


def _answer(decode: Callable[[], tuple[Header, Pixels]]) -> list[Any]:
    """A length, as many bytes of JSON, and the pixels whose shape it tells."""
    pixels: list[Pixels] = []
    said: dict[str, Any]
    try:
        header, decoded = decode()
        pixels = [np.ascontiguousarray(decoded)]
        said = {"header": asdict(header), "shape": decoded.shape}
    except Rejected as reason:
        said = {"rejected": [reason.code, reason.message]}
    except Exception as error:  # noqa: BLE001 - the parent tells of it
        said = {"fault": f"{type(error).__name__}: {error}"}
    text = json.dumps(said).encode()
    return [_HEAD.pack(len(text)), text, *pixels]


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


def _received(pipe: int, watch: Callable[[], None]) -> tuple[Header, Pixels]:
    """What the child tells; EOFError when it ends before it has told all."""
    head = _filled(pipe, bytearray(_HEAD.size), watch)
    said = json.loads(_filled(pipe, bytearray(*_HEAD.unpack(head)), watch))
    if "rejected" in said:
        raise Rejected(*said["rejected"])
    if "fault" in said:
        raise FanlightError(f"decoding failed: {said['fault']}")
    return Header(**said["header"]), _filled(pipe, np.empty(said["shape"], np.uint8), watch)


def _filled(pipe: int, buffer: Any, watch: Callable[[], None]) -> Any:
    """`buffer`, filled from the pipe."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    left = memoryview(buffer).cast("B")
    while left:
        while not poll.poll(_WATCH_MS):
            watch()
        count = os.readv(pipe, [left])
        if not count:
            raise EOFError
        left = left[count:]
    return buffer


def _cause(status: int) -> str:
    """`signal 11 (SIGSEGV)` or `exit code 3`."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return f"signal {-code} ({signal.Signals(-code).name})"
    return f"signal {-code}"
