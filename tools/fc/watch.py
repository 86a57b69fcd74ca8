"""What became of keys that were sent away: asked of their results, and of dead letters."""

import re
import time
from dataclasses import dataclass
from typing import Any

from fanlight import errors
from fanlight.errors import KeyRefused, StaleCredentials, TransientError
from fanlight.place import result_key
from fanlight.reconcile import RESULT_LIMIT, Outcome, document_of
from fanlight.result import version_of
from fanlight.work import describe
from tools.letters import LETTER_LIMIT, letter_in
from tools.places import Side

_SKEW = 3600.0
"""Seconds by which this machine's clock may be ahead of the one that dates letters."""

_LONGEST_REASON = 300
_DAY = 86_400.0
_REQUEST_ID = re.compile(r"[\w-]+")


@dataclass(frozen=True)
class Look:
    """What is known of a key: its outcome, or why there is none yet.

    `stale`: it has a result, which is of another version of the image.
    """

    outcome: dict[str, Any] | None
    why: str = ""
    stale: bool = False


@dataclass(frozen=True)
class Letter:
    """A dead letter. `key`: the image it names, None if it is about a whole event.

    `suspected`: the event failed as a whole, as when it ends its instance; one of its keys may have
    done that, and this be another. `ours`: by what our own code raised on purpose, a wrong setting
    for one, so that no key is to blame.
    """

    name: str
    key: str | None
    suspected: bool
    reason: str
    ours: bool = False

    def outcome(self, key: str) -> dict[str, Any]:
        """What it says of a key."""
        return failed(key, f"{self.reason} (dead letter {self.name})")


@dataclass(frozen=True)
class Watch:
    """Where images, their results and dead letters are. Any thread may ask."""

    images: Side
    results: Side
    failed: Side | None

    def target(self, key: str) -> str:
        """The key of the result of `key`. KeyRefused when it can have none."""
        relative = self.images.place.relative(key)
        if relative is None:
            raise KeyRefused(f"{key} is not below {self.images.place}")
        try:
            key.encode()
        except UnicodeEncodeError:
            raise KeyRefused("its key is not valid Unicode, so no event can name it") from None
        return result_key(relative, self.results.place)

    def look(self, key: str) -> Look:
        """Two requests: the result, and then the image that it has to be true of.

        Raises ConfigError, and StaleCredentials. What another try may mend is a reason to look
        again later.
        """
        try:
            target = self.target(key)
            document = document_of(self.results.store.get(target, RESULT_LIMIT))
            image = self.images.store.head(key)
        except StaleCredentials:
            raise
        except TransientError as error:
            return Look(None, str(error))
        except KeyRefused as error:
            return Look(failed(key, str(error)))
        if image is None:
            return Look(describe(Outcome(key, "gone", target)))
        if document is None:
            return Look(None, "there is no result")
        if version_of(document) != image.version:
            return Look(None, "its result is of another version of the image", stale=True)
        return Look(describe(Outcome(key, str(document["status"]), target, document)))

    def letters(self, request_id: str, since: float) -> list[Letter]:
        """What was filed of one request after its last retry; `since`: seconds since 1970.

        They are found by the request's id, which their names begin with, one listing a day: notes
        on other events do not matter here, however many there are.
        """
        if self.failed is None or not _REQUEST_ID.fullmatch(request_id):
            return []
        found = []
        for date in _dates(since - _SKEW, time.time()):
            prefix = f"{self.failed.place.prefix}{date}/{request_id}-"
            try:
                for meta in self.failed.store.list(prefix):
                    found += self._read(meta.key)
            except StaleCredentials:
                raise
            except TransientError:
                pass  # they are asked for again
        return found

    def _read(self, name: str) -> list[Letter]:
        assert self.failed is not None  # noqa: S101 - for the type checker
        document = self.failed.store.get(name, LETTER_LIMIT)
        letter = letter_in(document.data if document else None)
        if letter is None or "suspected" not in letter:
            return []  # a note that cannot be read says nothing
        source, error, suspected = letter["source"], letter["error"], bool(letter["suspected"])
        kind, message = error["type"], error["message"]
        named = source is not None and not suspected
        reason = (message if named else f"{kind}: {message}")[:_LONGEST_REASON]
        key = source["key"] if source else None
        return [Letter(name, key, suspected, reason, hasattr(errors, kind))]


def failed(key: str, reason: str) -> dict[str, Any]:
    """The outcome of a key that has no result that is true of it."""
    return {"key": key, "outcome": "failed", "reason": reason}


def _dates(first: float, last: float) -> list[str]:
    """The days, in UTC, that letters of this time are filed under."""
    days = range(int(first // _DAY), int(last // _DAY) + 1)
    return [time.strftime("%Y-%m-%d", time.gmtime(day * _DAY)) for day in days]
