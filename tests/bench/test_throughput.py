"""Many pictures against the bound: what is counted, and small runs to the end."""

from dataclasses import replace
from pathlib import Path

import pytest

from fanlight.errors import FanlightError
from tests.networks import LABELS, document, write_onnx
from tools.bench.bound import Bound
from tools.bench.filesystems import filesystem
from tools.bench.function import SMALL
from tools.bench.networks import DIGITS
from tools.bench.pictures import photo
from tools.bench.throughput import (
    BOUND,
    COLUMNS,
    IN_FULL,
    ON_DISK,
    RUN,
    UNIT,
    WHOLE,
    Kind,
    comparisons,
    fill,
    kinds,
    steps,
    throughput,
)
from tools.bench.timed import InFull, measured
from tools.bundles import write_bundle
from tools.samples import FOLDER

DIGIT = (FOLDER / "7-00000.png").read_bytes()


def named(folder: Path, name: str) -> Path:
    """A small network for photographs, called `name`."""
    write = document("onnx", "fabrics.onnx", "nchw", name=name)
    write_bundle(folder, write, LABELS, lambda bundle: write_onnx(bundle / "fabrics.onnx"))
    return folder


def test_plain_digits_run_to_the_end() -> None:
    """Every row has a sample for the round in its columns, in images a second."""
    chosen = [kind for kind in kinds(DIGITS) if kind.ending == ".png"]
    done: list[None] = []

    report = throughput(chosen, 1, 0.3, lambda: done.append(None))

    assert {row.name: list(row.seconds) for row in report.rows} == {
        f"digits, 28x28.png: {RUN}": list(COLUMNS),
        f"digits, 28x28.png: {WHOLE}": list(COLUMNS),
        f"digits, 28x28.png: {BOUND}": list(COLUMNS),
        f"digits, 28x28.png: {ON_DISK}": [COLUMNS[1]],
    }
    assert {len(samples) for row in report.rows for samples in row.seconds.values()} == {1}
    assert [one.at_least for one in report.comparisons] == [0.7, 0.7, 0.9]
    assert (report.unit, report.times) == (UNIT, 1)
    assert len(done) == steps(chosen, 1) == 5


def test_a_run_of_few_pictures_has_no_figures(tmp_path: Path) -> None:
    """What is over before all processes have worked together is not timed."""
    images = tmp_path / "images"
    fill(images, Kind("a", DIGITS, [DIGIT], ".png"), 100)

    with pytest.raises(FanlightError, match="100 images of images were done too soon to be timed"):
        measured(DIGITS, images, 1, 60)


def test_pictures_without_an_answer_have_no_figures(tmp_path: Path) -> None:
    """Rejections would be fast."""
    images = tmp_path / "images"
    fill(images, Kind("a", DIGITS, [b"no picture"], ".png"), 100)

    with pytest.raises(FanlightError, match=r"0000\d\d\.png was to be classified: .*not_an_image"):
        measured(DIGITS, images, 1, 60)


def test_decoding_in_full_is_slower(tmp_path: Path) -> None:
    """The other way to decode is really taken, in the processes that are started."""
    images = tmp_path / "images"
    fill(images, Kind("a", DIGITS, [(FOLDER / "pasted-7-00000.jpg").read_bytes()]), 10_000)

    assert measured(DIGITS, images, 1, 0.5, InFull).steady > 0


def test_a_bound_without_a_model_is_an_error(tmp_path: Path) -> None:
    """A process that cannot start has no rate."""
    with pytest.raises(FanlightError, match="of the bound has ended"), Bound(tmp_path, [DIGIT], 1):
        pass


def test_files_are_distinct_until_they_would_fill_the_memory(tmp_path: Path) -> None:
    """Small pictures are files of their own; large ones are links to some of them."""
    large = [bytes([n]) * (20 << 20) for n in range(2)]
    fill(tmp_path / "small", Kind("a", DIGITS, [b"0", b"1"], ".png"), 9)
    fill(tmp_path / "large", Kind("a", DIGITS, large), 15)

    small, many = (sorted((tmp_path / name).iterdir()) for name in ("small", "large"))
    assert [path.read_bytes() for path in small] == [b"0", b"1"] * 4 + [b"0"]
    assert len({path.stat().st_ino for path in small}) == 9
    assert [path.read_bytes()[0] for path in many] == [n % 2 for n in range(15)]
    assert len({path.stat().st_ino for path in many}) == 6


def test_what_is_wanted_depends_on_the_pictures(tmp_path: Path) -> None:
    """Photographs by products and plain digits are held to a target; others are only told."""
    products = kinds(named(tmp_path / "products", "products"))
    other = named(tmp_path / "other", "other")

    assert [kind.wanted for kind in kinds(DIGITS)] == [0.7, None]
    assert [kind.wanted for kind in products] == [0.9] * 3
    assert [replace(kind, bundle=other).wanted for kind in products] == [None] * 3
    assert products[0].pictures[5] == photo(*SMALL)
    assert [kind.large for kind in products] == [False, True, True]


def test_comparisons_are_ratios_of_rates() -> None:
    """More images a second is more; the gain from a process is held against the bound's gain."""
    one, two = COLUMNS
    found = {
        RUN: {one: [80.0], two: [120.0]}, BOUND: {one: [100.0], two: [200.0]},
        IN_FULL: {two: [40.0]},
    }  # fmt: skip

    made = comparisons(Kind("a", DIGITS, [], ".png", large=True), found)

    assert [list(comparison.values) for comparison in made] == [
        pytest.approx([share]) for share in (0.8, 0.6, 0.75, 3.0)
    ]
    assert [comparison.met for comparison in made] == [True, False, False, True]


def test_the_file_system_is_that_of_the_deepest_mount(tmp_path: Path) -> None:
    """The last line whose folder holds the one asked for; a name may have a space in it."""
    inner = tmp_path / "a b" / "c"
    inner.mkdir(parents=True)
    mounts = tmp_path / "mounts"
    spaced = str(tmp_path / "a b").replace(" ", "\\040")
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\ntmpfs {spaced} tmpfs rw 0 0\nx {spaced}c xfs rw\n")

    assert filesystem(inner, mounts) == "tmpfs"
    assert filesystem(tmp_path, mounts) == "ext4"
    assert filesystem(tmp_path, tmp_path / "none") == "?"
