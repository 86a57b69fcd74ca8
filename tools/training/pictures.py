"""Pictures in folders, one a class: found, read, and told from files that are none."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from fanlight.bundle import Input
from fanlight.config import Limits
from fanlight.errors import ConfigError, KeyRefused, Rejected
from fanlight.image import Pixels, decode, read_header, too_many_bytes
from fanlight.preprocess import min_side
from fanlight.store_folder import FolderStore
from tools.places import Access, Side
from tools.training.parallel import Progress, in_parallel

_DEPTH = 2
"""Folders so deep can be classes: the second level where the first is train and validation."""

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
"""A file so called was meant to be a picture: it is told of when it cannot be read."""


@dataclass
class Scan:
    """What reading every file showed, each by its name.

    `digests`: SHA-256 of those that are pictures; `faults`: why others cannot be read;
    `ignored`: files that are no pictures at all.
    """

    digests: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)


class Pictures:
    """The pictures under a folder or an oss:// prefix, by their names relative to it.

    They are read with the code and the limits of the function that is deployed.
    """

    def __init__(self, where: str, access: Access, limits: Limits, spec: Input) -> None:
        """Opens the place `where`; see `Side.images` for what it raises."""
        self.where = where
        self._side = Side.images(where, access)
        self.limits, self.spec = limits, spec

    def names(self) -> list[str]:
        """All names, sorted; a folder stands there with a slash at its end, even an empty one."""
        prefix = self._side.place.prefix
        keys = (meta.key.removeprefix(prefix) for meta in self._side.store.list(prefix))
        found = {key for key in keys if key}
        if isinstance(self._side.store, FolderStore):
            found.update(_folders(Path(self.where), "", _DEPTH))
            for folder, reason in self._side.store.unreadable.items():
                raise ConfigError(f"{folder or self.where} cannot be read: {reason}")
        return sorted(found)

    def data(self, name: str) -> bytes:
        """A file's bytes; Rejected if it has too many, ConfigError if it is there no longer."""
        try:
            found = self._side.store.get(self._side.place.prefix + name, self.limits.max_bytes)
        except KeyRefused as error:
            raise ConfigError(str(error)) from None
        if found is None:
            raise ConfigError(f"{name} vanished while it was to be read; start again")
        if found.data is None:
            raise too_many_bytes(found.meta.size, self.limits)
        return found.data

    def pixels(self, data: bytes) -> Pixels:
        """Decoded as `Model.decode` does; Rejected if it is no picture."""
        header = read_header(data, self.limits)
        return decode(data, header, min_side(self.spec))

    def scan(self, names: list[str], threads: int, progress: Progress) -> Scan:
        """Read every file once."""
        scan = Scan()
        with ThreadPoolExecutor(threads) as pool:
            for name, (digest, fault) in zip(
                names, in_parallel(pool, self._look, names, progress), strict=True
            ):
                if fault is None:
                    scan.digests[name] = digest
                elif fault.code == "not_an_image" and not name.lower().endswith(_SUFFIXES):
                    scan.ignored.append(name)
                else:
                    scan.faults[name] = fault.message
        return scan

    def _look(self, name: str) -> tuple[str, Rejected | None]:
        try:
            data = self.data(name)
            self.pixels(data)
        except Rejected as fault:
            return "", fault
        return hashlib.sha256(data).hexdigest(), None


def _folders(folder: Path, prefix: str, depth: int) -> Iterator[str]:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            name = f"{prefix}{path.name}/"
            yield name
            if depth > 1:
                yield from _folders(path, name, depth - 1)
