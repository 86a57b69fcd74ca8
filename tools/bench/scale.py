"""What each key costs, and what memory is needed, where there are few and where there are many.

Every command is a process of its own, from its start to its end; see spent.py for how its memory is
measured. On folders, sizes take turns in each round.
"""

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fanlight.errors import FanlightError
from tools.bench.cloud import OssProcess
from tools.bench.filled import INPUT, LAYOUTS, OUTPUT, fill_bucket, fill_folder
from tools.bench.machine import this_machine
from tools.bench.networks import DIGITS
from tools.bench.report import Comparison, Report, Row
from tools.bench.started import spent
from tools.bench.stats import ratios

COLUMNS = ("us a key", "processor us a key", "peak MB")
UNIT = "microseconds a key, and megabytes"
LISTING, STATUS, FIRST, SECOND = "listing", "status", "first run", "second run"
OSS = "OSS endpoint"
WANTED = 1.1
"""Ten times the keys are to take no more than this times the memory, and the time a key."""

Progress = Callable[[], None]


@dataclass(frozen=True)
class Spent:
    """Seconds, those of processors, and bytes at the peak of the largest process."""

    seconds: float
    processors: float
    peak: float


@dataclass(frozen=True)
class Subject:
    """A place of `keys` images, where their results go, and what processes must know of it."""

    name: str
    keys: int
    source: str
    out: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def measure(self, what: str) -> Spent:
        """Run one command. FanlightError unless it did what it was to do, with every key."""
        tools = [sys.executable, "-m", "tools"]
        run = [*tools, "run", self.source, "--model", str(DIGITS), "--out", self.out]
        command = {
            LISTING: [sys.executable, "-m", "tools.bench.listed", self.source],
            STATUS: [*tools, "status", self.source, "--deep", "--out", self.out],
            FIRST: run,
            SECOND: run,
        }[what]
        told = spent(command, self.environment)
        count = f"{self.keys}" if what == LISTING else f"{self.keys:,}"
        states = {LISTING: "", STATUS: " classified", FIRST: " classified", SECOND: " unchanged"}
        if told["code"] or f"{count}{states[what]}" not in told["said"]:
            raise FanlightError(f"{what} of {self.keys:,} keys failed and said: {told['said']}")
        return Spent(told["seconds"], told["processors"], told["peak"])


Found = dict[tuple[str, str, int], list[Spent]]
"""Place, command, keys -> one a round."""


def scale(
    folder: Path, sizes: Sequence[int], oss_sizes: Sequence[int], rounds: int, progress: Progress
) -> Report:
    """Measure in `folder`: folders in both layouts, and a bucket."""
    found: Found = {}
    for subject, what in _folders(folder, sizes, rounds):
        found.setdefault((subject.name, what, subject.keys), []).append(subject.measure(what))
        progress()
    for subject, what in _buckets(folder, oss_sizes, rounds):
        found.setdefault((subject.name, what, subject.keys), []).append(subject.measure(what))
        progress()
    rows = [Row(f"{name}, {what}, {keys:,} keys", _columns(keys, samples))
            for (name, what, keys), samples in found.items()]  # fmt: skip
    return Report("scale", this_machine(), COLUMNS, rows, comparisons(found), notes=_NOTES,
                  unit=UNIT, times=1)  # fmt: skip


def steps(sizes: Sequence[int], oss_sizes: Sequence[int], rounds: int) -> int:
    """How often `scale` tells of progress."""
    return rounds * (4 * len(LAYOUTS) * len(sizes) + 3 * len(oss_sizes))


_NOTES = (
    "A key: all that the process takes from its start to its end, by the keys. Processors: of all "
    "its processes. Peak: of the largest of its processes, not their sum.",
    "Folders have 20 digits of MNIST under many names, hard links, in a memory file system where "
    "there is one. The bucket is on this machine, and its requests cross no network; it takes "
    "part of the processors, but not of the figures for them.",
)


def _folders(scratch: Path, sizes: Sequence[int], rounds: int) -> Iterator[tuple[Subject, str]]:
    for name, each in LAYOUTS.items():
        subjects = []
        for size in sizes:
            source = scratch / f"{size}"
            fill_folder(source, size, each)
            subjects.append(Subject(name, size, str(source), f"{source}-results"))
        for _ in range(rounds):
            for subject in subjects:
                shutil.rmtree(subject.out, ignore_errors=True)
                for what in (FIRST, LISTING, STATUS, SECOND):
                    yield subject, what
        for path in scratch.iterdir():
            shutil.rmtree(path)


def _buckets(scratch: Path, sizes: Sequence[int], rounds: int) -> Iterator[tuple[Subject, str]]:
    for size in sizes:
        data = scratch / f"bucket-{size}"
        fill_bucket(data, size)
        with OssProcess(data) as cloud:
            subject = Subject(OSS, size, str(INPUT), str(OUTPUT), cloud.settings(DIGITS))
            for _ in range(rounds):
                for what in (LISTING, STATUS, SECOND):
                    yield subject, what
        shutil.rmtree(data)


def _columns(keys: int, samples: Sequence[Spent]) -> dict[str, list[float]]:
    return dict(zip(COLUMNS, (
        [1e6 * one.seconds / keys for one in samples],
        [1e6 * one.processors / keys for one in samples],
        [one.peak / 1e6 for one in samples],
    ), strict=True))  # fmt: skip


def comparisons(found: Found) -> list[Comparison]:
    """The largest size by the one before it: memory, time a key, and time of each further key.

    They are wanted of `run` on a folder. What starting takes is a smaller part of many keys; a
    further key's cost, from one size to the next, has none of it and hides nothing.
    """
    made = []
    for name, what in dict.fromkeys((name, what) for name, what, _ in found):
        sizes = sorted(keys for place, command, keys in found if (place, command) == (name, what))
        if len(sizes) < 2:
            continue
        wanted = WANTED if what in (FIRST, SECOND) and name != OSS else None
        lower, upper = (found[name, what, size] for size in sizes[-2:])
        title = f"{name}, {what}, {sizes[-1]:,} keys by {sizes[-2]:,}"
        peaks = ratios([one.peak for one in upper], [one.peak for one in lower])
        seconds = ratios([one.seconds / sizes[-1] for one in upper],
                         [one.seconds / sizes[-2] for one in lower])  # fmt: skip
        made.append(Comparison(f"{title}: peak memory", peaks, at_most=wanted))
        made.append(Comparison(f"{title}: time a key", seconds, at_most=wanted))
        if len(sizes) > 2:
            further = [_further(found, name, what, pair) for pair in (sizes[-2:], sizes[-3:-1])]
            made.append(Comparison(f"{title}: processors' time of a further key",
                                   ratios(*further), at_most=wanted))  # fmt: skip
    return made


def _further(found: Found, name: str, what: str, sizes: Sequence[int]) -> list[float]:
    """Seconds of processors that each key beyond the smaller size takes, one a round."""
    lower, upper = (found[name, what, size] for size in sizes)
    return [(more.processors - less.processors) / (sizes[1] - sizes[0])
            for less, more in zip(lower, upper, strict=True)]  # fmt: skip
