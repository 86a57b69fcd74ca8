"""What every peer does with one image: read it, classify it with our model, write the result.

Nothing of the engine is in it: no versions, no retries, no second look. A peer gives the list of
files and takes what comes of it its own way.
"""

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fanlight import result
from fanlight.config import Limits
from fanlight.document import to_bytes
from fanlight.errors import Rejected
from fanlight.model import Model
from fanlight.result import Source


@dataclass(frozen=True)
class Task:
    """The model's bundle, the folder with the images, and the one for the results."""

    bundle: Path
    source: Path
    out: Path

    def paths(self) -> list[str]:
        """All images, sorted, relative to `source`."""
        files = (path for path in self.source.rglob("*") if path.is_file())
        return sorted(path.relative_to(self.source).as_posix() for path in files)


class Work:
    """The model, loaded, for images of a task."""

    def __init__(self, task: Task, threads: int) -> None:
        """`threads`: how many the network may use."""
        self._task, self._limits = task, Limits()
        self._model = Model.load(task.bundle, threads)

    def __call__(self, path: str) -> None:
        """Classify one and write `path`.json. ValueError for what is no image.

        An error of the standard library's: it can be sent from a process to another, where an
        exception that cannot be would tell more of us than of a peer.
        """
        data = (self._task.source / path).read_bytes()
        try:
            self.write(path, self.answer(path, data))
        except Rejected as reason:
            raise ValueError(f"{path}: {reason}") from None

    def answer(self, path: str, data: bytes) -> dict[str, Any]:
        """The document, which is ours, but that nothing is said of the object's version."""
        bundle = self._model.bundle
        header, best = self._model.classify(data, self._limits, bundle.top_k)
        predictions = {"predictions": [asdict(prediction) for prediction in best]}
        source = Source(self._task.source.as_uri(), path, "", "", len(data))
        return result.classified(source, header, bundle, "", predictions)

    def write(self, path: str, document: dict[str, Any]) -> None:
        """Store a document, and make its folder."""
        target = self._task.out / f"{path}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(to_bytes(document))


def task() -> Task:
    """The one on the command line: BUNDLE SOURCE OUT."""
    parser = argparse.ArgumentParser()
    for name in ("bundle", "source", "out"):
        parser.add_argument(name, type=Path)
    return Task(**vars(parser.parse_args()))
