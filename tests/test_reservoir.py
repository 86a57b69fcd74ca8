"""A sample of many keys: repeatable, spread, and no larger than asked for."""

from collections.abc import Iterator
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tools.reservoir import reservoir

KEYS = [f"input/{number:06d}.png" for number in range(10_000)]


@given(st.lists(st.text(max_size=5), unique=True), st.integers(1, 20), st.randoms())
def test_a_sample_is_the_same_in_any_order(keys: list[str], size: int, chance: Random) -> None:
    """As many as were asked for, if there are, in the order they came; the same set each time."""
    shuffled = list(keys)
    chance.shuffle(shuffled)

    (some, count), (others, _) = reservoir(keys, size), reservoir(shuffled, size)

    assert count == len(keys)
    assert len(some) == min(size, len(keys))
    assert set(some) == set(others)
    assert some == [key for key in keys if key in set(some)]


def test_it_is_spread_over_the_listing() -> None:
    """A hundred of ten thousand: some in each fifth of it."""
    some, _ = reservoir(KEYS, 100)

    fifths = {int(key[6:12]) // 2_000 for key in some}
    assert fifths == set(range(5))


def test_one_image_more_changes_one_at_most() -> None:
    """The others were chosen for what they are, not for their places."""
    before, _ = reservoir(KEYS, 100)
    after, _ = reservoir(["input/000000-new.png", *KEYS], 100)

    assert len(set(before) - set(after)) <= 1


def test_memory_is_that_of_the_sample() -> None:
    """Keys are taken one at a time from an iterator that could not be held."""
    alive = 0

    class Key(str):
        __slots__ = ()

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def keys() -> Iterator[str]:
        nonlocal alive
        for number in range(2_000):
            alive += 1
            yield Key(number)
            assert alive <= 13

    reservoir(keys(), 10)
