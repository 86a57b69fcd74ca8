"""What a listing tells: numbers, sizes, and images of which each is as likely as any."""

from collections import Counter
from pathlib import Path

from tools.estimate.listing import fetched, listed
from tools.places import Access, Side


def side(folder: Path, sizes: dict[str, int]) -> Side:
    folder.mkdir()
    for name, size in sizes.items():
        (folder / name).write_bytes(b"x" * size)
    return Side.images(str(folder), Access())


def test_everything_is_counted_and_a_few_are_held(tmp_path: Path) -> None:
    """Images, their bytes, those above the limit; no more are chosen than were asked for."""
    place = side(tmp_path / "photos", {f"{n}.png": n for n in range(1, 11)})
    told: list[int] = []

    found = listed(place, 4, 8, 1, told.append)

    assert (found.images, found.size, found.over) == (10, 55, 2)
    assert len({meta.key for meta in found.chosen}) == 4
    assert told == list(range(1, 11))


def test_where_there_are_few_all_are_chosen(tmp_path: Path) -> None:
    """A listing of fewer than are wanted is chosen whole; an empty one is empty."""
    place = side(tmp_path / "photos", {"a.png": 1, "b.png": 2})

    assert {meta.key for meta in listed(place, 9, 8, 1, lambda _: None).chosen} == {
        "a.png", "b.png",
    }  # fmt: skip
    nothing = listed(side(tmp_path / "none", {}), 9, 8, 1, lambda _: None)
    assert (nothing.images, nothing.chosen) == (0, ())


def test_each_image_is_as_likely_as_any(tmp_path: Path) -> None:
    """Of 8 images, 2 chosen with each of 800 seeds: each some 200 times."""
    place = side(tmp_path / "photos", {f"{n}.png": 1 for n in range(8)})
    times: Counter[str] = Counter()

    for seed in range(800):
        times.update(meta.key for meta in listed(place, 2, 8, seed, lambda _: None).chosen)

    assert len(times) == 8
    assert all(150 < count < 250 for count in times.values())


def test_what_is_gone_or_too_large_is_left_out(tmp_path: Path) -> None:
    """Chosen images are read as they are now, within the limit, with the end of their names."""
    place = side(tmp_path / "photos", {"a.png": 3, "b.jpeg": 4, "c.png": 20})
    chosen = listed(place, 9, 8, 1, lambda _: None).chosen
    (tmp_path / "photos" / "a.png").unlink()

    found = fetched(place, chosen, 8)

    assert [(one.ending, one.data) for one in found] == [(".jpeg", b"xxxx")]
