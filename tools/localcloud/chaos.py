"""Faults on demand: which, when and to what, decided by a seed.

Each decision is a function of the seed, the kind of thing asked about, its name and how often that
name was asked before. Threads may come in any order: a key's n-th request meets the same fate.
The mechanics of the faults are in `chaos_http`, in the queue and in the instances.
"""

import hashlib
import random
import secrets
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

IN_A_ROW = 3
"""Faults that one name meets at most before it is left alone once: who tries again gets there."""

REQUEST_FAULTS = ("unavailable", "internal", "cut_request", "lost", "late", "cut_response", "slow",
                  "clock")  # fmt: skip

_NAMES = 20_000
"""Names whose count is remembered; the oldest is forgotten first, and begins again."""
_RECENT = 1000
"""Faults that are told one by one; all of them are counted."""


@dataclass(frozen=True)
class Rates:
    """How often each fault happens, as a share between 0 and 1, and how far it may go.

    Of the requests to OSS: `unavailable`: 503. `internal`: 500, half of them after the request was
    carried out. `cut_request`: the connection closed half way through the request's body. `lost`:
    carried out, the connection closed without an answer. `late`: a PUT without an answer as well,
    carried out up to `longest_late` seconds later. `cut_response`: the connection closed half way
    through the answer's body. `slow`: an answer's body in small pieces, over `longest_slow`
    seconds. `clock`: OSS's clock is off by up to `clock_jump` seconds for this request; beyond
    15 minutes it refuses the signature.

    Of the events: `duplicate`: delivered twice. `delay`: delivered up to `longest_delay` seconds
    later, past others.

    Of the invocations: `kill`: the instance is killed within `longest_life` seconds if it has not
    answered by then; in the first `kills` attempts of an invocation, never in the last, but for a
    synchronous one, which has no other. `expire`: credentials that are good for `longest_good`
    seconds at most.
    """

    unavailable: float = 0.02
    internal: float = 0.02
    cut_request: float = 0.01
    lost: float = 0.02
    late: float = 0.02
    cut_response: float = 0.02
    slow: float = 0.01
    clock: float = 0.02
    duplicate: float = 0.1
    delay: float = 0.1
    kill: float = 0.03
    expire: float = 0.03
    kills: int = 2
    longest_late: float = 0.5  # below the pause before the platform's first retry, which mends it
    longest_slow: float = 0.5
    longest_delay: float = 2.0
    longest_life: float = 1.0
    longest_good: float = 0.1
    clock_jump: float = 1800.0


@dataclass(frozen=True)
class Fault:
    """What befalls the `nth` request (from 0) of a name. `amount`: how much, from 0 to 1."""

    kind: str
    name: str
    nth: int
    amount: float


_USUAL = Rates()


class Chaos:
    """The decisions for one local cloud; any thread may ask.

    `everyone`: False spares all requests to OSS but those of the functions.
    """

    def __init__(self, seed: int, rates: Rates = _USUAL, *, everyone: bool = True) -> None:
        self.seed, self.rates, self.everyone = seed, rates, everyone
        self._lock = threading.Lock()
        self._asked: dict[bytes, int] = {}
        self._counts: Counter[str] = Counter()
        self._recent: deque[Fault] = deque(maxlen=_RECENT)
        self._local = threading.local()
        self._resting = False

    def rest(self) -> None:
        """Leave requests alone from now on, for a look at what there is."""
        self._resting = True

    def request(self, name: str, kinds: Sequence[str] = REQUEST_FAULTS) -> Fault | None:
        """What befalls the next request of that name, of the `kinds` that can befall it."""
        if self._resting:
            return None
        return self._noted(self.decide("request", name, self._nth("request", name), kinds))

    def deliveries(self, name: str) -> list[float]:
        """How the next event of that name is delivered: a delay in seconds for each delivery."""
        nth = self._nth("event", name)
        delays = [0.0]
        if self._noted(self.decide("duplicate", name, nth, ["duplicate"])):
            delays.append(0.0)
        for n in range(len(delays)):
            late = self._noted(self.decide("delay", f"{name}#{n}", nth, ["delay"]))
            if late is not None:
                delays[n] = late.amount * self.rates.longest_delay
        return delays

    def request_id(self, name: str) -> str:
        """An id for the next invocation of that name.

        Its first half is the same whenever the seed is, and what `kill_after` and `good_for` go by;
        the second is random, so that runs that share a folder share no id.
        """
        nth = self._nth("id", name)
        told = self._digest("id", name, nth)[:8]
        return str(uuid.UUID(bytes=told + secrets.token_bytes(8)))

    def kill_after(self, request_id: str, attempt: int, retries: int = IN_A_ROW) -> float | None:
        """Seconds after which the instance is killed in this attempt (from 1); None to spare it."""
        if attempt > min(self.rates.kills, retries):
            return None
        fault = self._noted(self.decide("kill", request_id[:18], attempt - 1, ["kill"]))
        if fault is None:
            return None
        # Half of them within a sixteenth: a warm invocation is far shorter than a cold start.
        return fault.amount**4 * self.rates.longest_life

    def good_for(self, request_id: str) -> float | None:
        """Seconds after which the invocation's next credentials expire; None if they do not."""
        name = request_id[:18]
        fault = self._noted(self.decide("expire", name, self._nth("expire", name), ["expire"]))
        return None if fault is None else fault.amount * self.rates.longest_good

    def clock(self) -> float:
        """Seconds since 1970 by OSS's clock, which jumps for the requests that `clock` befalls."""
        return time.time() + float(getattr(self._local, "offset", 0.0))

    def set_clock(self, offset: float) -> None:
        """Let the clock be off by so many seconds for what this thread asks from now on."""
        self._local.offset = offset

    def counts(self) -> dict[str, int]:
        """How many faults there were, by kind."""
        with self._lock:
            return dict(sorted(self._counts.items()))

    def recent(self) -> list[Fault]:
        """The last faults, at most 1,000."""
        with self._lock:
            return list(self._recent)

    def decide(self, family: str, name: str, nth: int, kinds: Sequence[str]) -> Fault | None:
        """What befalls the nth of a name: nothing but the seed and the rates has a say in it."""
        if nth % (IN_A_ROW + 1) == IN_A_ROW:
            return None
        drawn = random.Random(self._digest(family, name, nth))  # noqa: S311 - to be repeated
        point, amount = drawn.random(), drawn.random()
        for kind in kinds:
            rate = float(getattr(self.rates, kind))
            if point < rate:
                return Fault(kind, name, nth, amount)
            point -= rate
        return None

    def _digest(self, family: str, name: str, nth: int) -> bytes:
        asked = f"{self.seed}\0{family}\0{name}\0{nth}".encode("utf-8", "surrogateescape")
        return hashlib.sha256(asked).digest()

    def _nth(self, family: str, name: str) -> int:
        """How often the name was asked about before; counts this time."""
        key = self._digest(family, name, -1)[:8]
        with self._lock:
            nth = self._asked.pop(key, 0)
            self._asked[key] = nth + 1  # the last one asked is the last one forgotten
            if len(self._asked) > _NAMES:
                del self._asked[next(iter(self._asked))]
        return nth

    def _noted(self, fault: Fault | None) -> Fault | None:
        if fault is not None:
            with self._lock:
                self._counts[fault.kind] += 1
                self._recent.append(fault)
        return fault
