"""Results, dead letters and pictures that tests make pages of, and a page read back."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np

DIGEST, RECIPE = "sha256:" + "0" * 64, "sha256:" + "1" * 64


def result(key: str, label: str = "", score: float = 0.5, **rest: Any) -> dict[str, Any]:
    """A result document; without a label, `rest` says what it answers."""
    answer = {"predictions": [{"index": 0, "label": label, "score": score}]} if label else {}
    return {
        "schema": "fanlight.result/1",
        "status": "classified",
        "source": {"bucket": "b", "key": key, "version": "v1", "etag": "e", "size": 2048,
                   "format": "png", "width": 300, "height": 200},
        "model": {"name": "m", "version": "1.0.0", "digest": DIGEST},
        "recipe": RECIPE,
        **answer,
        **rest,
    }  # fmt: skip


def rejected(key: str, code: str, message: str) -> dict[str, Any]:
    """The result of an object that has no answer."""
    return result(key, status="rejected", reason={"code": code, "message": message})


def letter(key: str | None, message: str = "it took too long") -> dict[str, Any]:
    """A dead letter."""
    return {
        "schema": "fanlight.failure/1",
        "request_id": "r-1",
        "function": "acs:fc:::functions/f",
        "condition": "RetriesExhausted",
        "attempts": 4,
        "source": key and {"bucket": "b", "key": key},
        "suspected": True,
        "error": {"type": "TimeoutError", "message": message},
        "event": {},
    }


def picture(folder: Path, key: str, width: int = 300, height: int = 200) -> Path:
    """A file with a picture of one colour, a PNG whatever its name."""
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((height, width, 3), (40, 90, 200), np.uint8)
    path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    return path


class Page(HTMLParser):
    """What a browser's parser finds: `data` by id or class, `scripts` that run, other `text`."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.data: dict[str, list[Any]] = {}
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.text: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(path.read_text("utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        tag, attributes = self.tags[-1] if self.tags else ("", {})
        if not data.strip():
            return
        if tag == "script" and attributes.get("type") == "application/json":
            name = attributes.get("id") or attributes.get("class") or ""
            self.data.setdefault(name, []).append(json.loads(data))
        elif tag == "script":
            self.scripts.append(data)
        elif tag == "style":
            self.styles.append(data)
        else:
            self.text.append(data.strip())

    @property
    def cards(self) -> list[dict[str, Any]]:
        """Of all blocks."""
        return [card for block in self.data.get("cards", []) for card in block]

    def details(self, at: int) -> dict[str, Any]:
        """Of one card."""
        (found,) = self.data[f"i{at}"]
        assert isinstance(found, dict)
        return found
