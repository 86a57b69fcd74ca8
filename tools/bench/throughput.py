"""Many pictures in a folder: images a second of `fanlight run`, against the bound.

Ours is the engine of `fanlight run`, its keys from the same listing and checks, its results files.
What it takes is counted in results written between the moment when the last process has its model
and the moment when the last key is given out: all processes are busy all of that time, as those of
the bound are. See bound.py for what they do.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from fanlight.bundle import Bundle
from tools.bench.bound import Bound
from tools.bench.filesystems import disk, filesystem, memory
from tools.bench.function import LARGE, PRODUCTS, SMALL
from tools.bench.machine import this_machine
from tools.bench.pictures import photo
from tools.bench.report import Comparison, Report, Row
from tools.bench.stats import alternating, ratios
from tools.bench.timed import InFull, Timed, measured
from tools.samples import FOLDER

UNIT = "images a second"
PROCESSES = (1, 2)
COLUMNS = tuple(f"{count} process{'es' * (count > 1)}" for count in PROCESSES)
WANTED, WANTED_OF_GLYPHS, WANTED_SCALING, WANTED_SHRINKING = 0.9, 0.7, 0.9, 2.0
RUN, BOUND, ON_DISK, IN_FULL, WHOLE = (
    "run", "bound", "run, on the disk", "run, decoding in full", "run, start and end included",
)  # fmt: skip

_DISTINCT_BYTES = 128 << 20
"""Of one set of files; further names are links to the same ones, which costs no memory."""

_START = 2.5
"""Seconds that processes may take to start, as far as the number of files is concerned."""

_LEAST = 200
"""Files: with a few, `run` would start no processes."""

Progress = Callable[[], None]


@dataclass(frozen=True)
class Kind:
    """Pictures of one kind for one model. `ending` is that of their files' names."""

    name: str
    bundle: Path
    pictures: Sequence[bytes]
    ending: str = ".jpg"
    large: bool = False
    """Whether the time without shrinking is of interest too."""
    progressive: bool = False

    @property
    def wanted(self) -> float | None:
        """The share of the bound that was hoped for."""
        bundle = Bundle.read(self.bundle)
        if bundle.input.resize == "glyph":
            return WANTED_OF_GLYPHS if self.ending == ".png" else None
        return WANTED if bundle.name == PRODUCTS else None


def kinds(bundle: Path) -> list[Kind]:
    """Digits, plain and on a sheet of paper, for a model that finds them; photographs for others.

    The progressive JPEG is as large as the largest.
    """
    name = Bundle.read(bundle).name
    if Bundle.read(bundle).input.resize == "glyph":
        return [
            Kind(f"{name}, {what}", bundle, [p.read_bytes() for p in sorted(FOLDER.glob(pattern))],
                 pattern[-4:])
            for what, pattern in (("28x28.png", "[0-9]-*.png"), ("sheets.jpg", "pasted-*.jpg"))
        ]  # fmt: skip
    small, large = (f"{width}x{height}" for width, height in (SMALL, LARGE))
    return [
        Kind(f"{name}, {small}.jpg", bundle, [photo(*SMALL, seed=seed) for seed in range(8)]),
        Kind(f"{name}, {large}.jpg", bundle, [photo(*LARGE, seed=seed) for seed in range(2)],
             large=True),
        Kind(f"{name}, {large}-progressive.jpg", bundle,
             [photo(*LARGE, seed=seed, progressive=True) for seed in range(2)], large=True,
             progressive=True),
    ]  # fmt: skip


def fill(folder: Path, kind: Kind, count: int) -> None:
    """Write `count` files: distinct ones first, then, when they are large, links to those."""
    folder.mkdir()
    size = sum(map(len, kind.pictures)) / len(kind.pictures)
    distinct = max(len(kind.pictures), min(count, int(_DISTINCT_BYTES / size)))
    names = [folder / f"{number:06d}{kind.ending}" for number in range(count)]
    for path, data in zip(names[:distinct], cycle(kind.pictures), strict=False):
        path.write_bytes(data)
    for path, earlier in zip(names[distinct:], cycle(names[:distinct]), strict=False):
        path.hardlink_to(earlier)


