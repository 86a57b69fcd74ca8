"""Actors of a Ray cluster, and the chunks of keys that they are given."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

from fanlight.errors import ConfigError, FanlightError
from tools.engine import ENDED, Chunks
from tools.ray_actor import installed

_AHEAD = 2
"""Chunks an actor has: one to work on, and the next, so that it does not wait for it."""

_DEATHS = 2
"""Actors that end over the same keys before those are to blame: once, it can be a node's end."""

_FIRST = 8
"""Actors to begin with where no number is given; twice as many while all of them have work."""

_FAILED_STARTS = 3
"""Actors one after another that end before they are ready, while no other is at work."""

_COUNT_AGAIN = 2.0
"""Seconds until the cluster's CPUs are counted again."""

_TELL_FIRST, _TELL_AGAIN = 5.0, 30.0
"""Seconds of waiting for any actor at all, until it is told, and until it is told again."""

_LOOK = 0.5
"""Seconds to wait for an answer before something else is looked at."""

Tell = Callable[[str], None]


@dataclass(eq=False)
class _Chunk:
    """Keys for an actor. `deaths`: actors that ended while they worked on them.

    `again`: whether it was given out before. `suspect`: whether an actor has ended over these keys;
    the next has nothing else then. Answers are lost if an actor ends before they have arrived, so
    the keys before those that ended it would be blamed.
    """

    keys: list[str]
    deaths: int = 0
    again: bool = False
    suspect: bool = False


@dataclass(eq=False)
class _Member:
    """An actor, and the chunks it has, by the futures of their outcomes, in the order of its work.

    `starting`: the future of its being ready; None once it is.
    """

    actor: Any
    starting: Any
    given: dict[Any, _Chunk] = field(default_factory=dict)

    @property
    def next(self) -> Any:
        """The future that it makes come true first; None if it has nothing to do."""
        return self.starting or next(iter(self.given), None)

    def takes(self, share: int) -> bool:
        """Whether it may have another chunk, up to so many."""
        return len(self.given) < share and not any(one.suspect for one in self.given.values())


