"""What is so now, and the changes that led there, for any number of pages that look on.

Nothing is kept for a page but its place in the changes, so one that is slow, or never reads, costs
nobody anything: when the changes it has not seen are gone it is given everything anew.
"""

import secrets
import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

MOST = 500
"""Records of one kind; the oldest go first."""
_CHANGES = 2000


@dataclass(frozen=True)
class Batch:
    """What a page is to be told. `place`: where it goes on.

    `records`: in order, each with its `kind` and `id`, whole, or `gone`. `anew`: they are all there
    is, whatever the page had before.
    """

    place: str
    records: list[dict[str, Any]]
    anew: bool = False


class Feed:
    """Records by kind and id; any thread may use it, and no call waits for a page."""

    def __init__(self) -> None:
        self._epoch = secrets.token_hex(4)  # a place in another start's changes is none in these
        self._kinds: dict[str, dict[str, dict[str, Any]]] = {}
        self._changes: deque[dict[str, Any]] = deque(maxlen=_CHANGES)
        self._count = 0
        self._state = threading.Condition()
        self._closed = False

    def put(self, kind: str, id: str, **fields: Any) -> None:  # noqa: A002 - its name in the page
        """Change the fields of a record, or begin one."""
        with self._state:
            records = self._kinds.setdefault(kind, {})
            # A new one each time: what was given out is not changed under its reader.
            record = {**records.pop(id, {"kind": kind, "id": id}), **fields}
            records[id] = record  # at the end, as the latest
            if len(records) > MOST:
                del records[next(iter(records))]
            self._changed(record)

    def remove(self, kind: str, id: str) -> None:  # noqa: A002
        """Forget a record."""
        with self._state:
            if self._kinds.get(kind, {}).pop(id, None) is not None:
                self._changed({"kind": kind, "id": id, "gone": True})

    def get(self, kind: str, id: str) -> dict[str, Any] | None:  # noqa: A002
        """A record as it is now."""
        with self._state:
            return self._kinds.get(kind, {}).get(id)

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Every record of a kind, oldest first."""
        with self._state:
            return list(self._kinds.get(kind, {}).values())

    def after(self, place: str, patience: float) -> Batch | None:
        """What has changed since a place, waiting up to `patience` seconds for something.

        An unknown place, or one too long ago, gets everything. None once the feed is closed.
        """
        with self._state:
            epoch, _, number = place.partition("-")
            # One digit more than it can have, and int() would refuse what is very long.
            number = number[:20]
            known = epoch == self._epoch and number.isdecimal() and int(number) <= self._count
            missed = self._count - int(number) if known else _CHANGES + 1
            if not missed:
                self._state.wait_for(lambda: self._closed or self._count > int(number), patience)
                missed = self._count - int(number)
            if self._closed:
                return None
            here = f"{self._epoch}-{self._count}"
            if missed > len(self._changes):
                kinds = self._kinds.values()
                return Batch(
                    here, [record for kind in kinds for record in kind.values()], anew=True
                )
            return Batch(here, list(self._changes)[len(self._changes) - missed :])

    def close(self) -> None:
        """End every page's wait."""
        with self._state:
            self._closed = True
            self._state.notify_all()

    def _changed(self, record: dict[str, Any]) -> None:
        self._changes.append(record)
        self._count += 1
        self._state.notify_all()
