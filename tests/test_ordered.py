"""Names in order: sorted in memory or on the disk, the answer is the same."""

import resource
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import ConfigError
from fanlight.ordered import ordered

NAMES = st.lists(st.binary(min_size=1, max_size=9).filter(lambda name: b"\0" not in name))


@given(names=NAMES, at_once=st.integers(1, 9))
def test_names_come_in_the_order_of_their_bytes(names: list[bytes], at_once: int) -> None:
    """All of them, as often as they were given, however few are sorted at a time."""
    assert list(ordered(names, at_once)) == sorted(names)


def test_names_longer_than_a_block_are_whole() -> None:
    """What is read block by block is cut at the names' ends alone."""
    names = [bytes([65 + number % 26]) * (number * 97) for number in range(1, 100)]

    assert list(ordered(names, 10)) == sorted(names)


def test_memory_does_not_grow_with_the_names() -> None:
    """A hundred thousand names take no more room than ten thousand: they are not held."""
    smaller, larger = (peak(count) for count in (10_000, 100_000))

    assert larger < 1.1 * smaller
    assert larger < 2_000_000


def peak(count: int) -> int:
    """Bytes allocated at most while so many names are sorted and looked at."""

    def names() -> Iterator[bytes]:
        return (b"%09d.png" % (number * 7919 % count) for number in range(count))

    tracemalloc.start()
    try:
        assert sum(1 for _ in ordered(names())) == count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_failing_source_leaves_no_file_open() -> None:
    """An error on the way is the caller's to see, and nothing stays behind."""

    def names() -> Iterator[bytes]:
        yield from (b"a", b"b", b"c")
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        ordered(names(), 2)


def test_a_full_disk_says_what_to_do() -> None:
    """Names that find no room on the disk are an error with a remedy."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))
    try:
        with pytest.raises(ConfigError, match=r"too large.* make room for it"):
            ordered((b"%020d" % number for number in range(10)), 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
