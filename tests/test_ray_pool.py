"""Whom the pool gives which keys, on a cluster that lives in memory and ends actors at will."""

from collections import Counter, deque
from collections.abc import Iterator
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import ConfigError, FanlightError
from tools.engine import ENDED, Chunks
from tools.ray_pool import Pool


class RayError(Exception):
    """As Ray's: an actor or its node is gone."""


class RayTaskError(RayError):
    """As Ray's: what an actor did has raised."""


class Future:
    """`value`: what it came to; an exception is raised."""

    def __init__(self, keys: list[str] | None) -> None:
        self.keys = keys
        self.value: Any = None
        self.done = False

    def settle(self, value: Any) -> None:
        self.value, self.done = value, True


class FakeActor:
    """Does what it is told in order, when its cluster says so.

    `sent`: an answer on its way, with the future that it is for. It is lost if the actor ends.
    """

    def __init__(self, cluster: "FakeRay") -> None:
        self.cluster, self.queue = cluster, deque[Future]()
        self.sent: tuple[Future, Any] | None = None
        self.alive, self.running = True, False
        self.ready = SimpleNamespace(remote=lambda: self._asked(None))
        self.work = SimpleNamespace(remote=self._asked)
        cluster.actors.append(self)

    def _asked(self, keys: list[str] | None) -> Future:
        future = Future(keys)
        if self.alive:
            self.queue.append(future)
            assert len(self.queue) <= 2, "an actor is given no more than one chunk ahead"
        else:
            future.settle(RayError("it ended before"))
        return future

    def arrived(self) -> None:
        if self.sent:
            self.sent[0].settle(self.sent[1])
        self.sent = None

    def end(self) -> None:
        self.alive = self.running = False
        if self.sent:
            self.sent[0].settle(RayError("it ended before its answer was here"))
        while self.queue:
            self.queue.popleft().settle(RayError("it ended"))


class FakeRay:
    """A cluster of `cpus`, where time passes as somebody waits; it is the module `time`, too.

    `accidents`: actors that may end for no fault of an image.
    """

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)

    def __init__(
        self, rng: Random, cpus: int, accidents: int = 0, poison: tuple[str, ...] = ()
    ) -> None:
        self.rng, self.cpus, self.accidents, self.poison = rng, cpus, accidents, poison
        self.actors: list[FakeActor] = []
        self.now = 0.0
        self.alone: Counter[str] = Counter()
        """How often an actor ended by accident over this key alone."""

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": float(self.cpus)}},
                {"Alive": False, "Resources": {"CPU": 64.0}},
                {"Alive": True, "Resources": {"memory": 1e9}}]  # fmt: skip

    def available_resources(self) -> dict[str, float]:
        return {"CPU": self.cpus - sum(actor.running for actor in self.actors)}

    def kill(self, actor: FakeActor, *, no_restart: bool) -> None:
        assert no_restart
        actor.end()

    def wait(
        self, futures: list[Future], *, num_returns: int = 1, timeout: float
    ) -> tuple[list[Future], list[Future]]:
        if timeout:
            self.now += timeout
            self._step()
        done = [future for future in futures if future.done][:num_returns]
        return done, [future for future in futures if future not in done]

    def get(self, future: Future) -> Any:
        assert future.done
        if isinstance(future.value, Exception) and not isinstance(future.value, FanlightError):
            raise future.value
        return future.value

    def _step(self) -> None:
        """One of the actors goes on, or ends; some of what was answered before arrives."""
        for actor in self.actors:
            if not actor.queue or self.rng.random() < 0.3:
                actor.arrived()
        free = self.available_resources()["CPU"] > 0
        able = [a for a in self.actors if a.alive and (a.running or free) and a.queue]
        if not able:
            return
        actor = self.rng.choice(able)
        actor.running = True
        keys = actor.queue[0].keys or []
        accident = self.accidents > 0 and self.rng.random() < 0.3
        if accident or any(key in self.poison for key in keys):
            self.accidents -= accident
            if len(keys) == 1:
                self.alone[keys[0]] += 1
            actor.end()
            return
        actor.arrived()
        outcomes = [{"key": key, "outcome": "classified"} for key in keys]
        actor.sent = actor.queue.popleft(), (outcomes, 0.1) if keys else None


