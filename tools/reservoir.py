"""Some of many keys, chosen while they stream by."""

import hashlib
import heapq
from collections.abc import Iterable


def reservoir(keys: Iterable[str], size: int) -> tuple[list[str], int]:
    """`size` of the keys, in the order they came, and how many came; memory for `size` of them.

    Those whose digests are the smallest, so the same ones each time, whatever the others are and
    in whatever order they come: with an image more, at most one of the sample is another.
    Source: bottom-k sampling; Cohen and Kaplan, Summarizing data using bottom-k sketches, 2007.
    """
    kept: list[tuple[int, int, str]] = []
    count = 0
    for key in keys:
        entry = (-_digest(key), count, key)
        count += 1
        if len(kept) < size:
            heapq.heappush(kept, entry)
        elif entry > kept[0]:
            heapq.heapreplace(kept, entry)
    return [key for _, _, key in sorted(kept, key=lambda entry: entry[1])], count


def _digest(key: str) -> int:
    data = key.encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(data, digest_size=16).digest(), "big")
