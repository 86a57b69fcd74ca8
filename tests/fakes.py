"""A store in memory and an answer without a model, for tests of what stands on them."""

import hashlib
from collections.abc import Iterator
from typing import Any

from fanlight.result import Source
from fanlight.store import Meta, Object, Wanted, always

DIGEST = "sha256:" + "0" * 64


class MemoryStore:
    """A bucket in memory, with versions that never repeat."""

    def __init__(self, name: str = "bucket") -> None:
        self.name = name
        self.objects: dict[str, Object] = {}
        self.writes = 0

    def head(self, key: str) -> Meta | None:
        found = self.objects.get(key)
        return found.meta if found else None

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Object | None:
        found = self.objects.get(key)
        if found is None or (found.meta.size <= limit and wanted(found.meta)):
            return found
        return Object(found.meta, None)

    def put(self, key: str, data: bytes, *, if_absent: bool) -> bool:
        if if_absent and key in self.objects:
            return False
        self.writes += 1
        etag = hashlib.md5(data).hexdigest().upper()
        self.objects[key] = Object(Meta(key, len(data), etag, f"v{self.writes}"), data)
        return True

    def delete(self, key: str) -> None:
        self.objects.pop(key, None)

    def list(self, prefix: str, after: str = "") -> Iterator[Meta]:
        for key in sorted(self.objects):
            if key.startswith(prefix) and key > after:
                yield self.objects[key].meta


def answer_as(model: str) -> Any:
    """An answer that tells the model and the content it saw."""

    def answer(source: Source, data: bytes | None) -> dict[str, Any]:
        label = "too big" if data is None else data.decode()
        return {
            "schema": "fanlight.result/1",
            "status": "classified",
            "source": {**vars(source), "format": "png", "width": 1, "height": 1},
            "model": {"name": model, "version": "1", "digest": DIGEST},
            "recipe": DIGEST,
            "predictions": [{"index": 0, "label": label, "score": 1.0}],
        }

    return answer
