"""One run of the engine over a folder, timed while all of its processes work."""

import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fanlight.answer import Choices
from fanlight.config import Limits
from fanlight.errors import FanlightError
from fanlight.image import Header, Pixels, decode, read_header
from fanlight.model import Model
from tools.bench.shrink import FULL
from tools.engine import Job, run
from tools.places import Access, Side
from tools.plan import checks

_ASKED_EVERY = 16
"""Keys given out between looks at the clock."""


@dataclass(frozen=True)
class Timed(Job):
    """A job whose processes say when they are ready, in a folder."""

    ready: Path = field(default_factory=Path)

    def load(self, threads: int) -> Model:
        """The model, warm: what follows is work."""
        model = self._model(threads)
        (self.ready / str(os.getpid())).touch()
        return model

    def _model(self, threads: int) -> Model:
        return super().load(threads)


class _Full(Model):
    """A model that shrinks nothing while it decodes."""

    def decode(self, data: bytes, limits: Limits) -> tuple[Header, Pixels]:
        header = read_header(data, limits)
        return header, decode(data, header, FULL)


@dataclass(frozen=True)
class InFull(Timed):
    """A job that decodes every picture at its own size."""

    def _model(self, threads: int) -> Model:
        return _Full.load(self.model, threads)


@dataclass(frozen=True)
class Rates:
    """Images a second: while all processes worked, and from the call to the last outcome."""

    steady: float
    whole: float


def measured(
    bundle: Path, images: Path, processes: int, seconds: float, job: type[Timed] = Timed
) -> Rates:
    """One run over a folder, of about `seconds` once all have started.

    FanlightError if an image is not classified, or if the run was over before it could be timed.
    """
    with tempfile.TemporaryDirectory(dir=images.parent) as scratch:
        ready, out = Path(scratch, "ready"), Path(scratch, "results")
        ready.mkdir()
        timed = job(str(images), str(out), bundle, Choices(), Access(), ready=ready)
        listing = _Listing(timed, processes, seconds)
        began, done = time.time(), 0
        for outcome in run(timed, listing, processes):
            done += 1
            if outcome["outcome"] != "classified":
                raise FanlightError(f"{outcome['key']} was to be classified: {outcome}")
        ended = time.time()
        first, last = listing.started(), listing.exhausted
        if first is None or last - first < seconds / 2:
            raise FanlightError(f"{done} images of {images.name} were done too soon to be timed")
        with os.scandir(out) as entries:
            within = sum(first < entry.stat().st_mtime <= last for entry in entries)
    return Rates(within / (last - first), done / (ended - began))


class _Listing:
    """The keys of a run that stops giving any out after a time."""

    def __init__(self, job: Timed, processes: int, seconds: float) -> None:
        self._job, self._processes, self._seconds = job, processes, seconds
        self.exhausted = 0.0

    def __iter__(self) -> Iterator[str]:
        images = Side.images(self._job.source, self._job.access)
        results = Side.results(self._job.out, self._job.access)
        to_do = (check for check in checks(images, results) if not check.current)
        first = None
        for number, check in enumerate(to_do):
            if number % _ASKED_EVERY == 0:
                first = first or self.started()
                if first and time.time() >= first + self._seconds:
                    break
            yield check.to_do
        self.exhausted = time.time()

    def started(self) -> float | None:
        """When the last process had its model; None before that."""
        with os.scandir(self._job.ready) as entries:
            times = [entry.stat().st_mtime for entry in entries]
        return max(times) if len(times) == self._processes else None