def throughput(chosen: Sequence[Kind], rounds: int, seconds: float, progress: Progress) -> Report:
    """Every kind of pictures in turn; each measurement takes `seconds`, and its start."""
    fast = memory()
    rows: list[Row] = []
    made: list[Comparison] = []
    for kind in chosen:
        found = _rounds(kind, fast or disk(), rounds, seconds, progress)
        rows += [Row(f"{kind.name}: {name}", columns) for name, columns in found.items()]
        made += comparisons(kind, found)
    where = f"run: on {filesystem(fast)}, in memory" if fast else "run: on the disk, nothing else"
    notes = [*_NOTES, f"{where}; the disk: {filesystem(disk())}, its files cached."]
    return Report(
        "throughput", this_machine(), COLUMNS, rows, made, notes=notes, unit=UNIT, times=1
    )


_NOTES = (
    "run: results written from when the last process has its model until the last key is given "
    "out; the listing and its checks are in it, as in fanlight run. bound: pictures in memory, "
    "headers read before; decoded, prepared, looked at by the network. One thread a process.",
)

Found = dict[str, dict[str, list[float]]]
"""Row -> column -> images a second, a sample a round."""


def _designs(kind: Kind) -> list[tuple[str, int]]:
    """Which are measured, and on how many processes."""
    most = PROCESSES[-1]
    designs = [(name, count) for count in PROCESSES for name in (RUN, BOUND)]
    return designs + [(ON_DISK, most)] + [(IN_FULL, most)] * kind.large


def steps(chosen: Sequence[Kind], rounds: int) -> int:
    """How often `throughput` reports progress."""
    return rounds * sum(len(_designs(kind)) for kind in chosen)


def _rounds(kind: Kind, fast: Path, rounds: int, seconds: float, progress: Progress) -> Found:
    most = PROCESSES[-1]
    found: Found = {}

    def note(name: str, count: int, rate: float) -> None:
        columns = found.setdefault(name, {})
        columns.setdefault(COLUMNS[PROCESSES.index(count)], []).append(rate)

    with ExitStack() as stack:
        bound = stack.enter_context(Bound(kind.bundle, kind.pictures, most))
        count = max(_LEAST, int(bound.rate(most, seconds) * (seconds + _START)))
        folders = {}
        for place in {fast, disk()}:
            scratch = stack.enter_context(tempfile.TemporaryDirectory(dir=place))
            folders[place] = Path(scratch, "images")
            fill(folders[place], kind, count)
        for name, processes in alternating(_designs(kind), rounds):
            if name == BOUND:
                note(name, processes, bound.rate(processes, seconds))
            else:
                images = folders[disk() if name == ON_DISK else fast]
                rates = measured(kind.bundle, images, processes, seconds,
                                 InFull if name == IN_FULL else Timed)  # fmt: skip
                note(name, processes, rates.steady)
                if name == RUN:
                    note(WHOLE, processes, rates.whole)
            progress()
    return found


def comparisons(kind: Kind, found: Mapping[str, Mapping[str, Sequence[float]]]) -> list[Comparison]:
    """Against the bound, against one process, and against decoding in full."""
    one, two = COLUMNS
    run, bound = found[RUN], found[BOUND]
    made = [
        Comparison(f"{kind.name}, {column}: run by bound", ratios(run[column], bound[column]),
                   at_least=kind.wanted)
        for column in COLUMNS
    ]  # fmt: skip
    scaling = ratios(ratios(run[two], run[one]), ratios(bound[two], bound[one]))
    made.append(Comparison(f"{kind.name}: run's gain from a second process by the bound's",
                           scaling, at_least=WANTED_SCALING if kind.wanted else None))  # fmt: skip
    if IN_FULL in found:
        wanted = None if kind.progressive else WANTED_SHRINKING
        shares = ratios(run[two], found[IN_FULL][two])
        made.append(Comparison(f"{kind.name}: run by decoding in full", shares, at_least=wanted))
    return made
