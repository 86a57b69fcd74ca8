"""Two listings merged as they stream, held against a model that has them whole."""

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fanlight.pairs import Pair, pairs
from fanlight.place import MAX_KEY_BYTES, Place
from fanlight.store import Meta

INPUT, OUTPUT = Place("pictures", "in/"), Place("answers", "out/")

NAMES = st.one_of(
    # Few letters, so that keys are beginnings of each other; those around `.json` in the order.
    st.text(st.sampled_from("a-./jsonk!é\udc80\U0001f600"), min_size=1, max_size=8),
    st.lists(st.sampled_from(["a", "-b", ".j", ".json", ".jsonl", "/", "z"]), min_size=1,
             max_size=5).map("".join),
)  # fmt: skip


def order(key: str) -> bytes:
    return key.encode("utf-8", "surrogateescape")


def listing(keys: Iterable[str]) -> list[Meta]:
    return [Meta(key, 1, "", f"v-{key}") for key in sorted(keys, key=order)]


def modelled(images: Iterable[str], results: Iterable[str]) -> dict[str, tuple[bool, bool]]:
    """Key -> whether there is an image, and a result: all keys at once, in a dict."""
    found = {}
    for key in images:
        if not key.endswith("/"):
            found[key] = (True, False)
    for key in results:
        name = key.removeprefix(OUTPUT.prefix)
        image = name.removesuffix(".json")
        if name.endswith(".json") and image and not image.endswith("/"):
            whole = INPUT.prefix + image
            found[whole] = (whole in found, True)
    return found


def merged(images: Iterable[str], results: Iterable[str]) -> list[Pair]:
    return list(pairs(listing(images), INPUT, listing(results), OUTPUT))


@given(st.sets(NAMES, max_size=12), st.sets(NAMES, max_size=12), st.sets(NAMES, max_size=4))
@example({"a", "a-b"}, {"a", "a-b"}, set())
@example({"a", "a.json"}, {"a", "a.json", "a.json.json"}, {"a.txt"})
@example({"\udc80", "é"}, {"é"}, set())
def test_every_image_meets_its_result(images: set[str], done: set[str], other: set[str]) -> None:
    """As a dict has it: each image once, with its result if there is one; each orphan once."""
    sources = {INPUT.prefix + name for name in images} | {INPUT.prefix}
    stored = {f"{OUTPUT.prefix}{name}.json" for name in done} | {OUTPUT.prefix + n for n in other}

    found = merged(sources, stored)

    told = {pair.key: (pair.image is not None, pair.result is not None) for pair in found}
    assert told == modelled(sources - {INPUT.prefix}, stored)
    assert len(found) == len(told)
    for pair in found:
        name = pair.key.removeprefix(INPUT.prefix)
        assert pair.image is None or pair.image.key == pair.key
        assert pair.result is None or pair.result.key == f"{OUTPUT.prefix}{name}.json"


@given(st.sets(NAMES, max_size=12), st.sets(NAMES, max_size=12))
def test_pairs_come_in_the_order_of_the_results(images: set[str], done: set[str]) -> None:
    """Whoever reads results as they come reads them in the order they are listed in."""
    found = merged({f"in/{name}" for name in images}, {f"out/{name}.json" for name in done})

    keys = [order(f"{pair.key}.json") for pair in found]
    assert keys == sorted(keys)


def test_both_listings_are_read_as_they_are_needed() -> None:
    """Each pair takes no more than the next key of either side: nothing is collected."""
    read = {"images": 0, "results": 0}

    def counted(side: str, suffix: str) -> Iterator[Meta]:
        for number in range(100_000):
            read[side] += 1
            yield Meta(f"{number:06d}{suffix}", 1, "", "")

    whole = Place("b", "")
    found = pairs(counted("images", ".png"), whole, counted("results", ".png.json"), whole)

    for number, pair in enumerate(found, 1):
        assert pair.image is not None
        assert pair.result is not None
        assert max(read.values()) <= number + 2
        if number == 1_000:
            break


def test_keys_that_begin_each_other_are_held_back_no_longer_than_they_must() -> None:
    """As many wait as a key has bytes, and they come out longest first."""
    names = ["a" + "!" * length for length in range(MAX_KEY_BYTES - len("in/a"))]

    found = merged([f"in/{name}" for name in names], [f"out/{name}.json" for name in names[:9]])

    assert [pair.key for pair in found] == [f"in/{name}" for name in reversed(names)]
    assert [pair.result is not None for pair in found] == [False] * (len(names) - 9) + [True] * 9


@pytest.mark.parametrize("other", ["out/", "out/.json", "out/a/.json", "out/a.txt", "out/.JSON"])
def test_what_can_be_no_result_is_passed_over(other: str) -> None:
    """A folder's own object and other files under the output are nobody's orphans."""
    assert merged([], [other]) == []


def test_an_image_whose_result_could_have_no_key_has_none() -> None:
    """It comes in its place, as one without a result; its neighbours are not disturbed."""
    long = "in/" + "x" * (MAX_KEY_BYTES - len("in/"))

    found = merged([long, "in/a", "in/z"], ["out/a.json", "out/z.json"])

    assert [(pair.key, pair.result is None) for pair in found] == [
        ("in/a", False),
        (long, True),
        ("in/z", False),
    ]
