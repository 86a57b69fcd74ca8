"""The same images and the same model through other systems, each in an environment of its own.

Every measurement is a process, from its start to its end, that leaves a result for every image.
Rates past the start are from the difference of two such processes, one with all images and one with
few: nothing has to be known of what a system calls its start. Results are looked at each time.
"""

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fanlight.errors import FanlightError
from fanlight.result import from_bytes
from tools.bench.machine import this_machine
from tools.bench.networks import DIGITS
from tools.bench.peer_environments import PINS
from tools.bench.peer_sets import BAD, FEW, GOOD, Images, with_a_bad_one
from tools.bench.report import Comparison, Report, Row
from tools.bench.started import spent
from tools.bench.stats import alternating, ratios, spread

OURS, LOOP, POOL = "fanlight run", "plain loop", "plain loop, a process a core"
POWERTOOLS, RAY = "Powertools for Lambda", "Ray Data"
IN_ALL, PAST, EACH = "in all", "past the start", "each processor"
COLUMNS = (IN_ALL, PAST, EACH)
UNIT = "images a second"

_LONGEST = 200
"""Characters quoted of what a peer says."""


@dataclass(frozen=True)
class Turn:
    """Seconds for few and for all images, and those of processors for all; None: not known."""

    few: float
    every: float
    processors: float | None = None


Found = Mapping[tuple[str, str], tuple[int, Sequence[Turn]]]
"""Set, system -> how many images the set has, and what they took, one a round."""

Progress = Callable[[], None]


@dataclass(frozen=True)
class Peer:
    """A system's name, and how its process is started, before BUNDLE SOURCE OUT are added."""

    name: str
    command: Sequence[str]
    ours: bool = False
    waits: bool = True
    """Whether it waits for all its processes, so that their processors' time is known."""

    def arguments(self, bundle: Path, source: Path, out: Path) -> list[str]:
        """The whole command."""
        if self.ours:
            options = ["--model", str(bundle), "--out", str(out)]
            return [*self.command, "run", str(source), *options]
        return [*self.command, str(bundle), str(source), str(out)]


def here() -> list[Peer]:
    """Those that need nothing but what Fanlight needs."""
    return [
        Peer(OURS, [sys.executable, "-m", "tools"], ours=True),
        Peer(LOOP, [sys.executable, "-m", "tools.bench.peer_loop"]),
        Peer(POOL, [sys.executable, "-m", "tools.bench.peer_pool"]),
    ]


def others(environment: Callable[[str], Path]) -> tuple[list[Peer], dict[str, str]]:
    """The systems with libraries of their own; and those that cannot be had, with the reason."""
    found, missing = [], {}
    for name, module in ((POWERTOOLS, "powertools"), (RAY, "ray")):
        try:
            python = environment(module)
        except FanlightError as error:
            missing[name] = str(error)
            continue
        found.append(Peer(f"{name} {_version(module)}",
                          [str(python), "-m", f"tools.bench.peer_{module}"],
                          waits=name != RAY))  # fmt: skip
    return found, missing


def _version(module: str) -> str:
    return PINS[module][0].partition("==")[2]


def peers(
    scratch: Path, systems: Sequence[Peer], sets: Sequence[Images], rounds: int, progress: Progress
) -> Report:
    """Let the systems take turns on each set, and then meet one bad file."""
    found: dict[tuple[str, str], tuple[int, Sequence[Turn]]] = {}
    for images in sets:
        for name, turns in _in_turns(scratch / "out", systems, images, rounds, progress).items():
            found[images.name, name] = images.count, turns
    with_a_bad_one(scratch / "bad")
    met = [f"One cut JPEG of {GOOD + 1} files: {system.name}: "
           f"{met_a_bad_one(system, scratch / 'bad', scratch / 'out')}"
           for system in systems]  # fmt: skip
    rows = [Row(f"{images}, {name}", rates(*taken)) for (images, name), taken in found.items()]
    return Report("peers", this_machine(), COLUMNS, rows, comparisons(found), notes=[*_NOTES, *met],
                  unit=UNIT, times=1)  # fmt: skip


_NOTES = (
    f"In all: with the process's start and its end. Past the start: less what {FEW} images take. "
    "Each processor: images for a second of one, which other work on the machine changes least; "
    "Ray's processes cannot be counted so.",
    "All leave one JSON document for each image, in files; only `fanlight run` looks whether there "
    "is one already, and whether the image is still the same afterwards.",
    "The plain loop and Powertools work on one image at a time, the network on every core; the "
    "others have a process a core, and networks on one.",
)


