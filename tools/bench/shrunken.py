"""The bound of a page: thumbnails made on every core, and nothing done with them.

usage: python -m tools.bench.shrunken FOLDER

The same decoder and encoder as the page's, in a pool that takes files in any order: no result is
read, nothing is in order, nothing is written, and a crash would end it.
"""

import multiprocessing
import sys
from pathlib import Path

import cv2

from fanlight.config import Limits
from fanlight.cores import cores
from fanlight.errors import FanlightError
from tools.gallery.thumbnails import shrunk

_CHUNK = 32
"""Files a process takes at a time."""


def main() -> None:
    """Print how many there are."""
    files = list(Path(sys.argv[1]).iterdir())
    with multiprocessing.get_context("spawn").Pool(cores(), _start) as pool:
        made = pool.imap_unordered(_thumbnail, files, _CHUNK)
        print(sum(size > 0 for size in made))


def _start() -> None:
    cv2.setNumThreads(1)


def _thumbnail(file: Path) -> int:
    """Bytes; 0 where none can be made: a pool waits for ever for an error that cannot be sent."""
    try:
        return int(shrunk(file.read_bytes(), Limits())[1].size)
    except FanlightError:
        return 0


if __name__ == "__main__":
    main()
