"""What `fanlight results` takes of each document, in each form, and whether its memory is flat.

Every form is written by a process of its own, from its start to its end; see spent.py for how its
memory is measured. In each round they take turns with a process that reads and parses the same
documents and does nothing else: no form can be written in less.
"""

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fanlight.errors import FanlightError
from tools.bench.cloud import OssProcess
from tools.bench.filled import OUTPUT, fill_bucket, fill_folder
from tools.bench.machine import this_machine
from tools.bench.networks import DIGITS
from tools.bench.report import Comparison, Report, Row
from tools.bench.scale import FIRST, Subject
from tools.bench.started import spent
from tools.bench.stats import alternating, ratios

COLUMNS = ("documents/s", "processor us each", "peak MB", "file MB")
UNIT = "documents a second, microseconds and megabytes"
BOUND, PLAIN = "reading and parsing alone", "oss2 reading and parsing alone"
FORMS = ("table", "jsonl", "csv", "parquet", "html")
FOLDER, OSS = "folder", "OSS endpoint"
OSS_FORMS = ("jsonl",)
"""One: what differs from a folder is reading, and the forms read alike."""

BARE = {FOLDER: BOUND, OSS: PLAIN}
"""What forms are held against. Of a bucket it is no bound: oss2 takes longer than our store."""

WANTED = 1.1
"""Ten times the documents are to take no more than this times the memory."""

Progress = Callable[[], None]


@dataclass(frozen=True)
class Spent:
    """Seconds, those of processors, bytes at the peak of the largest process and of the file."""

    seconds: float
    processors: float
    peak: float
    size: int = 0


@dataclass(frozen=True)
class Results:
    """A place that holds the results of `count` images, and what processes must know of it."""

    name: str
    count: int
    place: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def measure(self, form: str, scratch: Path) -> Spent:
        """Write one form, or only read and parse. FanlightError unless every document was in it."""
        python, file = [sys.executable, "-m"], scratch / f"written.{form}"
        bare = form in BARE.values()
        if bare:
            told = spent([*python, "tools.bench.parsed", self.place], self.environment)
            whole = told["said"].strip() == f"{self.count}"
        else:
            command = ["tools", "results", self.place, "--to", form, "--output", str(file)]
            told = spent([*python, *command], self.environment)
            unit = "image" if form == "html" else "row"
            whole = f"{self.count:,} {unit}{'s' * (self.count != 1)} in " in told["said"]
        if told["code"] or not whole:
            raise FanlightError(f"{form} of {self.count:,} results failed and said: {told['said']}")
        size = 0 if bare else file.stat().st_size
        file.unlink(missing_ok=True)
        return Spent(told["seconds"], told["processors"], told["peak"], size)


Found = dict[tuple[str, int, str], list[Spent]]
"""Place, documents, form -> one a round."""


def results(
    folder: Path, sizes: Sequence[int], oss_sizes: Sequence[int], rounds: int, progress: Progress
) -> Report:
    """Measure in `folder`: folders of results, and a bucket."""
    found: Found = {}
    with_forms = ((_folders(folder, sizes), FORMS), (_buckets(folder, oss_sizes), OSS_FORMS))
    for places, forms in with_forms:
        for several in places:
            turns = [(one, form) for one in several for form in (BARE[one.name], *forms)]
            for one, form in alternating(turns, rounds):
                taken = one.measure(form, folder)
                found.setdefault((one.name, one.count, form), []).append(taken)
                progress()
    rows = [Row(f"{name}, {count:,}: {form}", _columns(count, samples))
            for (name, count, form), samples in found.items()]  # fmt: skip
    return Report("results", this_machine(), COLUMNS, rows, comparisons(found), notes=_NOTES,
                  unit=UNIT, times=1)  # fmt: skip


def steps(sizes: Sequence[int], oss_sizes: Sequence[int], rounds: int) -> int:
    """How often `results` tells of progress."""
    return rounds * ((1 + len(FORMS)) * len(sizes) + (1 + len(OSS_FORMS)) * len(oss_sizes))


_NOTES = (
    "A document: all that the process takes from its start to its end, by the documents. "
    f"{BOUND}: the bound, one thread, nothing checked, put in order or written. {PLAIN}: the same "
    "with as many threads as `results` has, and no bound.",
    "Peak: of the largest process. That of Parquet grows until a row group is full, with some "
    "17,000 of these results. They are what `run` gives for 20 digits of MNIST under many names, "
    "without pictures in the page, in memory where there is a file system for that. The bucket is "
    "on this machine, takes part of its processors, and its requests cross no network.",
)


def _folders(scratch: Path, sizes: Sequence[int]) -> Iterator[list[Results]]:
    """All sizes at once, so that they take turns."""
    several = []
    for size in sizes:
        source, out = scratch / f"{size}", scratch / f"results-of-{size}"
        fill_folder(source, size, 0)
        Subject(FOLDER, size, str(source), str(out)).measure(FIRST)
        several.append(Results(FOLDER, size, str(out)))
    yield several
    for path in scratch.iterdir():
        shutil.rmtree(path)


def _buckets(scratch: Path, sizes: Sequence[int]) -> Iterator[list[Results]]:
    for size in sizes:
        data = scratch / f"bucket-{size}"
        fill_bucket(data, size)
        with OssProcess(data) as cloud:
            yield [Results(OSS, size, str(OUTPUT), cloud.settings(DIGITS))]
        shutil.rmtree(data)


def _columns(count: int, samples: Sequence[Spent]) -> dict[str, list[float]]:
    columns = {
        COLUMNS[0]: [count / one.seconds for one in samples],
        COLUMNS[1]: [1e6 * one.processors / count for one in samples],
        COLUMNS[2]: [one.peak / 1e6 for one in samples],
    }
    if any(one.size for one in samples):
        columns[COLUMNS[3]] = [one.size / 1e6 for one in samples]
    return columns


def comparisons(found: Found) -> list[Comparison]:
    """Each form by the bound, and the largest size by the one before it: memory, further ones.

    A further document's cost, from one size to the next, has nothing of the process's start.
    """
    made = []
    for name in dict.fromkeys(name for name, _, _ in found):
        sizes = sorted({count for place, count, _ in found if place == name})
        *smaller, most = sizes
        for form in (form for place, count, form in found if (place, count) == (name, most)):
            bare = BARE[name]
            if form == bare:
                continue
            here, bound = found[name, most, form], found[name, most, bare]
            title = f"{name}, {form}, {most:,}"
            taken = ratios([one.seconds for one in here], [one.seconds for one in bound])
            made.append(Comparison(f"{title}: time by {bare}", taken))
            if not smaller:
                continue
            less = smaller[-1]
            further = ratios(*(
                _further(found, name, each, (less, most)) for each in (form, bare)
            ))  # fmt: skip
            peaks = ratios([one.peak for one in here],
                           [one.peak for one in found[name, less, form]])  # fmt: skip
            made.append(Comparison(
                f"{title}: processors' time of a further document by {bare}", further
            ))  # fmt: skip
            made.append(Comparison(f"{title} by {less:,}: peak memory", peaks, at_most=WANTED))
    return made


def _further(found: Found, name: str, form: str, sizes: tuple[int, int]) -> list[float]:
    """Seconds of processors that each document beyond the smaller size takes, one a round."""
    lower, upper = (found[name, size, form] for size in sizes)
    return [(more.processors - less.processors) / (sizes[1] - sizes[0])
            for less, more in zip(lower, upper, strict=True)]  # fmt: skip
