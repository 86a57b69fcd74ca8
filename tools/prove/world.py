"""A bucket, the functions that its events start, and one who decides what happens next.

What happens is read from a tape of bytes: which of the possible moves comes next, and what befalls
an operation. A tape that has run out says 0, "the first move, and all is well", until nothing is
left to happen; then the promise is checked. So every tape is a whole story, and a shorter one, or
one of smaller bytes, a simpler story.

Bounds. A write that lands late does so before the platform's next attempt of that invocation. The
last of the dead letter function's attempts succeeds. What was deleted comes back with other bytes:
with the same ones, in the second of its first upload, OSS has the same version for it, and a run to
a new model that listed in between would leave its old result.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

from tools.events import oss_event
from tools.prove.fates import WELL, Cloud, Fate, Wish, befall
from tools.prove.invocations import ATTEMPTS, Invocation, failure, keys_to_tell_of, started
from tools.prove.puppet import Killed
from tools.prove.tape import Tape
from tools.prove.truth import INPUT, OUTPUT, Truth, Violation

KEYS = (f"{INPUT}a.png", f"{INPUT}b.png")
CONTENTS = (b"one", b"two", b"three")
OLD, NEW = "old", "new"
UPLOADS, DELETIONS, DUPLICATES, CONCURRENT = 5, 1, 2, 4
LONGEST = 5000
"""Lines of a story that will have no end."""
WELLS = (0, 12, 12, 6, 3, 1)
"""The odds of an operation to go well, by how bad the world is; 0: it always does."""

Move = Callable[[], None]


class World:
    """See above. `counts` says what was played, `story` how it went."""

    def __init__(self, cloud: Cloud, tape: bytes) -> None:
        self.counts: Counter[str] = Counter()
        self.story: list[str] = []
        self._cloud, self._tape = cloud, Tape(tape)
        self._wells = WELLS[self._tape.choose(len(WELLS))]
        self._only_late = self._tape.choose(3) == 1
        self._upgrades = bool(self._tape.choose(2))
        self._models: tuple[str, ...] = (OLD, NEW) if self._upgrades else (OLD,)
        self._truth = Truth(cloud.plain, self._models)
        self._keys = KEYS[self._tape.choose(2) :]
        self._may = Counter(upload=UPLOADS, delete=DELETIONS, duplicate=DUPLICATES)
        self._events: list[bytes] = []
        self._invocations: list[Invocation] = []
        self._failed: set[tuple[str, str]] = set()
        self._last: Invocation | None = None

    def play(self) -> None:
        """From the first upload until all is quiet; Violation if the promise does not hold."""
        try:
            self._begin()
            while moves := list(self._moves()):
                if len(self.story) > LONGEST:
                    self._violated("it never ends")
                moves[self._tape.choose(len(moves))]()
            for fault in self._truth.faults(self._models, self._failed):
                self._violated(fault)
        finally:
            for invocation in self._invocations:
                if invocation.puppet:
                    invocation.puppet.kill()

    def _moves(self) -> Iterator[Move]:
        """What can happen now; what brings the end nearer comes first."""
        here = [one for one in self._invocations if one.puppet]
        running = [one for one in here if not one.stalled]
        # Who has moved goes on, as a rule: one that overtakes another does so by many steps.
        running.sort(key=lambda one: one is not self._last)
        for one in running[:1] * 4 + running[1:]:
            yield partial(self._step, one)
        if len(here) < CONCURRENT:
            for one in self._invocations:
                if not one.puppet and one.attempts < ATTEMPTS[one.function]:
                    yield partial(self._start, one)
        if stalled := [one for one in here if one.stalled]:
            yield partial(self._wake_one, stalled)
        if late := [one for one in self._invocations if one.late]:
            yield partial(self._land_one, late)
        if self._tape.left and (news := self._news()):
            yield partial(self._hear, news)
        if self._upgrades and OLD in self._models and not self._old_ones():
            yield self._upgrade

    def _news(self) -> list[Move]:
        """What people and the event service may still do."""
        news = []
        if self._may["upload"]:
            news += [self._upload, self._upload]
        if self._may["delete"] and self._truth.present:
            news.append(self._delete)
        if self._may["duplicate"] and self._events:
            news.append(self._duplicate)
        return news

    def _hear(self, news: list[Move]) -> None:
        if not self._tape.choose(3):
            news[self._tape.choose(len(news))]()

    def _old_ones(self) -> list[Invocation]:
        """What the old model still has on its way."""
        return [one for one in self._invocations if one.model == OLD and (one.puppet or one.late)]

    def _begin(self) -> None:
        """One upload; or a bucket in which there are results already, as there mostly are."""
        if not self._tape.choose(4):
            self._upload()
            return
        for key in self._keys:
            self._put(key)
            (document,) = self._truth.true_results(key, (OLD,))
            self._cloud.plain.put(self._truth.result_key(key), document, if_absent=True)

    def _upload(self) -> None:
        self._may["upload"] -= 1
        key = self._keys[self._tape.choose(len(self._keys))]
        self._put(key)
        self._send([key])

    def _put(self, key: str) -> None:
        data = CONTENTS[self._tape.choose(len(CONTENTS))]
        if key in self._truth.gone:
            data += b" again"
        self._cloud.plain.put(key, data, if_absent=False)
        self._truth.uploaded(key, data)
        self.counts["uploads"] += 1
        self.story.append(f"upload of {key}: {data!r}")

    def _delete(self) -> None:
        self._may["delete"] -= 1
        key = sorted(self._truth.present)[self._tape.choose(len(self._truth.present))]
        self._cloud.plain.delete(key)
        self._truth.deleted(key)
        self.story.append(f"deletion of {key}")

    def _duplicate(self) -> None:
        """An event comes again, alone or with another, and with what is none of our business."""
        self._may["duplicate"] -= 1
        events = [self._events[self._tape.choose(len(self._events))] for _ in range(2)]
        keys = [json.loads(event)["events"][0]["oss"]["object"]["key"] for event in events]
        self._send([f"{OUTPUT}x.json", *(keys if self._tape.choose(2) else keys[:1])])

    def _send(self, keys: list[str]) -> None:
        records = [oss_event(self._cloud.plain.name, key, at=0)["events"][0] for key in keys]
        event = json.dumps({"events": records}).encode()
        if len(keys) == 1:
            self._events.append(event)
        self._invoke("classify", event, " and ".join(keys))

    def _invoke(self, function: str, event: bytes, why: str) -> None:
        name = f"{function} {len(self._invocations) + 1}"
        self._invocations.append(Invocation(name, function, event))
        self.counts["invocations"] += 1
        self.story.append(f"{name} waits: {why}")

    def _upgrade(self) -> None:
        """The documented way to a new model: this run comes last."""
        self._models = (NEW,)
        self.story.append("the old instances are gone")
        self.counts["upgrades"] += 1
        self._invoke("run", b"", "--only older-recipe")

    def _start(self, one: Invocation) -> None:
        while one.late:
            self._land(one)
        model = self._models[self._tape.choose(len(self._models))]
        self.counts["retries"] += one.attempts > 0
        one.puppet = started(self._cloud, one, model, lambda: bool(self._tape.choose(2)))
        self.story.append(f"{one.name}: attempt {one.attempts}, model {model}")
        self._settle(one)

    def _step(self, one: Invocation) -> None:
        assert one.puppet is not None  # noqa: S101 - for the type checker
        self._last = one
        self.counts["operations"] += 1
        wish: Wish = one.puppet.asked
        if wish.verb not in ("head", "get", "list") and wish.key.startswith(INPUT):
            self._violated(f"{one.name} is about to change the input: {wish}")
        fate = self._fate(one, wish)
        self.story.append(f"{one.name}: {wish.verb} {wish.key}: {fate.name}")
        self.counts["crashes"] += fate.end == "die"
        self.counts["late writes"] += fate.late
        self.counts["other faults"] += fate is not WELL and fate.end != "die" and not fate.late
        if fate.late:
            one.late.append((wish.key, wish.carry_out))
        one.puppet.go(befall(self._cloud, wish, fate))
        if fate.now and wish.verb == "put":
            self._look()
        self._settle(one)

    def _fate(self, one: Invocation, wish: Wish) -> Fate:
        if one.function == "deadletter" and one.attempts == ATTEMPTS["deadletter"]:
            return WELL
        others = self._cloud.fates(wish) if self._wells else ()
        fates = (
            (WELL, *others) if self._wells == 1 else (*[WELL] * len(others) * self._wells, *others)
        )
        return fates[self._tape.choose(len(fates))] if others else WELL

    def _settle(self, one: Invocation) -> None:
        """If an attempt has ended: forget it, wait for the next, or tell of the last."""
        if one.puppet is None:
            return
        if not one.puppet.ended:
            one.stalled = one.puppet.asked.verb == "put" and self._tape.choose(3) == 1
            return
        error, one.puppet = one.puppet.error, None
        if isinstance(error, Killed) and error.args:
            self._violated(str(error))
        self.story.append(
            f"{one.name}: {type(error).__name__}: {error}" if error else f"{one.name}: done"
        )
        if error is None:
            one.attempts = ATTEMPTS[one.function]
        elif one.attempts == ATTEMPTS[one.function]:
            self._failed |= {(one.name, key) for key in keys_to_tell_of(one, error)}
            self.counts["dead letters"] += 1
            self._invoke("deadletter", failure(one, error), one.name)

    def _wake_one(self, stalled: list[Invocation]) -> None:
        """Or not yet: much can happen between what was read and what is written."""
        if not self._tape.choose(16):
            stalled[self._tape.choose(len(stalled))].stalled = False

    def _land_one(self, late: list[Invocation]) -> None:
        """Or not yet: one that lands at once is not late."""
        if not self._tape.choose(16):
            self._land(late[self._tape.choose(len(late))])

    def _land(self, one: Invocation) -> None:
        key, carry_out = one.late.pop(self._tape.choose(len(one.late)))
        self.story.append(f"{one.name}: its late put {key} lands")
        carry_out()
        self._look()

    def _look(self) -> None:
        for fault in self._truth.mixtures():
            self._violated(fault)

    def _violated(self, fault: str) -> None:
        raise Violation("\n".join([*self.story, f"VIOLATED: {fault}"]))
