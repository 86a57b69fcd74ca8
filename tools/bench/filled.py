"""Places with many images, made quickly: digits that ship, under as many names as are wanted."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from itertools import cycle
from pathlib import Path
from typing import Any

from fanlight.answer import Answerer, Choices
from fanlight.document import to_bytes
from fanlight.model import Model
from fanlight.place import Place, result_key
from fanlight.result import Source
from tools.bench.cloud import BUCKET
from tools.bench.filesystems import memory
from tools.bench.networks import DIGITS
from tools.localcloud.body import Body
from tools.localcloud.oss_store import Store
from tools.localcloud.oss_types import Stored
from tools.samples import pictures

INPUT, OUTPUT = Place(BUCKET, "input/"), Place(BUCKET, "output/")
LAYOUTS = {"one folder": 0, "folders of 100": 100}
"""Images in each folder; 0: all in one."""

_ROOM = 2 * 1024**3
"""Bytes free that a memory file system must have to be used: results take a page each."""


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone in the end; in memory where there is a file system for that."""
    fast = memory()
    large = fast and shutil.disk_usage(fast).free >= _ROOM
    with tempfile.TemporaryDirectory(prefix="fanlight-", dir=fast if large else None) as name:
        yield Path(name)


def digits() -> list[Path]:
    """Plain digits of 28x28 pixels."""
    return [path for path in pictures() if path.suffix == ".png"]


def fill_folder(folder: Path, count: int, each: int) -> None:
    """Put so many images into it: hard links, `each` in a folder of its own; 0: all in one.

    Links, since copies of a picture of 300 bytes would take a page of memory each.
    """
    folder.mkdir(parents=True)
    kept = folder.with_name(f"{folder.name}-originals")
    kept.mkdir()
    originals = [shutil.copy(path, kept) for path in digits()]
    for number, original in zip(range(count), cycle(originals), strict=False):
        inside = folder / f"{number // each:05d}" if each else folder
        if not each or number % each == 0:
            inside.mkdir(exist_ok=True)
        os.link(original, inside / f"{number:07d}.png")


def answered() -> dict[Path, tuple[bytes, dict[str, Any]]]:
    """The digits, each with its bytes and its result, which says nothing of its source."""
    answerer = Answerer(Model.load(DIGITS), Choices())
    images = {path: path.read_bytes() for path in digits()}
    return {path: (data, answerer(Source("", "", "", "", 0), data))
            for path, data in images.items()}  # fmt: skip


def fill_bucket(data: Path, count: int, *, results: bool = True) -> None:
    """Make the local store in `data` hold so many images and their results, which are current.

    Written with the store's own code, without HTTP: what is measured comes after it.
    """
    images = answered()
    with closing(Store(data)) as store:
        store.create_bucket(BUCKET)
        for number, path in zip(range(count), cycle(images), strict=False):
            key = f"{INPUT.prefix}{number:07d}.png"
            content, answer = images[path]
            found = _put(store, key, content)
            if not results:
                continue
            version = f"{found.etag}-{found.size}-{found.modified}"  # that of store_oss.py
            source = Source(BUCKET, key, version, found.etag, found.size)
            document = answer | {"source": {**answer["source"], **asdict(source)}}
            relative = INPUT.relative(key) or ""
            _put(store, result_key(relative, OUTPUT), to_bytes(document))


def _put(store: Store, key: str, data: bytes) -> Stored:
    return store.put(BUCKET, key, Body(data), {}, forbid=False)
