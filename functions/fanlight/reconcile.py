"""The core: bring the result of one key in line with the object that is there now.

An event is a hint that something changed; the bucket says what. Duplicates, any order, crashes and
retries all come down to doing this again, and whoever writes last checks that it wrote the truth.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fanlight.document import to_bytes
from fanlight.errors import TransientError
from fanlight.place import Place, other_spellings, result_key
from fanlight.result import Source, from_bytes, version_of
from fanlight.store import Object, Store

ATTEMPTS = 5
RESULT_LIMIT = 1024 * 1024
"""Bytes. What is larger under a result's key is not a result."""

Answer = Callable[[Source, bytes | None], dict[str, Any]]
"""The result document for an object's bytes; None stands for more bytes than the limit."""


def document_of(result: Object | None) -> dict[str, Any] | None:
    """The document in what stands under a result's key; None if there is no result in it."""
    return from_bytes(result.data) if result and result.data else None


@dataclass(frozen=True)
class Outcome:
    """What became of one key: `classified`, `rejected`, `unchanged` or `gone`."""

    key: str
    status: str
    result_key: str
    document: dict[str, Any] | None = None


@dataclass(frozen=True)
class Reconciler:
    """Images in one place, their results in another, and how an image gets its answer.

    `recipe`: a result made otherwise is made anew, which moves a bucket to another model. None,
    as for events: a result that is true of its image stays, so that two deployments never fight.
    """

    images: Store
    input: Place
    results: Store
    output: Place
    answer: Answer
    max_bytes: int
    recipe: str | None = None

    def reconcile(self, key: str) -> Outcome:
        """Make the result of `key` true of its object, or find that it is.

        Raises TransientError when the object changes faster than it can be read, KeyRefused when
        the key can have no result, and what the stores raise. After Unsettled somebody has to
        reconcile again once nothing is on its way: in the cloud, the platform's retry.
        """
        target = self.target(key)
        for _ in range(ATTEMPTS):
            if outcome := self._once(key, target):
                return outcome
        raise TransientError(f"{key} changed {ATTEMPTS} times while it was read; try again later")

    def target(self, key: str) -> str:
        """The key of the result of `key`."""
        relative = self.input.relative(key)
        if relative is None:
            raise ValueError(f"{key} is not under {self.input}")
        return result_key(relative, self.output)

    def _once(self, key: str, target: str) -> Outcome | None:
        """One pass; None means start over."""
        result = self.results.get(target, RESULT_LIMIT)
        known = self._known(document_of(result))
        if known is not None:
            present = self.images.head(key)
            if present is None:
                return Outcome(key, "gone", target)
            if present.version == known:
                return Outcome(key, "unchanged", target)
        image = self.images.get(key, self.max_bytes)
        if image is None:
            return Outcome(key, "gone", target)
        document = self.answer(self._source(image), image.data)
        # A first write must not replace a result that appeared meanwhile: it may be newer.
        if not self.results.put(target, to_bytes(document), if_absent=result is None):
            return None
        # Sent after the write was answered: an overwrite that this one missed shows here.
        present = self.images.head(key)
        if present is None or present.version != image.meta.version:
            return None
        return Outcome(key, document["status"], target, document)

    def _known(self, document: dict[str, Any] | None) -> str | None:
        """The version that a result worth keeping speaks of."""
        if document is None or self.recipe not in (None, document.get("recipe")):
            return None
        return version_of(document)

    def reconcile_spelled(self, key: str) -> Outcome:
        """As `reconcile`; where there is no such object, the key may have travelled URL-encoded."""
        outcome = Outcome(key, "gone", "")
        if self.input.relative(key) is not None:
            outcome = self.reconcile(key)
        if outcome.status != "gone":
            return outcome
        for other in other_spellings(key):
            if self.input.relative(other) is not None and self.images.head(other):
                return self.reconcile(other)
        return outcome

    def _source(self, image: Object) -> Source:
        meta = image.meta
        return Source(self.images.name, meta.key, meta.version, meta.etag, meta.size)
