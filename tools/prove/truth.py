"""What may stand in the bucket: the answers of a model that tells what it saw, and the checks."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fanlight.document import to_bytes
from fanlight.place import Place, result_key
from fanlight.reconcile import RESULT_LIMIT, Answer
from fanlight.result import SCHEMA, Source
from fanlight.store import Store

INPUT, OUTPUT, FAILED = "in/", "out/", "failed/"


class Violation(AssertionError):
    """The promise is broken. Its text is everything that happened, in order."""


def recipe_of(model: str) -> str:
    """The recipe of a model's results."""
    return f"recipe of {model}"


def answer_of(model: str) -> Answer:
    """A function of the model, the object and its bytes alone, as answers are."""

    def answer(source: Source, data: bytes | None) -> dict[str, Any]:
        label = "too big" if data is None else data.decode()
        return {
            "schema": SCHEMA,
            "status": "classified",
            "source": vars(source),
            "model": {"name": model, "version": "1", "digest": model},
            "recipe": recipe_of(model),
            "predictions": [{"index": 0, "label": label, "score": 1.0}],
        }

    return answer


@dataclass
class Truth:
    """Every upload so far, and with it every result that may ever be seen."""

    store: Store
    models: tuple[str, ...]
    present: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """Key -> the version and bytes of the object that is there."""
    gone: set[str] = field(default_factory=set)
    """Keys that were deleted once."""
    documents: dict[str, set[bytes]] = field(default_factory=dict)
    """Key -> what a model says, or said, of a version that was there."""

    def uploaded(self, key: str, data: bytes) -> None:
        """To be called after each upload."""
        meta = self.store.head(key)
        assert meta is not None  # noqa: S101 - it was uploaded just now
        self.present[key] = meta.version, data
        self.documents.setdefault(key, set()).update(self.true_results(key, self.models))

    def deleted(self, key: str) -> None:
        """To be called after each deletion."""
        self.present.pop(key, None)
        self.gone.add(key)

    def true_results(self, key: str, models: tuple[str, ...]) -> set[bytes]:
        """What the models say of the object as it is now."""
        _, data = self.present[key]
        meta = self.store.head(key)
        assert meta is not None  # noqa: S101 - nobody but `deleted` deletes
        source = Source(self.store.name, key, meta.version, meta.etag, meta.size)
        return {to_bytes(answer_of(model)(source, data)) for model in models}

    def result_key(self, key: str) -> str:
        """Where the result of an object stands."""
        return result_key(key.removeprefix(INPUT), Place(self.store.name, OUTPUT))

    def result(self, key: str) -> bytes | None:
        """What stands under the key of an object's result."""
        found = self.store.get(self.result_key(key), RESULT_LIMIT)
        return found.data if found else None

    def mixtures(self) -> Iterator[str]:
        """At any moment: results that no model gives for any version there was."""
        for key, allowed in self.documents.items():
            seen = self.result(key)
            if seen is not None and seen not in allowed:
                yield f"{key} has a result that was never true: {seen!r}"

    def faults(self, models: tuple[str, ...], failed: set[tuple[str, str]]) -> Iterator[str]:
        """When all is quiet. `failed`: invocations that failed for good, and a key of each."""
        found = {meta.key for meta in self.store.list(INPUT)}
        if found != self.present.keys():
            yield f"the input holds {sorted(found)}, uploaded were {sorted(self.present)}"
        letters = list(self._letters())
        told = {(one["request_id"], one["source"]["key"]) for one in letters if one["source"]}
        named = {key for _, key in told}
        for key, (version, data) in self.present.items():
            image = self.store.get(key, RESULT_LIMIT)
            if image is None or (image.meta.version, image.data) != (version, data):
                yield f"{key} is not what was uploaded"
            elif key not in named and self.result(key) not in self.true_results(key, models):
                yield f"{key} is {data!r}, its result {self.result(key)!r}, and no letter names it"
        if missing := failed - told:
            yield f"no letter tells of {sorted(missing)}"

    def _letters(self) -> Iterator[dict[str, Any]]:
        for meta in self.store.list(FAILED):
            found = self.store.get(meta.key, RESULT_LIMIT)
            if found and found.data:
                yield json.loads(found.data)
