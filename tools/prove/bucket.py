"""A bucket of the local OSS endpoint, served on demand, counted, and judged in the end."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path
from threading import Event
from typing import Any

from tools.bench.cloud import BUCKET, FUNCTIONS, KEYS, REGION
from tools.bench.filled import INPUT, OUTPUT, answered, fill_bucket
from tools.localcloud.datafolder import DataFolder
from tools.localcloud.oss import Credentials, OssEndpoint
from tools.localcloud.oss_store import Store
from tools.localcloud.oss_types import Entry
from tools.prove.verdict import Found, judged


@dataclass
class Bucket:
    """A folder with a store, served on demand. `asked`: requests by method, LIST for listings.

    Once `open_until` writes were asked for, further ones wait until released: whatever is slow or
    quick here, a run can be interrupted amid its work.
    """

    folder: Path
    count: int
    asked: Counter[str] = field(default_factory=Counter)
    open_until: int | None = None
    _released: Event = field(default_factory=Event)

    def fill(self, *, results: bool) -> None:
        """Put the images there, and their results if wanted."""
        claimed = DataFolder(self.folder)
        claimed.lock()
        claimed.release()
        fill_bucket(self.objects, self.count, results=results)

    @property
    def objects(self) -> Path:
        """Where the store is."""
        return DataFolder(self.folder).objects

    @contextmanager
    def served(self) -> Iterator[dict[str, str]]:
        """The endpoint, counting; gives the environment of the commands that use it."""
        with OssEndpoint([KEYS], region=REGION, data=self.objects, meddle=self._meddle) as endpoint:
            try:
                yield environment(endpoint.url, KEYS)
            finally:
                self.release()

    def hold(self, count: int) -> None:
        """Let writes wait once so many, and at least one more, were asked for while served here."""
        self._released.clear()
        self.open_until = max(count, self.asked["PUT"] + 1)

    def holds(self) -> bool:
        """Whether so many were asked for."""
        return self.open_until is not None and self.asked["PUT"] >= self.open_until

    def release(self) -> None:
        """Let those that wait, and all that come, go on."""
        self.open_until = None
        self._released.set()

    def _meddle(self, method: str, path: str, *_: Any) -> None:
        self.asked["LIST" if "list-type=2" in path else method] += 1
        if method == "PUT" and self.holds():
            self._released.wait()


def environment(url: str, keys: Credentials) -> dict[str, str]:
    """What a command needs to reach an endpoint."""
    return {
        "FANLIGHT_OSS_ENDPOINT": url,
        "FC_REGION": REGION,
        "ALIBABA_CLOUD_ACCESS_KEY_ID": keys.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": keys.access_key_secret,
        "ALIBABA_CLOUD_SECURITY_TOKEN": keys.security_token,
        "PYTHONPATH": os.pathsep.join([str(FUNCTIONS.parent), str(FUNCTIONS)]),
    }


def verdict(bucket: Bucket) -> list[str]:
    """What is wrong with what is stored, read from the store itself."""
    pairs = answered().values()
    expected = {md5(data, usedforsecurity=False).hexdigest().upper(): made for data, made in pairs}
    with closing(Store(bucket.objects)) as store:
        objects = [_Listed(entry.key, entry.etag, entry.size, entry.modified)
                   for entry in _entries(store, INPUT.prefix)]  # fmt: skip
        results = {entry.key: store.get(BUCKET, entry.key)[1].read()
                   for entry in _entries(store, OUTPUT.prefix)}  # fmt: skip
    targets = {f"{OUTPUT.prefix}{one.key.removeprefix(INPUT.prefix)}.json": one.key
               for one in objects}  # fmt: skip
    wrong = [f"{key} is nobody's result" for key in results if key not in targets]
    own = {targets[key]: data for key, data in results.items() if key in targets}
    wrong += judged(Found(objects, own, {}), expected, ()).violations
    return wrong if len(objects) == bucket.count else [*wrong, f"{len(objects):,} objects are left"]


@dataclass
class _Listed:
    key: str
    etag: str
    size: int
    last_modified: int


def _entries(store: Store, prefix: str) -> Iterator[Entry]:
    after = ""
    while True:
        page = store.page(BUCKET, prefix, "", after, 1000)
        yield from page.entries
        if not (after := page.last):
            return
