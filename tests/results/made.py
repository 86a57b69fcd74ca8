"""Documents of every kind, in stores, for tests of what reads them."""

import base64
import struct
from collections.abc import Iterator
from typing import Any

from fanlight.document import to_bytes
from fanlight.place import Place, result_key
from fanlight.store import Meta, Object
from tests.fakes import DIGEST, MemoryStore
from tools.places import Side

INPUT = Place("bucket", "input/")
OUTPUT = Place("bucket", "output/")
FAILED = Place("bucket", "failed/")


class Bucket(MemoryStore):
    """In memory, with the order of a bucket and times that a test sets; it counts what is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = 1_000.0
        self.read: list[str] = []
        self.listed = 0

    def get(self, key: str, limit: int, wanted: Any = None) -> Object | None:
        self.read.append(key)
        return super().get(key, limit)

    def list(self, prefix: str, after: str = "") -> Iterator[Meta]:
        for meta in super().list(prefix, after):
            self.listed += 1
            yield meta

    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> bool:
        super().put(key, data, if_absent=if_absent)
        meta = self.objects[key].meta
        timed = Meta(key, meta.size, meta.etag, meta.version, self.clock)
        self.objects[key] = Object(timed, data)
        return True

    def image(self, key: str) -> str:
        """An image; its version."""
        self.put(INPUT.prefix + key, key.encode("utf-8", "surrogatepass"))
        return self.objects[INPUT.prefix + key].meta.version

    def result(self, document: dict[str, Any]) -> dict[str, Any]:
        """A result, where it belongs."""
        relative = document["source"]["key"].removeprefix(INPUT.prefix)
        self.put(result_key(relative, OUTPUT), to_bytes(document))
        return document

    def letter(self, name: str, document: dict[str, Any]) -> dict[str, Any]:
        """A dead letter."""
        self.put(FAILED.prefix + name, to_bytes(document))
        return document

    @property
    def side(self) -> Side:
        return Side(self, OUTPUT)


def classified(
    key: str, *predictions: tuple[str, float], version: str = "v1", **more: Any
) -> dict[str, Any]:
    """The result of an image with these labels and scores; without any, an embedding."""
    answer: dict[str, Any] = {
        "predictions": [
            {"index": index, "label": label, "score": score}
            for index, (label, score) in enumerate(predictions)
        ]
    }
    if not predictions:
        numbers = struct.pack("<3f", 0.1, -2.5, 3e-8)
        text = base64.b64encode(numbers).decode()
        answer = {"embedding": {"dim": 3, "dtype": "float32", "base64": text}}
    source = {**_source(key, version), "format": "png", "width": 28, "height": 30}
    return {**_result("classified", source), **answer, **more}


def rejected(key: str, code: str = "corrupt", message: str = "it is cut short") -> dict[str, Any]:
    """The result of an image that has no answer."""
    reason = {"code": code, "message": message}
    return {**_result("rejected", _source(key, "v1")), "reason": reason}


def failed(key: str | None, **more: Any) -> dict[str, Any]:
    """A dead letter."""
    return {
        "schema": "fanlight.failure/1",
        "request_id": "1-2-3",
        "function": "acs:fc:cn-hangzhou:1:functions/fanlight-digits",
        "condition": "RetryAttemptsExhausted",
        "attempts": 4,
        "source": {"bucket": "bucket", "key": INPUT.prefix + key} if key is not None else None,
        "suspected": False,
        "error": {"type": "TransientError", "message": "no answer"},
        "event": {"events": [{"eventName": "ObjectCreated:PutObject"}]},
        **more,
    }


def _source(key: str, version: str) -> dict[str, Any]:
    return {"bucket": "bucket", "key": INPUT.prefix + key, "version": version, "etag": "E",
            "size": 274}  # fmt: skip


def _result(status: str, source: dict[str, Any]) -> dict[str, Any]:
    model = {"name": "digits", "version": "1.0.0", "digest": DIGEST}
    return {"schema": "fanlight.result/1", "status": status, "source": source, "model": model,
            "recipe": DIGEST}  # fmt: skip
