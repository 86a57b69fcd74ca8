"""What there is to do, from a listing: how many images, how large, and a few of them to measure."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from fanlight.store import Meta
from tools.estimate.sample import Picture
from tools.places import Side


@dataclass(frozen=True)
class Listed:
    """`images`, their `size` in bytes together; `over`: those with more than the limit."""

    images: int
    size: int
    over: int
    chosen: tuple[Meta, ...]


def listed(side: Side, most: int, limit: int, seed: int, progress: Callable[[int], None]) -> Listed:
    """Read a whole listing, holding `most` of its images, each as likely as any other.

    `progress`: told how many there are so far. The method is Vitter's algorithm R (1985).
    """
    picked = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    images = size = over = 0
    chosen: list[Meta] = []
    for meta in side.store.list(side.place.prefix):
        if side.place.relative(meta.key) is None:
            continue
        images += 1
        size += meta.size
        over += meta.size > limit
        if len(chosen) < most:
            chosen.append(meta)
        elif (place := picked.randrange(images)) < most:
            chosen[place] = meta
        progress(images)
    return Listed(images, size, over, tuple(chosen))


def fetched(side: Side, chosen: tuple[Meta, ...], limit: int) -> list[Picture]:
    """The images that are still there and within the limit, read one by one."""
    found = []
    for meta in chosen:
        image = side.store.get(meta.key, limit)
        if image is not None and image.data is not None:
            found.append(Picture(PurePosixPath(meta.key).suffix[:8], image.data))
    return found
