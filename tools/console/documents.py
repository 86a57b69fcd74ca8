"""Results and dead letters, read from the buckets as they are written there.

Whether an image is done is asked of its result, as everywhere. A letter is a note, and is left
where it is: clearing those whose image is done is the work of `fanlight run`.
"""

import logging
import threading
import time
from collections import deque
from heapq import nlargest
from typing import Any

from fanlight import failure
from fanlight.errors import KeyRefused
from fanlight.place import Place, other_spellings, result_key
from tools.console.feed import Feed
from tools.console.places import failed, tasks
from tools.console.records import document, letter_record, result_record
from tools.localcloud.oss_store import Store
from tools.localcloud.oss_types import Entry, OssError, Stored
from tools.template import Template

_WAITING = 500
_PAGES, _SHOWN = 20, 100
"""How much of a prefix is listed at the start, 1,000 keys a page, and how much of that is shown."""

logger = logging.getLogger(__name__)


class Documents:
    """Reads in a thread of its own what `created` was told of."""

    def __init__(self, feed: Feed, store: Store, template: Template) -> None:
        self._feed, self._store = feed, store
        self._tasks = tasks(template)
        self._places = [*failed(template), *(task.output for task in self._tasks)]
        self._replays: dict[str, str] = {}
        # What is dropped when it is full is older than anything a page shows.
        self._waiting: deque[tuple[str, str]] = deque(maxlen=_WAITING)
        self._state = threading.Condition()
        self._stopped = True

    def start(self) -> None:
        """Read what is there, then what comes."""
        self._stopped = False
        threading.Thread(target=self._read_all, name="console-reader", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        with self._state:
            self._stopped = True
            self._state.notify_all()

    def created(self, bucket: str, key: str) -> None:
        """An object was written; it is read soon if it can be a result or a letter."""
        if any(place.bucket == bucket and place.relative(key) for place in self._places):
            with self._state:
                self._waiting.append((bucket, key))
                self._state.notify_all()

    def letter(self, name: str) -> dict[str, Any] | None:
        """The letter of a record, as it is in the bucket now; None if it has gone."""
        record = self._feed.get("letter", name)
        found = record and document(self._store, record["bucket"], record["key"])
        if not found or found["schema"] != failure.SCHEMA:
            self._feed.remove("letter", name)
            return None
        return found

    def replayed(self, name: str, request_id: str) -> None:
        """A letter's event was given to its function once more."""
        with self._state:
            self._replays[request_id] = name
        self._feed.put("letter", name, state="replayed")
        now = self._feed.get("invocation", request_id)
        if now and now["state"] in ("done", "failed"):  # it was faster
            self.ended(request_id, done=now["state"] == "done")

    def ended(self, request_id: str, *, done: bool) -> None:
        """An invocation has ended; if it was a replay its letter is looked at again."""
        with self._state:
            name = self._replays.pop(request_id, None)
        letter = name and self._feed.get("letter", name)
        if not name or not letter:
            return
        if done and letter["source"]:
            self.created(letter["bucket"], letter["key"])
        else:
            self._feed.put("letter", name, state="done" if done else "again")

    def _read_all(self) -> None:
        for place in self._places:
            latest = nlargest(_SHOWN, self._listed(place), key=lambda entry: entry.modified)
            for entry in reversed(latest):
                self._read(place.bucket, entry.key, entry.modified)
        while True:
            with self._state:
                self._state.wait_for(lambda: self._stopped or bool(self._waiting))
                if self._stopped:
                    return
                bucket, key = self._waiting.popleft()
            self._read(bucket, key, time.time())

    def _listed(self, place: Place) -> list[Entry]:
        found: list[Entry] = []
        after = ""
        for _ in range(_PAGES):
            page = self._store.page(place.bucket, place.prefix, "", after, 1000)
            found.extend(page.entries)
            after = page.last
            if not after:
                break
        return found

    def _read(self, bucket: str, key: str, at: float) -> None:
        try:
            self._take(bucket, key, at)
        except Exception:  # one object must not end the thread: nothing would be shown after it
            logger.exception("error while reading %r of %s", key, bucket)

    def _take(self, bucket: str, key: str, at: float) -> None:
        name, found = f"{bucket}/{key}", document(self._store, bucket, key)
        if found is None:
            return
        if found["schema"] == failure.SCHEMA:
            record = letter_record(found)
            if record is not None:
                before = self._feed.get("letter", name) or {"at": at}
                done = record["source"] and self._done(record["source"])
                self._feed.put("letter", name, bucket=bucket, key=key, at=before["at"],
                               state="done" if done else "open", **record)  # fmt: skip
            return
        record = result_record(found)
        self._feed.put("result", name, at=at, **record)
        source = {"bucket": record["bucket"], "key": record["key"]}
        for letter in self._feed.all("letter"):
            if letter["source"] == source and letter["state"] != "done" and self._done(source):
                self._feed.put("letter", letter["id"], state="done")

    def _done(self, source: dict[str, str]) -> bool:
        """Whether the image's result is about the bytes that are there now, or it has gone.

        The key of a letter may be URL-encoded, as that of its event.
        """
        bucket, named = source["bucket"], source["key"]
        there = ((key, self._head(bucket, key)) for key in (named, *other_spellings(named)))
        key, stored = next(((key, entry) for key, entry in there if entry), (named, None))
        return stored is None or self._has_result(bucket, key, stored)

    def _head(self, bucket: str, key: str) -> Stored | None:
        try:
            return self._store.head(bucket, key)
        except (OssError, UnicodeEncodeError):  # a key with half a surrogate pair was never there
            return None

    def _has_result(self, bucket: str, image: str, stored: Stored) -> bool:
        for task in self._tasks:
            relative = task.input.relative(image)
            if task.input.bucket != bucket or not relative:
                continue
            try:
                key = result_key(relative, task.output)
            except KeyRefused:
                continue
            about = (document(self._store, task.output.bucket, key) or {}).get("source") or {}
            if (about.get("etag"), about.get("size")) == (stored.etag, stored.size):
                return True
        return False
