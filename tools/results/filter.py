"""Which results are wanted: by what they say, by their image's key, by when they were written."""

import fnmatch
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property

from tools.results.rows import Row

_AGE = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Filter:
    """What is not set lets everything through; of a set, one is enough.

    `labels`, `least` and `most` (scores, both included) speak of one prediction: the best, or with
    `any_prediction` any that the result holds. `key`: how the image's key begins, below the place;
    with `*`, `?` or `[` in it, the whole of it, where `*` passes slashes too. `since` (included)
    and `until` (not): seconds since 1970.
    """

    labels: frozenset[str] = frozenset()
    least: float | None = None
    most: float | None = None
    any_prediction: bool = False
    statuses: frozenset[str] = frozenset()
    decisions: frozenset[str] = frozenset()
    key: str = ""
    since: float | None = None
    until: float | None = None

    @cached_property
    def beginning(self) -> str:
        """What every wanted key begins with, so that no more than these is listed."""
        return _WILD.split(self.key, maxsplit=1)[0]

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        return re.compile(fnmatch.translate(self.key)) if self.beginning != self.key else None

    @property
    def of_results(self) -> bool:
        """Whether any result can be wanted."""
        return self.statuses != {"failed"}

    @property
    def of_letters(self) -> bool:
        """Whether any dead letter can be wanted: it has no answer."""
        answered = self.labels or self.decisions or self.least is not None or self.most is not None
        return not answered and (not self.statuses or "failed" in self.statuses)

    @property
    def of_any_key(self) -> bool:
        """Whether everything under a place is listed, and every result read."""
        return self.of_results and not self.key and self.since is None and self.until is None

    def fits_key(self, relative: str) -> bool:
        """Whether an image is wanted by its key below the place."""
        if self._pattern:
            return self._pattern.match(relative) is not None
        return relative.startswith(self.key)

    def fits_time(self, modified: float) -> bool:
        """Whether a document is wanted by when it was written; 0 is not known."""
        if self.since is not None and modified < self.since:
            return False
        return self.until is None or 0 < modified < self.until

    def fits(self, row: Row) -> bool:
        """Whether an image is wanted by what is said of it."""
        return (
            (not self.statuses or row["status"] in self.statuses)
            and (not self.decisions or row["decision"] in self.decisions)
            and self._fits_prediction(row)
        )

    def _fits_prediction(self, row: Row) -> bool:
        if not self.labels and self.least is None and self.most is None:
            return True
        predictions = row["predictions"] or []
        return any(
            (not self.labels or item["label"] in self.labels)
            and (self.least is None or item["score"] >= self.least)
            and (self.most is None or item["score"] <= self.most)
            for item in (predictions if self.any_prediction else predictions[:1])
        )


def moment(text: str, now: float) -> float:
    """Seconds since 1970 for `2h` or `3d` ago, or an ISO date or time, local unless it says.

    ValueError for anything else.
    """
    if age := _AGE.fullmatch(text):
        return now - float(age[1]) * _SECONDS[age[2]]
    found = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text))
    # A date far from 1970 is beyond what a system's local time can tell.
    try:
        return found.timestamp()
    except (OverflowError, OSError):
        return found.replace(tzinfo=found.tzinfo or timezone.utc).timestamp()
