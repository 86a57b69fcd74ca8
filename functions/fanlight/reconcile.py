"""The core: bring the result of one key in line with the object that is there now.

An event is a hint that something changed; the bucket says what. Duplicates, any order, crashes and
retries all come down to doing this again, and whoever writes last checks that it wrote the truth.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from fanlight.budget import Budget, Share
from fanlight.document import to_bytes
from fanlight.errors import FanlightError, TransientError
from fanlight.place import Place, other_spellings, result_key
from fanlight.result import Source, from_bytes, version_of
from fanlight.store import Meta, Object, Store

ATTEMPTS = 5
"""Passes over one key before it is left to a later try: each was overtaken by another writer."""

THREADS = 8
"""Keys of one event worked on at a time, so that none waits for the network alone."""

RESULT_LIMIT = 1024 * 1024
"""Bytes. What is larger under a result's key is not a result."""

Answer = Callable[[Source, bytes | None], dict[str, Any]]
"""The result document for an object's bytes; None stands for more bytes than the limit."""

Read = Callable[[], Object | None]
Beside = Callable[[Read], Read]
"""Begins to read, beside what its caller does next; what it gives waits for the answer."""


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


_Look = tuple[bool, Object] | Outcome | None
"""Whether this is the first result, and the image to make it of; or what became of the key, or
None to start over."""


def _room(share: Share, meta: Meta) -> bool:
    share.take(meta.size)
    return True


@dataclass(frozen=True)
class Reconciler:
    """Images in one place, their results in another, and how an image gets its answer.

    `recipe`: a result made otherwise is made anew, which moves a bucket to another model. None,
    as for events: a result that is true of its image stays, so that two deployments never fight.
    `beside`: result and image are asked for at the same time. `threads`: how many
    may reconcile keys with it. `budget`: for the bytes of their images, together.
    """

    images: Store
    input: Place
    results: Store
    output: Place
    answer: Answer
    max_bytes: int
    recipe: str | None = None
    beside: Beside | None = None
    threads: int = THREADS
    budget: Budget = field(default_factory=Budget)

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
        with self.budget.share() as share:
            look = self._in_turn if self.beside is None else self._at_once
            found = look(key, target, share)
            if found is None or isinstance(found, Outcome):
                return found
            first, image = found
            meta = image.meta
            document = self.answer(self._source(meta), image.data)
            del image, found  # the bytes, so that others have room for theirs
        # A first write must not replace a result that appeared meanwhile: it may be newer.
        if not self.results.put(target, to_bytes(document), if_absent=first):
            return None
        # Sent after the write was answered: an overwrite that this one missed shows here.
        present = self.images.head(key)
        if present is None or present.version != meta.version:
            return None
        return Outcome(key, document["status"], target, document)

    def _in_turn(self, key: str, target: str, share: Share) -> _Look:
        """The result, then the image as it is after that: the fewest requests."""
        result = self.results.get(target, RESULT_LIMIT)
        known = self._known(document_of(result))
        if known is not None:
            present = self.images.head(key)
            if present is None:
                return Outcome(key, "gone", target)
            if present.version == known:
                return Outcome(key, "unchanged", target)
        image = self.images.get(key, self.max_bytes, partial(_room, share))
        if image is None:
            return Outcome(key, "gone", target)
        return result is None, image

    def _at_once(self, key: str, target: str, share: Share) -> _Look:
        """Both asked for at the same time, answered in any order: the fewest round trips."""
        assert self.beside is not None  # noqa: S101 - for the type checker
        result = self.beside(partial(self.results.get, target, RESULT_LIMIT))

        def wanted(meta: Meta) -> bool:
            with suppress(FanlightError):  # it comes again, below
                return self._known(document_of(result())) != meta.version and _room(share, meta)
            return False

        try:
            image = self.images.get(key, self.max_bytes, wanted)
        except Exception:
            result()  # waited for, whatever it was, and if both have failed, told of
            raise
        first, known = result() is None, self._known(document_of(result()))
        if image is None:
            return Outcome(key, "gone", target)
        if image.meta.version == known:
            return Outcome(key, "unchanged", target)
        if not first:
            # The image may have been read first, and what is there be the result of a newer one.
            present = self.images.head(key)
            if present is None or present.version != image.meta.version:
                return None
        return first, image

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

    def _source(self, meta: Meta) -> Source:
        return Source(self.images.name, meta.key, meta.version, meta.etag, meta.size)
