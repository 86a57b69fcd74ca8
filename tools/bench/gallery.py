"""The page of results with photographs: what it takes to make one, and to look at it.

Pages are made by a process of their own, as spent.py measures it, in turn with one that makes the
same thumbnails and nothing else. Then Chromium opens each from the disk.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fanlight.errors import FanlightError
from tools.bench.machine import this_machine
from tools.bench.report import Comparison, Report, Row
from tools.bench.results import Spent
from tools.bench.started import spent
from tools.bench.stats import alternating, ratios
from tools.bench.variants import LABELS, fill_answers, fill_photographs
from tools.bench.visited import WINDOW, Visit, visit

MADE, BOUND = "making the page", "thumbnails alone"
COLUMNS = ("ms an image", "processor ms an image", "peak MB", "MB", "ms", "ms with pictures")
UNIT = "milliseconds and megabytes"
HEAP, PROCESS, CARDS = "JavaScript's heap", "the tab's process", "cards in the document"

WANTED = 1.1
"""Ten times the photographs are to take no more than this times the memory."""

Progress = Callable[[], None]


@dataclass(frozen=True)
class Subject:
    """A folder with photographs, one with their results, and the page that is made of them."""

    count: int
    photographs: Path
    out: Path
    page: Path

    def measure(self, what: str) -> Spent:
        """Make the page or the thumbnails. FanlightError unless every one of them was made."""
        if what == MADE:
            command = ["tools", "results", self.out, "--images", self.photographs,
                       "--to", "html", "--output", self.page]  # fmt: skip
            whole = f"{self.count:,} image{'s' * (self.count != 1)} in "
        else:
            command, whole = ["tools.bench.shrunken", self.photographs], f"{self.count}\n"
        told = spent([sys.executable, "-m", *map(str, command)], {})
        made = _pictures(self.page) if what == MADE and not told["code"] else self.count
        if told["code"] or whole not in told["said"] or made != self.count:
            raise FanlightError(
                f"{what} of {self.count:,} photographs failed, with {made:,} pictures, and said: "
                f"{told['said']}"
            )
        size = self.page.stat().st_size if what == MADE else 0
        return Spent(told["seconds"], told["processors"], told["peak"], size)


def _pictures(page: Path) -> int:
    with page.open("rb") as lines:
        return sum(b'"thumbnail":{"webp":"' in line for line in lines)


Made = dict[tuple[int, str], list[Spent]]
"""Photographs, what was made of them -> one a round."""

Visits = Mapping[int, Sequence[Visit]]
"""Photographs -> one a round."""


def filled(folder: Path, sources: Sequence[bytes], sizes: Sequence[int]) -> list[Subject]:
    """Subjects in `folder`, each with so many pieces of `sources`, which are JPEGs."""
    subjects = []
    for size in sizes:
        inside = folder / f"{size}"
        inside.mkdir()
        subject = Subject(size, inside / "photographs", inside / "out", inside / "page.html")
        fill_photographs(subject.photographs, sources, size)
        fill_answers(subject.photographs, subject.out)
        subjects.append(subject)
    return subjects


def gallery(subjects: Sequence[Subject], rounds: int, chromium: Any, progress: Progress) -> Report:
    """Make the pages of all subjects, then visit them; `chromium`: a browser of Playwright."""
    made: Made = {}
    turns = [(subject, what) for subject in subjects for what in (BOUND, MADE)]
    for subject, what in alternating(turns, rounds):
        made.setdefault((subject.count, what), []).append(subject.measure(what))
        progress()
    visits: dict[int, list[Visit]] = {}
    for subject in alternating(subjects, rounds):
        visits.setdefault(subject.count, []).append(visit(chromium, subject.page, subject.count))
        progress()
    window = f"Chromium {chromium.version}, {WINDOW['width']} by {WINDOW['height']} pixels."
    return Report("gallery", this_machine(), COLUMNS, [*_making(made), *_visiting(visits)],
                  comparisons(made, visits), notes=[*_NOTES, window], unit=UNIT,
                  times=1)  # fmt: skip


def steps(sizes: Sequence[int], rounds: int) -> int:
    """How often `gallery` tells of progress."""
    return 3 * rounds * len(sizes)


_NOTES = (
    "An image: all that the process takes from its start to its end, by the images. Thumbnails "
    "alone: the bound, processes that decode, shrink and encode, one a core. Peak: of the largest "
    "process, not their sum.",
    f"Photographs of 548x365, cut out of the given ones; their {LABELS:,} labels and scores are "
    "drawn at random. In memory, where there is a file system for that.",
    "ms: from the beginning until the frame with other cards was drawn, at 60 frames a second; "
    "with pictures: until those in view were there too. The page is opened from a file that is "
    "cached, in a tab of its own.",
)


def _making(made: Made) -> Iterator[Row]:
    for (count, what), samples in made.items():
        columns = {
            COLUMNS[0]: [1e3 * one.seconds / count for one in samples],
            COLUMNS[1]: [1e3 * one.processors / count for one in samples],
            COLUMNS[2]: [one.peak / 1e6 for one in samples],
        }
        if what == MADE:
            columns[COLUMNS[3]] = [one.size / 1e6 for one in samples]
        yield Row(f"{count:,}: {what}", columns)


def _visiting(visits: Visits) -> Iterator[Row]:
    for count, several in visits.items():
        for name in several[0].waits:
            waits = [one.waits[name] for one in several]
            columns = {COLUMNS[4]: [drawn for drawn, _ in waits]}
            if pictured := [wait for _, wait in waits if wait is not None]:
                columns[COLUMNS[5]] = pictured
            yield Row(f"{count:,}: {name}", columns)
        yield Row(f"{count:,}: {HEAP}", {COLUMNS[3]: [one.heap / 1e6 for one in several]})
        if sizes := [one.process / 1e6 for one in several if one.process is not None]:
            yield Row(f"{count:,}: {PROCESS}", {COLUMNS[3]: sizes})


def comparisons(made: Made, visits: Visits) -> list[Comparison]:
    """Making by the bound; the most photographs by fewer: memory; how many cards there are."""
    found = []
    *smaller, most = sorted({count for count, _ in made})
    for what, of in (("time", "seconds"), ("processors' time", "processors")):
        found.append(Comparison(f"{MADE}, {most:,}: {what} by the bound's", ratios(
            *([getattr(one, of) for one in made[most, which]] for which in (MADE, BOUND))
        )))  # fmt: skip
    if smaller:
        less = smaller[-1]
        peaks = ratios(*([one.peak for one in made[size, MADE]] for size in (most, less)))
        title = f"{MADE}, {most:,} by {less:,}: peak memory"
        found.append(Comparison(title, peaks, at_most=WANTED))
    for count, several in visits.items():
        cards = [float(one.cards) for one in several]
        found.append(Comparison(f"{count:,}: {CARDS} at most", cards))
    return found
