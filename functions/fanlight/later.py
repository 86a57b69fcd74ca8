"""Modules that a library imports for what we never do with it, left for their first use."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any


@contextmanager
def left_for_later(names: Iterable[str]) -> Iterator[None]:
    """Inside, importing one of `names` gives a stand-in, which imports the module when it is used.

    For a module that is imported as a whole, `from package import module`: of one from which names
    are taken, `from package.module import name`, the stand-in is used there and then. Outside,
    nothing of it is left but what was imported inside: whoever imports one of `names` afterwards
    gets the module itself. A module that has been imported already stays as it is.
    """
    stand_ins = [_StandIn(name) for name in names if name not in sys.modules]
    sys.modules.update({stand_in.__name__: stand_in for stand_in in stand_ins})
    try:
        yield
    finally:
        for stand_in in stand_ins:
            _leave(stand_in)


class _StandIn(ModuleType):
    """Answers for a module of the same name."""

    def __getattr__(self, attribute: str) -> Any:
        _leave(self)  # or it would find itself
        return getattr(import_module(self.__name__), attribute)


def _leave(stand_in: ModuleType) -> None:
    if sys.modules.get(stand_in.__name__) is stand_in:
        del sys.modules[stand_in.__name__]
