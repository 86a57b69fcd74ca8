"""A bucket in memory: a store that does whatever the contract of `Store` lets a store do."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from fanlight.errors import ConfigError, TransientError, Unsettled
from fanlight.retry import Retry
from fanlight.store import Meta, Object, Store, Wanted, always
from tools.prove.fates import BUCKET, CRASHES, WRITE_CRASHES, Fate, Wish
from tools.prove.puppet import Puppet

_FAILS = Fate("fails", now=False, late=False, end="fail")
_DENIED = Fate("permission denied", now=False, late=False, end="denied")
_WRITE_FAILS = (
    _FAILS,
    Fate("carried out, answer lost", now=True, late=False, end="fail"),
    Fate("fails, lands late", now=False, late=True, end="fail"),
)
# What trying again within the store can come to. A put-if-absent may meet its own earlier try.
_OVERWRITES = Fate("tried twice, first lands late", now=True, late=True, end="unsettled")
_FIRST_WRITES = (
    Fate("tried twice, refused by itself", now=True, late=False, end="refused"),
    Fate("tried twice, first comes too late", now=True, late=True, end="answer"),
)


def read(found: Object | None, limit: int, wanted: Wanted) -> Object | None:
    """An object as its reader has it. What `wanted` itself asks for comes after it was found."""
    whole = found is None or (found.meta.size <= limit and wanted(found.meta))
    return found if found is None or whole else Object(found.meta, None)


@dataclass
class MemoryBucket:
    """The bucket itself. Versions never repeat."""

    name: str = BUCKET
    objects: dict[str, Object] = field(default_factory=dict)
    writes: int = 0

    def head(self, key: str) -> Meta | None:
        """See `Store.head`."""
        found = self.objects.get(key)
        return found.meta if found else None

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Object | None:
        """See `Store.get`."""
        return read(self.objects.get(key), limit, wanted)

    def put(self, key: str, data: bytes, *, if_absent: bool) -> bool:
        """See `Store.put`."""
        if if_absent and key in self.objects:
            return False
        self.writes += 1
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest().upper()
        self.objects[key] = Object(Meta(key, len(data), etag, f"v{self.writes}"), data)
        return True

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        self.objects.pop(key, None)

    def list(self, prefix: str) -> Iterator[Meta]:
        """See `Store.list`."""
        return iter(
            [self.objects[key].meta for key in sorted(self.objects) if key.startswith(prefix)]
        )


@dataclass
class _Gated:
    """The bucket as a puppet has it."""

    bucket: MemoryBucket
    puppet: Puppet
    name: str = BUCKET

    def head(self, key: str) -> Meta | None:
        found: Meta | None = self._ask("head", key, partial(self.bucket.head, key))
        return found

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Object | None:
        found: Object | None = self._ask("get", key, partial(self.bucket.objects.get, key))
        return read(found, limit, wanted)

    def put(self, key: str, data: bytes, *, if_absent: bool) -> bool:
        write = partial(self.bucket.put, key, data, if_absent=if_absent)
        return bool(self._ask("put", key, write, if_absent=if_absent))

    def delete(self, key: str) -> None:
        self._ask("delete", key, partial(self.bucket.delete, key))

    def list(self, prefix: str) -> Iterator[Meta]:
        found: Iterator[Meta] = self._ask("list", prefix, partial(self.bucket.list, prefix))
        return found

    def _ask(self, verb: str, key: str, carry_out: Any, *, if_absent: bool = False) -> Any:
        return self.puppet.ask(Wish(verb, key, if_absent, carry_out))


class MemoryCloud:
    """See `Cloud`. Trying again in place is the store's own affair here, so it is a fate."""

    def __init__(self) -> None:
        self._bucket = MemoryBucket()
        self.plain: Store = self._bucket

    def store(self, puppet: Puppet) -> tuple[Store, Retry]:
        """See `Cloud.store`."""
        return _Gated(self._bucket, puppet), Retry.lasting(60)

    def fates(self, wish: Wish) -> tuple[Fate, ...]:
        """See `Cloud.fates`."""
        if wish.verb != "put":
            return (_FAILS, _DENIED, *CRASHES)
        twice = _FIRST_WRITES if wish.if_absent else (_OVERWRITES,)
        return (*_WRITE_FAILS, *twice, *WRITE_CRASHES)

    def tell(self, end: str, value: Any) -> Any:
        """See `Cloud.tell`."""
        del value
        if end == "refused":
            return False
        if end == "denied":
            raise ConfigError("no permission")
        raise Unsettled("may still land") if end == "unsettled" else TransientError("no answer")
