"""What keys cost: places that are filled, what a process took, and what is made of it."""

import json
import sys
from pathlib import Path

import pytest

from fanlight.errors import FanlightError
from tests.bench.test_commands import bench
from tools.bench.cloud import OssProcess
from tools.bench.filled import INPUT, LAYOUTS, OUTPUT, fill_bucket, fill_folder, scratch
from tools.bench.networks import DIGITS
from tools.bench.scale import (
    COLUMNS,
    FIRST,
    LISTING,
    OSS,
    SECOND,
    STATUS,
    Spent,
    Subject,
    comparisons,
    steps,
)
from tools.bench.started import spent

FLAT = next(iter(LAYOUTS))


def test_a_folder_is_filled_as_laid_out(tmp_path: Path) -> None:
    """So many pictures, in one folder or so many in each, and nothing else."""
    fill_folder(tmp_path / "flat", 7, 0)
    fill_folder(tmp_path / "nested", 7, 3)

    assert [path.name for path in sorted((tmp_path / "flat").iterdir())] == [
        f"{number:07d}.png" for number in range(7)
    ]
    assert sorted(
        path.relative_to(tmp_path / "nested").as_posix()
        for path in (tmp_path / "nested").rglob("*.png")
    ) == [f"{number // 3:05d}/{number:07d}.png" for number in range(7)]


def test_what_is_measured_is_looked_at(tmp_path: Path) -> None:
    """A first run classifies, a second one leaves all alone; a missing key ends the benchmark."""
    fill_folder(tmp_path / "in", 3, 0)
    subject = Subject(FLAT, 3, str(tmp_path / "in"), str(tmp_path / "out"))

    taken = [subject.measure(what) for what in (FIRST, LISTING, STATUS, SECOND)]

    assert all(one.seconds > 0 and one.processors > 0 and one.peak > 10e6 for one in taken)
    (tmp_path / "in" / "0000000.png").unlink()
    for what in (LISTING, STATUS, SECOND):
        with pytest.raises(FanlightError, match=f"{what} of 3 keys failed and said: "):
            subject.measure(what)


def test_a_bucket_is_filled_with_results_that_are_current(tmp_path: Path) -> None:
    """What the store's own code wrote is what `run` would have written: nothing is left to do."""
    fill_bucket(tmp_path / "bucket", 21)

    with OssProcess(tmp_path / "bucket") as cloud:
        subject = Subject(OSS, 21, str(INPUT), str(OUTPUT), cloud.settings(DIGITS))
        taken = [subject.measure(what) for what in (LISTING, STATUS, SECOND)]

    assert all(one.seconds > 0 for one in taken)


def test_the_peak_is_that_of_the_command_and_its_children() -> None:
    """What this process holds does not count, and what a child of the command held does."""
    held = bytearray(200_000_000)
    parent = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"

    small, large = (
        spent([sys.executable, "-c", parent, child], {})
        for child in ("pass", f"b'x' * {len(held) // 2}")
    )

    assert small["code"] == large["code"] == 0
    assert small["peak"] < 50e6
    assert 100e6 < large["peak"] < 150e6


def test_sizes_are_compared_round_by_round() -> None:
    """Ten times the keys: memory, time a key, and what each further key takes beyond the start."""

    def some(seconds: float, peak: float) -> list[Spent]:
        return [Spent(2 * seconds, seconds, peak)]

    found = {
        (FLAT, SECOND, 1_000): some(2.0, 50.0),
        (FLAT, SECOND, 10_000): some(11.0, 50.0),
        (FLAT, SECOND, 100_000): some(119.0, 60.0),
        (OSS, STATUS, 1_000): some(1.0, 50.0),
        (OSS, STATUS, 10_000): some(10.0, 50.0),
    }

    made = comparisons(found)

    title = f"{FLAT}, second run, 100,000 keys by 10,000"
    assert [(one.what, *(round(value, 6) for value in one.values), one.met) for one in made] == [
        (f"{title}: peak memory", 1.2, False),
        (f"{title}: time a key", round(119 / 110, 6), True),
        (f"{title}: processors' time of a further key", 1.2, False),
        (f"{OSS}, status, 10,000 keys by 1,000: peak memory", 1.0, None),
        (f"{OSS}, status, 10,000 keys by 1,000: time a key", 1.0, None),
    ]


def test_scratch_is_gone_in_the_end() -> None:
    """A memory file system is not left full."""
    with scratch() as folder:
        (folder / "file").touch()

    assert not folder.exists()


def test_the_command_measures_every_place(tmp_path: Path) -> None:
    """Each place, command and size has a row, in the columns' own units."""
    run = bench("scale", "--keys", "3", "--keys", "66", "--oss-keys", "2", "--rounds", "1",
                "--json", tmp_path / "out.json")  # fmt: skip

    assert (run.returncode, run.stderr.strip()) == (0, "scale")
    document = json.loads((tmp_path / "out.json").read_bytes())
    assert len(document["rows"]) == steps([3, 66], [2], 1) == 19
    assert {tuple(row["microseconds a key, and megabytes"]) for row in document["rows"]} == {
        COLUMNS
    }
    assert [one["met"] for one in document["comparisons"]].count(None) == 8
