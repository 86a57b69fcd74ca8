"""What goes on while an instance imports the rest: downloads, and the first connection to OSS."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from fanlight.archive import Archive
from fanlight.config import Config
from fanlight.errors import FanlightError, TransientError
from fanlight.place import RESULT_SUFFIX
from fanlight.reconcile import Reconciler
from fanlight.result import Source
from fanlight.retry import Retry
from fanlight.store_oss import OssStore

_PATIENCE = 1.0
"""Seconds to wait for a first connection: without it, the first image makes its own."""

_NOTHING = ".fanlight"
"""What is asked for below a prefix, where the function may read: no image is called so."""

Waiting = Mapping[Archive, Callable[[], Path]]
"""Archives, each with what waits for its folder."""


class Beginning:
    """What `begun` has under way."""

    def __init__(self, config: Config, wait_for: Waiting, connecting: "_Connecting") -> None:
        self._config, self._wait_for, self._connecting = config, wait_for, connecting

    def model(self) -> Path:
        """Wait for libraries, which can be imported then, and for the model: its folder.

        Raises what `install` raises.
        """
        libs, model = self._config.libs, self._config.model
        if libs:
            # Behind what the package brings itself, so that it never replaces any of it.
            sys.path.append(str(self._wait_for[libs]()))
        return model if isinstance(model, Path) else self._wait_for[model]()

    def connected(self) -> bool:
        """Whether OSS has answered, after a short wait."""
        self._connecting.join(_PATIENCE)
        return self._connecting.answered


@contextmanager
def begun(config: Config, open_store: Callable[..., OssStore], retry: Retry) -> Iterator[Beginning]:
    """Inside, all of it is under way; afterwards no download goes on, whatever has happened.

    `open_store` takes a bucket's name, and as `retry` how to repeat requests; `retry` is that of
    the downloads.
    """
    connecting = _Connecting(config, partial(open_store, retry=Retry.lasting(0)))
    connecting.start()
    with _downloads(config, partial(open_store, retry=retry)) as wait_for:
        yield Beginning(config, wait_for, connecting)


def connect(reconciler: Reconciler) -> None:
    """Open the connections of an event of one image, by asking for what is not there.

    Twice: so the other end is warm as well. Whatever becomes of it, the first image will tell; one
    that does not answer is not waited for.
    """
    # Somebody may have put an image there, which could end every instance in its initializer.
    blind = replace(reconciler, answer=_no_answer, max_bytes=0)

    def ask() -> None:
        with suppress(Exception):
            for _ in range(2):
                blind.reconcile(blind.input.prefix + _NOTHING)

    asking = Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_PATIENCE)


def _no_answer(source: Source, _: bytes | None) -> dict[str, Any]:
    raise FanlightError(f"{source.key}: no image is read yet")


class _Connecting(Thread):
    """Asks for a result that is not there: the connection stays open, and imports are done."""

    def __init__(self, config: Config, open_store: Callable[[str], OssStore]) -> None:
        super().__init__(daemon=True)  # an endpoint that does not answer holds nobody up
        self.answered = False
        self._output, self._open_store = config.output, open_store

    def run(self) -> None:
        key = f"{self._output.prefix}{_NOTHING}{RESULT_SUFFIX}"
        try:
            self._open_store(self._output.bucket).get(key, 1)
        except TransientError:
            return
        except FanlightError:  # a setting or a permission is wrong: for the first image to tell
            pass
        self.answered = True


@contextmanager
def _downloads(config: Config, open_store: Callable[[str], OssStore]) -> Iterator[Waiting]:
    """All at the same time."""
    archives = [item for item in (config.libs, config.model) if isinstance(item, Archive)]
    if not archives:
        yield {}
        return
    # Of no use to a function that has its model in its package.
    from concurrent.futures import ThreadPoolExecutor

    from fanlight.install import install

    with ThreadPoolExecutor(len(archives)) as pool:
        yield {archive: pool.submit(install, archive, open_store).result for archive in archives}
