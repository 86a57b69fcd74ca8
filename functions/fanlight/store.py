"""Where objects are kept: what reconciling asks of a bucket or a folder, and nothing more."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Meta:
    """What a store knows of an object without its bytes. Equal versions: the very same object.

    `size`: bytes. `etag`: as the store tells it, "" where it would have to read the object.
    `modified`: when it was written, in seconds since 1970, as the store tells it: OSS in whole
    seconds of its own clock. It tells nothing that `version` does not, so it is not compared.
    """

    key: str
    size: int
    etag: str
    version: str
    modified: float = field(default=0.0, compare=False)


@dataclass(frozen=True)
class Object:
    """An object and the bytes of exactly that version; `data` is None if they were not read."""

    meta: Meta
    data: bytes | None


Wanted = Callable[[Meta], bool]
"""Asked when an object is known and its bytes are not read yet: whether they are to be."""


def always(_: Meta) -> bool:
    """Every object's bytes are wanted."""
    return True


class Store(Protocol):
    """A bucket or a folder.

    Every method raises TransientError when trying again can help, ConfigError when a setting or
    a permission has to change, and KeyRefused for a key the store can never hold.
    """

    name: str
    """How results call it: a bucket's name, or `file:///...`."""

    def head(self, key: str) -> Meta | None:
        """What the store knows of the object; None if there is none."""

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Object | None:
        """The object, whole, unless it has more than `limit` bytes; None if there is none.

        Without its bytes, too, if `wanted` says so. It may be asked about several versions, and
        may let its caller wait.
        """

    def put(self, key: str, data: bytes, *, if_absent: bool) -> bool:
        """Write all of `data` or nothing. False: `if_absent`, and there is an object already.

        Raises Unsettled when it is written, but may be overwritten by an earlier try of the same.
        """

    def delete(self, key: str) -> None:
        """Remove the object if it is there."""

    def list(self, prefix: str) -> Iterator[Meta]:
        """Every object whose key starts with `prefix`, in a stable order, a few at a time."""