def _in_turns(
    out: Path, systems: Sequence[Peer], images: Images, rounds: int, progress: Progress
) -> dict[str, list[Turn]]:
    measured: dict[str, list[Turn]] = {system.name: [] for system in systems}
    expected: dict[Path, Mapping[str, str]] = {}
    for system in alternating(systems, rounds):
        pair = []
        for source in (images.few, images.all):
            told = _run(system, images.bundle, source, out)
            if told["code"]:
                raise FanlightError(f"{system.name} failed and said: {_last(told['said'])}")
            said = labels(out)
            wanted = expected.setdefault(source, said)
            if said != wanted or len(said) != sum(1 for _ in source.iterdir()):
                raise FanlightError(f"{system.name} has other results for {images.name}")
            pair.append(told)
            progress()
        few, every = pair
        processors = every["processors"] if system.waits else None
        measured[system.name].append(Turn(few["seconds"], every["seconds"], processors))
    return measured


def _run(system: Peer, bundle: Path, source: Path, out: Path) -> dict[str, Any]:
    """What spent.py tells of it; its results are in `out`, where nothing was before."""
    shutil.rmtree(out, ignore_errors=True)
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DATA_DISABLE_PROGRESS_BARS": "1"}
    return spent(system.arguments(bundle, source, out), quiet)


def rates(count: int, turns: Sequence[Turn]) -> dict[str, list[float]]:
    """Images a second from what FEW and `count` images took, and for a second of a processor.

    PAST is left out where all took no longer than few do: the machine was too busy to tell.
    """
    start = spread([turn.few for turn in turns]).median
    found = {IN_ALL: [count / turn.every for turn in turns]}
    if all(turn.every > start for turn in turns):
        found[PAST] = [(count - FEW) / (turn.every - start) for turn in turns]
    known = [turn.processors for turn in turns if turn.processors is not None]
    if known:
        found[EACH] = [count / processors for processors in known]
    return found


def labels(out: Path) -> dict[str, str]:
    """The best label in each result: the image's path -> label."""
    return dict(_labels(out))


def _labels(out: Path) -> Iterator[tuple[str, str]]:
    for path, document in _results(out).items():
        if document is not None and document["status"] == "classified":
            yield path, document["predictions"][0]["label"]


def _results(out: Path) -> dict[str, dict[str, Any] | None]:
    """All that a system wrote; None for what is no whole result, as a process ended leaves it."""
    return {file.relative_to(out).as_posix().removesuffix(".json"): from_bytes(file.read_bytes())
            for file in out.rglob("*.json")}  # fmt: skip


def comparisons(found: Found) -> list[Comparison]:
    """Ours by each other system's on each set, and what the start takes.

    Ours is wanted to be faster than what has a library between the files and the model; a plain
    loop has nothing there, and what it leads by is the price of what it leaves out.
    """
    made, starts = [], []
    for (images, name), (count, turns) in found.items():
        theirs, ours = rates(count, turns), rates(*found[images, OURS])
        for column in theirs:
            if name != OURS and column in ours:
                wanted = 1 if name not in (LOOP, POOL) and column == IN_ALL else None
                made.append(Comparison(f"{images}, {OURS} by {name}, {column}",
                                       ratios(ours[column], theirs[column]),
                                       at_least=wanted))  # fmt: skip
        seconds = [turn.few for turn in turns]
        starts.append(Comparison(f"{images}, {name}, seconds for {FEW}", seconds))
    return [*made, *starts]


def met_a_bad_one(system: Peer, source: Path, out: Path) -> str:
    """What became of the good files and of the bad one, in a line."""
    try:
        told = _run(system, DIGITS, source, out)
    except FanlightError as error:
        return str(error)
    found = _results(out)
    bad, torn = found.pop(BAD, None), sum(document is None for document in found.values())
    if bad is None:
        about = f"the bad one has none; it said: {_last(told['said'])}"
    else:
        reason = bad["reason"]
        about = f"the bad one has a result: {reason['code']}, {reason['message']}"
    good = f"{len(found) - torn} of {GOOD} good ones have results"
    cut = f", {torn} a torn one" if torn else ""
    return f"{good}{cut}, exit code {told['code']}; {about}"


def _last(said: str) -> str:
    """The last line that names the bad file, or else the last."""
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["nothing"]
    telling = [line for line in lines if BAD in line] or lines
    return telling[-1][:_LONGEST]
