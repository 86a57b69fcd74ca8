"""The promise, played in orders that Hypothesis chooses, on two kinds of store."""

from collections import Counter
from collections.abc import Iterator
from itertools import repeat
from random import Random
from typing import Any

import pytest

from tools.prove.fates import Cloud, Wish
from tools.prove.http_cloud import http_clouds
from tools.prove.interleavings import explore, holds, main, memory_clouds
from tools.prove.memory_cloud import MemoryCloud
from tools.prove.truth import Violation
from tools.prove.world import World


class ForgetsLateWrites(MemoryCloud):
    """A store that does not tell of an earlier try that may still land."""

    def tell(self, end: str, value: Any) -> Any:
        return True if end == "unsettled" else super().tell(end, value)


class Hides(MemoryCloud):
    """A store that says of some failures that all is well."""

    def tell(self, end: str, value: Any) -> Any:
        return True if end == "fail" else super().tell(end, value)

    def fates(self, wish: Wish) -> Any:
        return [fate for fate in super().fates(wish) if wish.verb == "put" or fate.end != "fail"]


class Torn(MemoryCloud):
    """A store in which half a result can stand."""

    def fates(self, wish: Wish) -> Any:
        if wish.verb == "put" and wish.key.startswith("out/"):
            self.plain.put(wish.key, b'{"schema": ', if_absent=False)
        return super().fates(wish)


def is_violated(world: World) -> bool:
    try:
        world.play()
    except Violation:
        return True
    return False


def mostly_different(played: Counter[str]) -> bool:
    """Nine in ten; how many stories come twice is up to the version of Hypothesis."""
    return 10 * played["different ones"] >= 9 * played["interleavings"]


def test_the_promise_holds_on_any_store() -> None:
    """No upload is lost and no result stale, whatever a store may do; and much of it was done."""
    played = explore(memory_clouds(), 400, seed_of=1)

    assert played["interleavings"] >= 400
    assert mostly_different(played)
    assert played["crashes"] > 100
    assert played["late writes"] > 50
    assert played["dead letters"] > 20
    assert played["upgrades"] > 100


def test_the_promise_holds_over_http() -> None:
    """The same through oss2, with refusals, lost connections and damaged bodies on the wire."""
    with http_clouds() as clouds:
        played = explore(clouds, 20, seed_of=1)

    assert played["interleavings"] >= 20
    assert mostly_different(played)
    assert played["late writes"] > 0


@pytest.mark.parametrize("broken", [ForgetsLateWrites, Hides, Torn])
def test_a_store_that_breaks_its_contract_is_found_out(broken: type[MemoryCloud]) -> None:
    """The stories are rich enough to find what a worse store would do."""
    worlds = (World(broken(), Random(number).randbytes(300)) for number in range(3000))

    assert any(is_violated(world) for world in worlds)


def test_what_breaks_the_promise_is_told_in_short(capsys: pytest.CaptureFixture[str]) -> None:
    """The story that is shown is the simplest of its kind, and ends with what is wrong."""
    clouds: Iterator[Cloud] = (kind() for kind in repeat(Torn))

    assert not holds("torn", clouds, 100, seed_of=1)

    title, *story, violated = capsys.readouterr().out.splitlines()
    assert title == "torn: the shortest story that breaks the promise"
    assert story[-1] == "classify 1: put out/a.png.json: well"
    assert violated.startswith("VIOLATED: in/a.png has a result that was never true: ")
    assert len(story) < 10


def test_a_tape_tells_one_story() -> None:
    """What happens depends on the tape alone, or nothing found could be shown again."""
    stories = []
    for _ in range(2):
        world = World(MemoryCloud(), bytes(range(250)))
        world.play()
        stories.append(world.story)

    assert stories[0] == stories[1]
    assert len(stories[0]) > 50


def test_without_choices_the_story_is_the_simplest() -> None:
    """A tape that has run out means one upload, its event, its result."""
    world = World(MemoryCloud(), b"")

    world.play()

    assert world.story == [
        "upload of in/a.png: b'one'",
        "classify 1 waits: in/a.png",
        "classify 1: attempt 1, model old",
        "classify 1: get out/a.png.json: well",
        "classify 1: get in/a.png: well",
        "classify 1: put out/a.png.json: well",
        "classify 1: head in/a.png: well",
        "classify 1: done",
    ]


def test_the_command_says_what_was_played(capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each kind of store that was asked for."""
    assert main(["--memory", "5", "--http", "2"]) == 0

    memory, http = capsys.readouterr().out.splitlines()
    assert memory.startswith("in memory: 5 interleavings, ")
    assert http.startswith("over HTTP: 2 interleavings, ")
    assert memory.endswith("; violations: 0")