class Pool:
    """As many actors as there is work and room for. An actor that ends is replaced."""

    def __init__(
        self, ray: Any, make: Callable[[], Any], actors: int | None, tell: Tell, time: Any = time
    ) -> None:
        """`make`: starts one more. `actors`, `tell`: see `engine_ray.run`. `time`: the module."""
        self._ray, self._make, self._actors, self._tell = ray, make, actors, tell
        self._time = time
        self._members: list[_Member] = []
        self._again: deque[_Chunk] = deque()
        self._suspects: deque[_Chunk] = deque()
        self._room, self._most = actors or 0, actors or _FIRST
        self._failed_starts = 0
        now = self._time.monotonic()
        self._count_at, self._start_at, self._tell_at = now, now, now + _TELL_FIRST

    def work(self, chunks: Chunks) -> Generator[dict[str, Any], None, None]:
        """What becomes of all keys."""
        try:
            while self._hand_out(chunks) or any(member.given for member in self._members):
                yield from self._collected(chunks)
        finally:
            for member in self._members:
                self._end(member)

    def _hand_out(self, chunks: Chunks) -> bool:
        """Give those that are ready their share; False when nothing is left to be given."""
        ready = [member for member in self._members if not member.starting]
        if not ready and not self._again and not self._suspects:
            if (keys := next(chunks, None)) is None:
                return False
            self._again.append(_Chunk(keys))
        for share in range(1, _AHEAD + 1):
            for member in ready:
                if member.takes(share):
                    if (chunk := self._next(member, chunks)) is None:
                        return False
                    member.given[member.actor.work.remote(chunk.keys)] = chunk
        self._fill(all_busy=len(ready) == len(self._members))
        return True

    def _next(self, member: _Member, chunks: Chunks) -> _Chunk | None:
        if self._suspects and not member.given:
            return self._suspects.popleft()
        if self._again:
            return self._again.popleft()
        keys = next(chunks, None)
        return None if keys is None else _Chunk(keys)

    def _fill(self, *, all_busy: bool) -> None:
        """Start actors where there is room; end those that wait for room that is gone."""
        now = self._time.monotonic()
        if self._actors is None and now >= self._count_at:
            self._count_at = now + _COUNT_AGAIN
            self._room = self._cpus()
            if all_busy and len(self._members) >= self._most:
                self._most *= 2
        lacking = min(self._room, self._most) - len(self._members)
        if now >= self._start_at:
            for _ in range(lacking):
                actor = self._make()
                self._members.append(_Member(actor, actor.ready.remote()))
        starting = [member for member in self._members if member.starting]
        for member in starting[: max(0, -lacking)]:
            self._members.remove(member)
            self._end(member)

    def _collected(self, chunks: Chunks) -> Iterator[dict[str, Any]]:
        """Outcomes of what is done by now, after waiting for something to be."""
        futures = {member.next: member for member in self._members if member.next is not None}
        if not futures:
            self._time.sleep(_LOOK)
        elif self._ray.wait(list(futures), timeout=_LOOK)[0]:
            done, _ = self._ray.wait(list(futures), num_returns=len(futures), timeout=0)
            for future in done:
                yield from self._settled(futures[future], chunks)
        self._tell_of_waiting()

    def _settled(self, member: _Member, chunks: Chunks) -> Iterator[dict[str, Any]]:
        """What has become of what a member was to do first."""
        future, errors = member.next, self._ray.exceptions
        try:
            answer = self._ray.get(future)
        except errors.RayTaskError as error:
            raise FanlightError(f"a fault in an actor: {error.cause!r}") from None
        except errors.RayError as error:  # it ended, its node did, or the way there is cut
            yield from self._lost(member, error)
            return
        if isinstance(answer, FanlightError):
            raise answer
        if member.starting:
            member.starting, self._failed_starts = None, 0
            return
        chunk = member.given.pop(future)
        outcomes, seconds = answer
        if not chunk.again:
            chunks.took(len(chunk.keys), seconds)
        yield from outcomes

    def _lost(self, member: _Member, error: Exception) -> Iterator[dict[str, Any]]:
        """Keep what a member had for others; a key that ends one after another has failed."""
        self._members.remove(member)
        self._end(member)
        if member.starting:
            self._not_started(str(error))
            return
        first, *waiting = member.given.values()
        first.deaths += 1
        first.suspect = True
        for chunk in (first, *waiting):
            chunk.again = True
        self._again.extendleft(reversed(waiting))
        if first.deaths < _DEATHS:
            self._suspects.append(first)
        elif len(first.keys) > 1:
            # One at a time, the one that ends its actor is known.
            self._suspects.extend(_Chunk([key], again=True, suspect=True) for key in first.keys)
        else:
            yield {"key": first.keys[0], "outcome": "failed", "reason": ENDED}

    def _not_started(self, error: str) -> None:
        """ConfigError if it is not to be expected that another would start."""
        if "ModuleNotFoundError" in error:
            raise ConfigError(
                "a node cannot import what the work takes; install fanlight "
                f"{installed()}, with its ray extra, on every node"
            )
        self._failed_starts += 1
        self._start_at = self._time.monotonic() + min(self._failed_starts, _TELL_AGAIN)
        at_work = any(not member.starting for member in self._members)
        if self._failed_starts >= _FAILED_STARTS and not at_work:
            raise ConfigError(f"actors end before they are ready: {error.partition(chr(10))[0]}")

    def _end(self, member: _Member) -> None:
        """Even one that was lost may live, where only the way to it was cut."""
        self._ray.kill(member.actor, no_restart=True)

    def _cpus(self) -> int:
        """Actors that fit on all nodes, if nobody else used them."""
        alive = (node["Resources"] for node in self._ray.nodes() if node["Alive"])
        return sum(int(resources.get("CPU", 0)) for resources in alive)

    def _tell_of_waiting(self) -> None:
        """Say what is waited for, while no actor is ready."""
        now = self._time.monotonic()
        if any(not member.starting for member in self._members):
            self._tell_at = now + _TELL_FIRST
        elif now >= self._tell_at:
            self._tell_at = now + _TELL_AGAIN
            free = int(self._ray.available_resources().get("CPU", 0))
            self._tell(
                "waiting for the cluster to start an actor, which needs a CPU: "
                f"it has {self._cpus()}, and {free} of them are free"
            )
