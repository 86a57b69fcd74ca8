from collections import Counter

import pytest

from fanlight.errors import ConfigError
from tools.training.classes import Picture, Survey
from tools.training.parts import folds, part
from tools.training.pictures import Scan


def pictures(label: str, count: int, prefix: str = "") -> tuple[Picture, ...]:
    return tuple(Picture(f"{prefix}{label}/{number:03d}.jpg", label) for number in range(count))


def scan(found: Survey, **changed: str) -> Scan:
    """Every picture has a content of its own, but for those named."""
    return Scan({name: changed.get(name, name) for name in found.names})


def test_a_share_of_each_class_is_held_out() -> None:
    """The share is taken of every class; the same seed picks the same, another one others."""
    found = Survey(("a", "b"), (*pictures("a", 40), *pictures("b", 30)), None, ())

    once, again, other = (part(found, scan(found), 0.2, seed) for seed in (1, 1, 2))

    assert Counter(p.label for p in once.held) == {"a": 8, "b": 6}
    assert sorted([*once.train, *once.held], key=lambda p: p.name) == list(found.train)
    assert once == again
    assert once.held != other.held
    assert once.notes == ()


def test_other_classes_change_nothing() -> None:
    """Which pictures of a class are held out does not depend on what other classes there are."""
    small = Survey(("a", "b"), (*pictures("a", 40), *pictures("b", 30)), None, ())
    large = Survey(("a", "b", "c"), (*small.train, *pictures("c", 25)), None, ())

    few, many = (part(found, scan(found), 0.2, 1) for found in (small, large))

    assert few.held == tuple(p for p in many.held if p.label != "c")


def test_a_picture_that_is_trained_on_is_not_measured_with() -> None:
    """The same content in both parts stays in training alone, and the note counts it."""
    train, held = (*pictures("a", 20), *pictures("b", 20)), (
        *pictures("a", 3, "val/"), *pictures("b", 3, "val/"),
    )  # fmt: skip
    found = Survey(("a", "b"), train, held, ())

    parts = part(found, scan(found, **{"val/a/001.jpg": "a/007.jpg"}), 0.2, 1)

    assert parts.train == train
    assert parts.held == tuple(p for p in held if p.name != "val/a/001.jpg")
    assert parts.notes == (
        "not measured with: 1 held-out pictures that are trained on, or stand there twice",
    )


def test_doubles_count_once_and_torn_ones_not_at_all() -> None:
    """A double in one class is dropped; a picture in two classes is left out of both."""
    found = Survey(("a", "b"), (*pictures("a", 25), *pictures("b", 25)), None, ())
    known = scan(found, **{"a/001.jpg": "a/000.jpg", "b/002.jpg": "a/009.jpg"})

    parts = part(found, known, 0.2, 1)

    left = {p.name for p in (*parts.train, *parts.held)}
    assert set(found.names) - left == {"a/001.jpg", "a/009.jpg", "b/002.jpg"}
    assert parts.notes == (
        "left out, since the same picture stands in two classes: a/009.jpg, b/002.jpg",
        "counted once: 1 pictures that stand there twice",
        "fewer than 20 pictures to learn from: a (18), b (19)",
    )


def test_unreadable_ones_are_told() -> None:
    """Files that are no pictures, and those that are broken, are left out with a word."""
    found = Survey(("a", "b"), (*pictures("a", 30), *pictures("b", 30)), None, ())
    known = scan(found)
    del known.digests["a/000.jpg"], known.digests["b/000.jpg"]
    known.faults["a/000.jpg"] = "cut short"
    known.ignored.append("b/000.jpg")

    parts = part(found, known, 0.2, 1)

    assert len(parts.train) + len(parts.held) == 58
    assert parts.notes == (
        "passed over, since they are no pictures: b/000.jpg",
        "left out, since they cannot be read: a/000.jpg (cut short)",
    )


@pytest.mark.parametrize("count", [0, 4])
def test_a_class_needs_five(count: int) -> None:
    """A class that is empty or nearly so is refused by name, with the remedy."""
    found = Survey(("a", "b"), (*pictures("a", 30), *pictures("b", count)), None, ())

    with pytest.raises(ConfigError) as refused:
        part(found, scan(found), 0.2, 1)

    assert str(refused.value) == (
        "each class needs 5 pictures that can be read, and better 20 or more: "
        f"b has {count}. Add pictures, or remove the folder"
    )


def test_a_class_with_nothing_held_out_is_refused() -> None:
    """Where the folder makes the division, each class must be in both parts."""
    train = (*pictures("a", 20), *pictures("b", 20))
    found = Survey(("a", "b"), train, pictures("a", 3, "val/"), ())

    with pytest.raises(ConfigError, match="no held-out picture of b"):
        part(found, scan(found), 0.2, 1)


def test_folds_spread_each_class() -> None:
    """Every class is spread over all folds as evenly as its number allows."""
    labels = [0] * 10 + [1] * 7

    found = folds(labels, 5, 1)

    assert [sorted(Counter(found[:10]).values()), sorted(Counter(found[10:]).values())] == [
        [2, 2, 2, 2, 2], [1, 1, 1, 2, 2],
    ]  # fmt: skip
