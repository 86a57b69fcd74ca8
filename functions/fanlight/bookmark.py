"""Where the listing of a bucket too large for one pass goes on: a key, kept beside the results."""

import json
from dataclasses import dataclass

from fanlight.errors import TransientError
from fanlight.log import Log
from fanlight.place import Place
from fanlight.store import Store

NAME = ".sweep"
"""Follows the output prefix. No result has this key: results end with `.json`."""

_LIMIT = 8 << 10
"""Bytes: a key has 1,023 at most, and JSON writes some bytes as six characters."""


@dataclass(frozen=True)
class Bookmark:
    """The key after which the next pass begins, in `store` under `output`; "" for the first one.

    Reading raises what the store raises. What is no key below `input` is nobody's loss: the pass
    begins at the beginning.
    """

    store: Store
    input: Place
    output: Place
    log: Log

    @property
    def key(self) -> str:
        """Where it is kept."""
        return f"{self.output.prefix}{NAME}"

    def read(self) -> str:
        """The key, which need not be there any more."""
        found = self.store.get(self.key, _LIMIT)
        if found is None:
            return ""
        try:
            after = json.loads(found.data or b"")["after"]
            if after == "" or self.input.relative(after) is not None:
                return str(after)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            pass
        self.log("bookmark ignored", key=self.key)
        return ""

    def keep(self, after: str) -> None:
        """Begin the next pass there, or, if that cannot be written now, where this one did."""
        try:
            self.store.put(self.key, json.dumps({"after": after}).encode(), if_absent=False)
        except TransientError as error:
            self.log("bookmark not kept", key=self.key, reason=str(error))
