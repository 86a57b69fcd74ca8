"""Plays the promise in orders that Hypothesis chooses: no upload is lost, no result is stale.

usage: python -m tools.prove.interleavings [--memory N] [--http N] [--seed S]

Uploads, events, crashes, errors, late writes, retries, dead letters and a change of models, through
the code that is deployed: on a store in memory, and through oss2 at the local OSS endpoint. Exit
code 1, with the shortest story that breaks the promise, if one does.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tools.prove.fates import Cloud
from tools.prove.http_cloud import http_clouds
from tools.prove.memory_cloud import MemoryCloud
from tools.prove.truth import Violation
from tools.prove.world import World

TAPES = st.binary(min_size=120, max_size=400)
"""About three bytes for each line of a story."""

COUNTED = ("interleavings", "different ones", "operations", "uploads", "invocations", "retries",
           "crashes", "late writes", "other faults", "dead letters", "upgrades")  # fmt: skip


def explore(clouds: Iterator[Cloud], count: int, seed_of: int) -> Counter[str]:
    """What was played in `count` stories, chosen by seed `seed_of`; Violation has the shortest."""
    played: Counter[str] = Counter()
    stories: set[int] = set()

    @seed(seed_of)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(TAPES)
    def play(tape: bytes) -> None:
        world = World(next(clouds), tape)
        try:
            world.play()
        finally:
            played.update(world.counts)
            played["interleavings"] += 1
            stories.add(hash(tuple(world.story)))

    play()
    played["different ones"] = len(stories)
    return played


def memory_clouds() -> Iterator[Cloud]:
    """Clouds without end, each an empty bucket in memory."""
    while True:
        yield MemoryCloud()


def holds(kind: str, clouds: Iterator[Cloud], count: int, seed_of: int) -> bool:
    """Whether the promise holds; prints what was played, or the shortest story that breaks it."""
    began = time.monotonic()
    try:
        played = explore(clouds, count, seed_of)
    except Violation as violation:
        print(f"{kind}: the shortest story that breaks the promise\n{violation}")
        return False
    counts = ", ".join(f"{played[name]:,} {name}" for name in COUNTED)
    print(f"{kind}: {counts}; {time.monotonic() - began:.0f} s; violations: 0", flush=True)
    return True


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.prove.interleavings",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--memory", type=int, default=10_000, help="[default: 10000]")
    parser.add_argument("--http", type=int, default=500, help="[default: 500]")
    parser.add_argument("--seed", type=int, default=1, help="[default: 1]")
    chosen = parser.parse_args(arguments)

    held = not chosen.memory or holds("in memory", memory_clouds(), chosen.memory, chosen.seed)
    if chosen.http:
        with http_clouds() as clouds:
            held = holds("over HTTP", clouds, chosen.http, chosen.seed) and held
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
