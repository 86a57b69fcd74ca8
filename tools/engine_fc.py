"""The fc engine: keys go as events to the deployed function, which works at the platform's scale.

What became of each is asked of its result: that an event was accepted says only that the platform
has it. An event costs a few requests until one of its keys is done, then two for each of its keys.
"""

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from fanlight.connections import SIZE
from fanlight.errors import ConfigError, FanlightError, KeyRefused, StaleCredentials
from fanlight.store_folder import FolderStore
from tools.credentials import present, renewed
from tools.extras import need_fc
from tools.fc.batches import MOST_KEYS, Batch, batches
from tools.fc.sender import PATIENCE as OFFERED
from tools.fc.sender import Sender, endpoint_of
from tools.fc.sent import LONGEST, QUIET, TRIES, Sent
from tools.fc.silence import Silence
from tools.fc.watch import Watch, failed
from tools.places import Access, Side

PATIENCE = 1800.0
"""Seconds without news of any key of an event until the rest of them count as failed: by then three
retries of an event that runs into the function's 120 s each time are over, and filed."""

_SENDERS, _LOOKERS = 8, SIZE
"""Requests at the same time: events that are sent; keys that are looked at, a connection each."""

_DEATHS = 3
"""Events that die one after another, none of their keys done, until no image is blamed for it."""

_EVENTS = 8
"""Looked at together: with more, those that are done would wait long to be followed by others."""

_GATHERED = 1.0
"""Seconds for which events are made before others are looked at, when keys come slowly."""


@dataclass(frozen=True)
class Lane:
    """What is read and written where, and the function that does it.

    `failed`: where the function's dead letters are filed; without it, what failed for good is known
    by `patience` alone, in seconds. `endpoint`: of the invoke API; empty for the region's own.
    `concurrency`: events that may be on their way, so that the platform never holds hours of work.
    `quiet`: seconds without news of an event until all its keys are asked about. `offered`: for
    which an event is offered again to a platform that is busy or does not answer.
    """

    images: Side
    results: Side
    failed: Side | None
    function: str
    endpoint: str
    access: Access
    concurrency: int
    patience: float = PATIENCE
    quiet: float = QUIET
    offered: float = OFFERED