def work(ray: FakeRay, keys: Iterator[str], actors: int | None) -> list[dict[str, Any]]:
    pool = Pool(ray, lambda: FakeActor(ray), actors, lambda _: None, time=ray)
    outcomes = list(pool.work(Chunks(keys)))
    assert not any(actor.alive for actor in ray.actors)
    return outcomes


@given(
    count=st.integers(1, 80),
    poison=st.sets(st.integers(0, 79), max_size=3),
    rng=st.randoms(use_true_random=False),
    cpus=st.integers(1, 5),
    actors=st.one_of(st.none(), st.integers(1, 7)),
    accidents=st.integers(0, 6),
)
def test_every_key_has_one_outcome_whatever_ends(
    count: int, poison: set[int], rng: Random, cpus: int, actors: int | None, accidents: int
) -> None:
    """Each key is told once; those that end their actors fail, and others only after bad luck."""
    names = [f"{number:02d}" for number in range(count)]
    culprits = {f"{number:02d}" for number in poison if number < count}
    ray = FakeRay(rng, cpus, accidents, tuple(culprits))
    # Actors that end by accident before they are ready, with none at work, are a fault to tell of.
    outcomes: list[dict[str, Any]] = []
    try:
        outcomes = work(ray, iter(names), actors)
    except ConfigError as error:
        assert "end before they are ready" in str(error)  # noqa: PT017 - it may, or may not
        return

    assert sorted(outcome["key"] for outcome in outcomes) == names
    failed = {o["key"]: o["reason"] for o in outcomes if o["outcome"] == "failed"}
    assert failed.keys() >= culprits
    assert set(failed.values()) <= {ENDED}
    assert all(ray.alone[key] >= 2 for key in failed)


def test_one_end_is_nobodys_fault() -> None:
    """A key over which one actor ended is done by another, whatever else that one had."""
    ray = FakeRay(Random(1), 2)
    ends = iter([True])

    def keys() -> Iterator[str]:
        for number in range(200):
            if number == 100 and next(ends, False):
                next(actor for actor in ray.actors if actor.running).end()
            yield f"{number:03d}"

    outcomes = work(ray, keys(), None)

    assert Counter(outcome["outcome"] for outcome in outcomes) == {"classified": 200}
    assert len(ray.actors) == 3


def test_an_actor_out_of_reach_is_ended() -> None:
    """Where only the way to a node was cut its actor lives, and would go on beside the next one."""
    ray = FakeRay(Random(10), 2)

    class Cut(FakeActor):
        def _asked(self, keys: list[str] | None) -> Future:
            if keys is None or len(ray.actors) > 1:
                return super()._asked(keys)
            future = Future(keys)
            future.settle(RayError("the connection was lost"))
            return future

    pool = Pool(ray, lambda: Cut(ray), 1, lambda _: None, time=ray)
    done = pool.work(Chunks(iter("abc")))
    outcomes = [next(done)]
    living = [actor.alive for actor in ray.actors]
    outcomes += done

    assert living == [False, True]
    assert Counter(outcome["outcome"] for outcome in outcomes) == {"classified": 3}


def test_keys_are_not_read_ahead_of_the_work() -> None:
    """Of a listing without end no more is read than the actors have been given."""
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield str(read)

    ray = FakeRay(Random(2), 2)
    pool = Pool(ray, lambda: FakeActor(ray), None, lambda _: None, time=ray)
    done = pool.work(Chunks(endless()))
    for number, _ in enumerate(done):
        assert read <= number + 1 + 2 * 2 * 512
        if number == 5000:
            break
    done.close()

    assert not any(actor.alive for actor in ray.actors)


@pytest.mark.parametrize(("asked", "before", "after"), [(None, 3, 5), (4, 4, 4)])
def test_actors_follow_the_cluster(asked: int | None, before: int, after: int) -> None:
    """There are as many as CPUs, also when nodes come or go; a number that is given stays."""
    ray, found = FakeRay(Random(3), 3), list[int]()

    def keys() -> Iterator[str]:
        for number in range(20_000):
            if number == 10_000:
                found.append(living(ray))
                ray.cpus = 5
            yield str(number)
        found.append(living(ray))

    work(ray, keys(), asked)

    assert found == [before, after]


