"""Results and dead letters, read from the buckets as they are written and deleted there.

Whether an image is done is asked of its result, as everywhere. A letter is a note, and is left
where it is: clearing those whose image is done is the work of `fanlight run`.
"""

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from heapq import nlargest
from typing import Any

from fanlight import failure
from fanlight.errors import KeyRefused
from fanlight.place import Place, other_spellings, result_key
from fanlight.store_oss import object_version
from tools.console.feed import Feed
from tools.console.places import failed, tasks
from tools.console.records import document, letter_record, result_record
from tools.localcloud.oss_store import Store
from tools.localcloud.oss_types import Entry, OssError, Stored
from tools.template import Template

_WAITING = 500
"""Documents that were written and are to be read. What is dropped when there are more is older than
anything a page shows."""
_PAGES, _SHOWN = 20, 100
"""How much of a prefix is listed at the start, 1,000 keys a page, and how much of that is shown."""

_Name = tuple[str, str]
"""Bucket and key."""

logger = logging.getLogger(__name__)


class Documents:
    """Reads in a thread of its own what `created` was told of, and what the store deletes."""

    def __init__(self, feed: Feed, store: Store, template: Template) -> None:
        self._feed, self._store = feed, store
        self._tasks = tasks(template)
        self._places = [*failed(template), *(task.output for task in self._tasks)]
        self._replays: dict[str, str] = {}
        self._written: dict[_Name, None] = {}
        self._again: dict[_Name, None] = {}  # of these a page shows something, and none is dropped
        self._reading: _Name = ("", "")
        self._state = threading.Condition()
        self._stopped = True

    def start(self) -> None:
        """Read what is there, then what comes."""
        self._stopped = False
        self._store.on_deleted.append(self.deleted)
        threading.Thread(target=self._read_all, name="console-reader", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        with suppress(ValueError):  # it was not started
            self._store.on_deleted.remove(self.deleted)
        with self._state:
            self._stopped = True
            self._state.notify_all()

    def created(self, bucket: str, key: str) -> None:
        """An object was written; it is read soon if it can be a result or a letter."""
        if not _within(self._places, bucket, key):
            return
        with self._state:
            self._written.pop((bucket, key), None)
            self._written[bucket, key] = None
            if len(self._written) > _WAITING:
                del self._written[next(iter(self._written))]
            self._state.notify_all()

    def deleted(self, bucket: str, keys: Sequence[str]) -> None:
        """Objects were deleted; what is shown of them, or for want of them, is read again soon."""
        images = [task.input for task in self._tasks]
        gone = [key for key in keys if _within(self._places, bucket, key)]
        unseen = {key for key in keys if _within(images, bucket, key)}
        if not gone and not unseen:
            return
        with self._state:
            # What is being read now may have been there when it was looked at.
            names = [self._reading, *((bucket, key) for key in gone if self._shows(bucket, key))]
            names += [
                (letter["bucket"], letter["key"])
                for letter in (self._feed.all("letter") if unseen else ())
                if _is_about(letter, bucket, unseen)
            ]
            self._again.update(dict.fromkeys(filter(any, names)))
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
            self._look_again([letter])
        else:
            self._feed.put("letter", name, state="done" if done else "again")

    def _read_all(self) -> None:
        for place in self._places:
            latest = nlargest(_SHOWN, self._listed(place), key=lambda entry: entry.modified)
            for entry in reversed(latest):
                with self._state:
                    self._reading = (place.bucket, entry.key)
                self._read(place.bucket, entry.key, entry.modified)
        while True:
            with self._state:
                self._reading = ("", "")
                self._state.wait_for(lambda: self._stopped or self._again or self._written)
                if self._stopped:
                    return
                first = self._again or self._written
                bucket, key = next(iter(first))
                del first[bucket, key]
                self._reading = (bucket, key)
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
        letter = found if found and found["schema"] == failure.SCHEMA else None
        self._show_letter(name, (bucket, key), at, letter_record(letter) if letter else None)
        self._show_result(name, at, result_record(found) if found and not letter else None)

    def _show_letter(
        self, name: str, place: _Name, at: float, record: dict[str, Any] | None
    ) -> None:
        if record is None:
            self._feed.remove("letter", name)
            return
        before = self._feed.get("letter", name) or {"at": at, "state": "open"}
        done = self._done(record["source"]) if record["source"] else before["state"] == "done"
        with self._state:
            running = name in self._replays.values()
        again = "again" if before["state"] == "again" else "open"
        state = "done" if done else "replayed" if running else again
        bucket, key = place
        where = {"bucket": bucket, "key": key}
        self._feed.put("letter", name, **where, at=before["at"], state=state, **record)

    def _show_result(self, name: str, at: float, record: dict[str, Any] | None) -> None:
        """What letters say of the image may be true no more, whatever became of its result."""
        about = record or self._feed.get("result", name)
        if record is None:
            self._feed.remove("result", name)
        else:
            self._feed.put("result", name, at=at, **record)
        if about:
            bucket, keys = about["bucket"], {about["key"]}
            letters = self._feed.all("letter")
            self._look_again(one for one in letters if _is_about(one, bucket, keys))

    def _look_again(self, letters: Iterable[dict[str, Any]]) -> None:
        with self._state:
            self._again.update(((one["bucket"], one["key"]), None) for one in letters)
            self._state.notify_all()

    def _shows(self, bucket: str, key: str) -> bool:
        name = f"{bucket}/{key}"
        return any(self._feed.get(kind, name) for kind in ("result", "letter"))

    def _done(self, source: dict[str, str]) -> bool:
        """Whether the image's result is about the object that is there now, or it has gone.

        The key of a letter may be URL-encoded, as that of its event.
        """
        bucket, named = source["bucket"], source["key"]
        there = ((key, self._head(bucket, key)) for key in _spellings(named))
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
            now = object_version(stored.etag, stored.size, stored.modified)
            if about.get("version") == now:
                return True
        return False


def _within(places: Iterable[Place], bucket: str, key: str) -> bool:
    return any(place.bucket == bucket and bool(place.relative(key)) for place in places)


def _is_about(letter: dict[str, Any], bucket: str, keys: set[str]) -> bool:
    source = letter["source"]
    return bool(source) and source["bucket"] == bucket and not keys.isdisjoint(
        _spellings(source["key"])
    )  # fmt: skip


def _spellings(key: str) -> tuple[str, ...]:
    return (key, *other_spellings(key))