def run(lane: Lane, keys: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Have the function reconcile keys; yields what became of each, as `tools.engine.run` does.

    A key that fails has outcome `failed` and a reason. Raises ConfigError when no event would be
    taken. Closing the iterator ends the sending; what is on its way is worked on all the same.
    """
    need_fc()
    if any(isinstance(side.store, FolderStore) for side in (lane.images, lane.results)):
        raise ConfigError("--engine fc works on oss:// places; for a folder use --engine local")
    if not lane.access.region:
        raise ConfigError("name the function's region: --region cn-hangzhou, or FC_REGION")
    running = _Run(lane)
    try:
        yield from running.outcomes(keys)
    finally:
        running.stop()


class _Run:
    """One run of the engine, in the thread of whoever iterates."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._most = max(1, lane.concurrency)
        self._quiet = min(lane.quiet, lane.patience)
        self._watch = Watch(lane.images, lane.results, lane.failed)
        endpoint = lane.endpoint or endpoint_of(lane.access.region)
        self._send = Sender(
            lane.function, endpoint, partial(present, os.environ), renewed, patience=lane.offered
        )
        self._silence = Silence(
            f"{lane.function} is busy, or starting, or does not read {lane.images.place} and write "
            f"{lane.results.place}; its log says which",
            self._quiet,
        )
        self._senders = ThreadPoolExecutor(min(_SENDERS, self._most))
        self._lookers = ThreadPoolExecutor(_LOOKERS)
        self._sent: list[Sent] = []
        self._again: deque[Batch] = deque()
        self._ready: deque[dict[str, Any]] = deque()
        self._pace = 0.0
        self._died, self._alive = 0, False
        self._unsent, self._accepted = 0, False
        self._broken: ConfigError | None = None

    def stop(self) -> None:
        """Send nothing more, and wait for nothing."""
        self._send.stop()
        for pool in (self._senders, self._lookers):
            pool.shutdown(wait=False, cancel_futures=True)

    def outcomes(self, keys: Iterable[str]) -> Iterator[dict[str, Any]]:
        """See `run`."""
        self._watch.letters("none", time.time())  # who may not list them is to hear of it now
        fresh, more = self._batches(self._sendable(keys)), True
        while more or self._sent or self._again:
            until = time.monotonic() + _GATHERED
            while (self._again or more) and self._room() and time.monotonic() < until:
                batch = self._again.popleft() if self._again else next(fresh, None)
                if batch is None:
                    more = False
                else:
                    request = self._senders.submit(self._send, batch.event)
                    self._sent.append(Sent(batch, request, time.time()))
            if self._sent and not (more and self._room()):
                self._wait()
            self._look()
            self._silence.look(len(self._sent), news=bool(self._ready))
            while self._ready:
                yield self._ready.popleft()
            if self._broken:
                raise self._broken

    def _sendable(self, keys: Iterable[str]) -> Iterator[str]:
        for key in keys:
            try:
                self._watch.target(key)
            except KeyRefused as error:
                self._ready.append(failed(key, str(error)))
            else:
                yield key

    def _batches(self, keys: Iterable[str], most: int = MOST_KEYS) -> Iterator[Batch]:
        return batches(keys, self._lane.images.store.name, self._lane.access.region, most=most)

    def _room(self) -> bool:
        return len(self._sent) < self._most

    def _wait(self) -> None:
        """Until an event has been answered, or one is to be looked at."""
        pending = [sent.request for sent in self._sent if not sent.began]
        dues = [sent.due for sent in self._sent if sent.began]
        seconds = max(0.0, min(dues) - time.monotonic()) if dues else LONGEST
        if pending:
            wait(pending, seconds, FIRST_COMPLETED)
        else:
            time.sleep(seconds)

    def _look(self) -> None:
        """Ask about every event that is due, several keys at the same time."""
        self._answered()
        now = time.monotonic()
        due = [sent for sent in self._sent if sent.began and sent.due <= now]
        due = sorted(due, key=lambda sent: sent.due)[:_EVENTS]
        self._ask([(sent, sent.probe()) for sent in due])
        doubtful = [sent for sent in due if sent.doubtful]
        filed = self._lookers.map(
            lambda sent: self._watch.letters(sent.request.result(), sent.at), doubtful
        )
        for sent, letters in zip(doubtful, filed, strict=True):
            sent.letters = letters
        wholly = [sent for sent in due if sent.whole(now, self._quiet)]
        self._ask([(sent, key) for sent in wholly for key in sent.left])
        for sent in due:
            self._judge(sent, time.monotonic())

    def _answered(self) -> None:
        """What the platform said to the events that were being sent."""
        for sent in [sent for sent in self._sent if not sent.began and sent.request.done()]:
            try:
                sent.request.result()
            except (ConfigError, StaleCredentials):  # the next one would end the same way
                raise
            except FanlightError as error:
                self._sent.remove(sent)
                self._ready += [failed(key, f"not sent: {error}") for key in sent.left]
                self._unsent += 1
                if self._unsent == _DEATHS and not self._accepted:  # each takes minutes
                    self._broken = ConfigError(f"no event could be sent: {error}")
            else:
                self._accepted = True
                sent.accepted(time.monotonic(), self._pace)

    def _ask(self, keys: list[tuple[Sent, str]]) -> None:
        looks = self._lookers.map(self._watch.look, [key for _, key in keys])
        for (sent, key), look in zip(keys, looks, strict=True):
            if outcome := sent.heard(key, look, time.monotonic()):
                self._ready.append(outcome)

    def _judge(self, sent: Sent, now: float) -> None:
        """What follows from what is known of an event now."""
        self._filed(sent)
        # What is only waiting its turn in the platform's queue is not to be sent once more.
        stale = sent.overwritten(now, max(self._quiet, 3 * self._pace))
        self._send_again(sent, self._batches(stale))
        self._ready += sent.given_up(now, self._lane.patience)
        if sent.left:
            sent.later(now)
            return
        self._sent.remove(sent)
        self._check_alive(sent)
        if sent.fruitful and not sent.letters:
            self._pace += 0.3 * (sent.moved - sent.began - self._pace)

    def _filed(self, sent: Sent) -> None:
        """What letters say of an event. A key that is only suspected is sent again, alone.

        But not while event after event dies: then it is no single image that does it.
        """
        alone = []
        for key, letter in sent.filed():
            several = len(sent.batch.keys) > 1 and sent.batch.tries < TRIES
            if letter.suspected and not letter.ours and several and self._died < _DEATHS:
                alone.append(key)
            else:
                self._ready.append(letter.outcome(key))
        self._send_again(sent, self._batches(alone, most=1))

    def _send_again(self, sent: Sent, made: Iterator[Batch]) -> None:
        self._again += [replace(batch, tries=sent.batch.tries + 1) for batch in made]

    def _check_alive(self, sent: Sent) -> None:
        """Where the first few events have all died, the function is broken."""
        if sent.fruitful:
            self._died, self._alive = 0, True
        self._died += bool(sent.died)
        if self._died >= _DEATHS and not self._alive and sent.died and sent.batch.tries == 0:
            self._broken = ConfigError(
                f"{self._lane.function} fails for every event: {sent.died}; mend it, or use "
                "--engine local"
            )
