"""A whole buffer into a pipe or out of it, with looks at its other end while that takes long."""

import os
import select
from collections.abc import Callable
from typing import Any

_WATCH_MS = 20
"""Between two calls of `watch`, which looks at the memory of a process, too."""


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