def living(ray: FakeRay) -> int:
    return sum(actor.alive for actor in ray.actors)


def test_few_keys_start_few_actors() -> None:
    """A large cluster is not filled for the sake of a few keys."""
    ray = FakeRay(Random(4), 1000)

    assert len(work(ray, map(str, range(20)), None)) == 20
    assert len(ray.actors) == 8


def test_much_work_fills_a_large_cluster() -> None:
    """While all actors have work there are twice as many after some seconds, one a CPU at most."""
    ray, most = FakeRay(Random(8), 50), 0

    def keys() -> Iterator[str]:
        nonlocal most
        for number in range(200_000):
            most = max(most, living(ray))
            yield str(number)

    work(ray, keys(), None)

    assert most == 50


def test_actors_that_wait_for_a_node_that_is_gone_are_ended() -> None:
    """They would make a cluster that grows by itself bring a node for them."""
    ray = FakeRay(Random(9), 6)
    busy = FakeActor(ray)  # somebody else's, on five of the CPUs
    busy.running = True
    ray.available_resources = lambda: {  # type: ignore[method-assign]
        "CPU": ray.cpus - 5 - sum(actor.running for actor in ray.actors if actor is not busy)
    }
    found = []

    def keys() -> Iterator[str]:
        for number in range(5000):
            if number == 2500:
                found.append(living(ray) - 1)
                ray.cpus, ray.available_resources = 2, lambda: {"CPU": 0.0}  # type: ignore[method-assign]
            yield str(number)
        found.append(living(ray) - 1)

    pool = Pool(ray, lambda: FakeActor(ray), None, lambda _: None, time=ray)
    assert len(list(pool.work(Chunks(keys())))) == 5000

    assert found == [6, 2]


def test_waiting_for_a_cpu_is_told() -> None:
    """Where no CPU is free it says so after some seconds and now and then, and waits."""
    ray, told = FakeRay(Random(5), 0), list[str]()

    def tell(text: str) -> None:
        told.append(f"{ray.now:.0f} {text}")
        if len(told) == 3:
            ray.cpus = 1

    pool = Pool(ray, lambda: FakeActor(ray), None, tell, time=ray)

    assert len(list(pool.work(Chunks(iter("abc"))))) == 3
    assert told == [
        f"{seconds} waiting for the cluster to start an actor, which needs a CPU: it has 0, and 0 "
        "of them are free"
        for seconds in (5, 35, 65)
    ]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RayError("The actor died\nModuleNotFoundError: tools"), "with its ray extra"),
        (RayError("worker is out of memory\nmore"), "end before they are ready: worker is out of"),
    ],
)
def test_actors_that_cannot_start_end_the_run(error: Exception, told: str) -> None:
    """What no other actor would do better is told, instead of trying for ever."""
    ray = FakeRay(Random(6), 2)

    class Broken(FakeActor):
        def _asked(self, keys: list[str] | None) -> Future:
            future = Future(keys)
            future.settle(error)
            return future

    pool = Pool(ray, lambda: Broken(ray), None, lambda _: None, time=ray)
    with pytest.raises(ConfigError, match=told):
        list(pool.work(Chunks(iter("abc"))))
    assert len(ray.actors) <= 6


class Fault(RayTaskError):
    """What Ray makes of an exception."""

    cause = KeyError("x")


@pytest.mark.parametrize(
    ("answer", "told"), [(ConfigError("node n: no"), "node n: no"), (Fault(), r"KeyError\('x'\)")]
)
def test_what_an_actor_says_is_wrong_ends_the_run(answer: Exception, told: str) -> None:
    """An error of ours comes out as it is, and a fault of ours with what it was."""
    ray = FakeRay(Random(7), 1)

    class Telling(FakeActor):
        def _asked(self, keys: list[str] | None) -> Future:
            future = Future(keys)
            future.settle(answer if keys else None)
            return future

    pool = Pool(ray, lambda: Telling(ray), None, lambda _: None, time=ray)
    with pytest.raises(FanlightError, match=told):
        list(pool.work(Chunks(iter("abc"))))
