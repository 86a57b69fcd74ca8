"""A store in memory, answers without a model, a decoder that crashes: what tests stand on."""

import hashlib
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fanlight.config import Limits
from fanlight.image import Decode, Header, Pixels
from fanlight.place import Place
from fanlight.reconcile import Reconciler
from fanlight.result import Source
from fanlight.store import Meta, Object, Wanted, always
from fanlight.store_folder import FolderStore
from tools.engine import Job

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


def fragile(decode: Decode) -> Decode:
    """As `decode`, but what calls for a crash crashes."""

    def decoded(data: bytes, limits: Limits) -> tuple[Header, Pixels]:
        if data == b"crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        return decode(data, limits)

    return decoded


@dataclass(frozen=True)
class FolderJob(Job):
    """A job on folders that needs no model: a kind of it says what the answers are."""

    def reconciler(self, threads: int, spare: ExitStack | None = None) -> Reconciler:
        images = FolderStore(Path(self.source), escaped=False)
        results = FolderStore(Path(self.out), escaped=True)
        place = Place(images.name, "")
        return Reconciler(images, place, results, Place(results.name, ""), self.answer, 100)

    def answer(self, source: Source, data: bytes | None) -> dict[str, Any]:
        raise NotImplementedError
