"""A whole buffer into a pipe or out of it, with looks at its other end while that takes long."""

import os
import select
from collections.abc import Callable
from contextlib import suppress
from fcntl import fcntl
from typing import Any

_SET_PIPE_SIZE, _PIPE_BYTES = 1031, 1 << 20
"""F_SETPIPE_SZ of Linux's fcntl.h, and what any user may ask for: pixels are megabytes."""

_WATCH_MS = 20
"""Between two calls of `watch`, which looks at the memory of a process, too."""


def wide_pipe() -> tuple[int, int]:
    """Where to read and where to write, with as much room between as there may be."""
    read, write = os.pipe()
    with suppress(OSError):
        fcntl(write, _SET_PIPE_SIZE, _PIPE_BYTES)
    return read, write


def sent(pipe: int, data: Any, watch: Callable[[], None] | None = None) -> None:
    """Write all of `data`, a contiguous buffer. `watch` may raise to give up.

    With `watch` the pipe has to be one that does not block. OSError when nobody reads it.
    """
    left = _bytes_of(data)
    while left:
        _wait(pipe, select.POLLOUT, watch)
        left = left[os.write(pipe, left) :]


def filled(pipe: int, buffer: Any, watch: Callable[[], None] | None = None) -> Any:
    """`buffer`, filled from the pipe; EOFError when that ends before. `watch` as in `sent`."""
    left = _bytes_of(buffer)
    while left:
        _wait(pipe, select.POLLIN, watch)
        count = os.readv(pipe, [left])
        if not count:
            raise EOFError
        left = left[count:]
    return buffer


def _bytes_of(buffer: Any) -> memoryview:
    view = memoryview(buffer)
    return view.cast("B") if view.nbytes else memoryview(b"")  # what is empty cannot be cast


def _wait(pipe: int, event: int, watch: Callable[[], None] | None) -> None:
    if watch is None:
        return  # the call itself waits
    poll = select.poll()
    poll.register(pipe, event)
    while not poll.poll(_WATCH_MS):
        watch()
