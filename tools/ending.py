"""How a long run ends before its time: by whom it is stopped, and with whom it goes."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM and SIGHUP stop what is in here as Ctrl-C does, by KeyboardInterrupt.

    They come from whoever else ends a process in order: a service manager, a scheduler, a terminal
    that is closed. One that is ignored, as nohup has it, still is.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():  # no other can have handlers
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_with_parent() -> None:
    """End this process of `multiprocessing` as soon as the one that started it has ended.

    A pool's processes hold both ends of its queue, so that none of them hears of that otherwise,
    and would wait for work for ever.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)  # as a crash would: what is at hand is done anew by the next run
