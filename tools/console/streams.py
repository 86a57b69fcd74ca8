"""The streams of open pages: server-sent events, of which there are only so many at a time.

Source of the format: the HTML standard, section 9.2, server-sent events.
"""

import json
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

from tools.console.feed import Batch, Feed

MOST = 32
"""Streams at a time, each of which holds a thread. A browser opens six of one origin."""

_LOOK = 1.0
"""Seconds of silence after which a stream is given up if its page has gone."""
_PATIENCE = 15.0
"""Seconds of silence after which a page is sent a comment, which ends one that cannot be seen to
have gone."""
_GATHER = 0.05
"""Seconds in which what happens is told at once."""
_PIECE = 64 * 1024
"""Characters sent at a time: what a page is told can have many megabytes."""


class TooMany(Exception):
    """There are as many streams as there may be."""


class Streams:
    """Of a feed, for any number of pages up to `MOST`."""

    def __init__(
        self, feed: Feed, counts: Callable[[], dict[str, int]], about: Callable[[], dict[str, Any]]
    ) -> None:
        """`counts`: told with every batch; `about`: with each one that begins anew."""
        self._feed, self._counts, self._about = feed, counts, about
        self._slots = threading.BoundedSemaphore(MOST)

    def open(self, place: str) -> Generator[bytes, None, None]:
        """What follows a place, until the feed is closed; to be closed by the caller.

        Empty pieces are for the server to look whether the page is still there. Raises TooMany.
        """
        if not self._slots.acquire(blocking=False):
            raise TooMany
        stream = self._stream(place)
        next(stream)  # a generator that has not begun is closed without its `finally`
        return stream

    def _stream(self, place: str) -> Generator[bytes, None, None]:
        try:
            yield b""
            yield b"retry: 1000\n\n"
            silent_since = time.monotonic()
            while (batch := self._feed.after(place, _LOOK)) is not None:
                if batch.place != place:
                    place = batch.place
                    yield from self._message(batch)
                    time.sleep(_GATHER)
                elif time.monotonic() - silent_since < _PATIENCE:
                    yield b""
                    continue
                else:
                    yield b": nothing new\n\n"
                silent_since = time.monotonic()
        finally:
            self._slots.release()

    def _message(self, batch: Batch) -> Iterator[bytes]:
        """A batch of records, with the place to go on at."""
        told: dict[str, Any] = {"counts": self._counts()}
        if batch.anew:
            told["cloud"] = self._about()
        text = f'id: {batch.place}\ndata: {json.dumps(told)[:-1]}, "records": ['
        for number, record in enumerate(batch.records):
            text += (", " if number else "") + json.dumps(record)
            if len(text) > _PIECE:
                yield text.encode()
                text = ""
        yield f"{text}]}}\n\n".encode()
