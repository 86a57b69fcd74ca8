"""What forms of results take: places that hold them, and what is made of the measurements."""

import json
from pathlib import Path

import pytest

from fanlight.errors import FanlightError
from tests.bench.test_commands import bench
from tools.bench.cloud import OssProcess
from tools.bench.filled import OUTPUT, fill_bucket, fill_folder
from tools.bench.networks import DIGITS
from tools.bench.results import (
    BOUND,
    COLUMNS,
    FOLDER,
    FORMS,
    OSS,
    OSS_FORMS,
    PLAIN,
    UNIT,
    Results,
    Spent,
    comparisons,
    steps,
)
from tools.bench.scale import FIRST, Subject


def test_every_document_must_be_in_every_form(tmp_path: Path) -> None:
    """A form is measured, and leaves no file; when one document is no result, all end by name."""
    source, out, scratch = tmp_path / "in", tmp_path / "out", tmp_path / "scratch"
    fill_folder(source, 3, 0)
    Subject(FOLDER, 3, str(source), str(out)).measure(FIRST)
    scratch.mkdir()
    place = Results(FOLDER, 3, str(out))

    taken = {form: place.measure(form, scratch) for form in (BOUND, *FORMS)}

    assert all(one.seconds > 0 and one.processors > 0 and one.peak > 5e6 for one in taken.values())
    assert {form for form, one in taken.items() if one.size == 0} == {BOUND}
    assert list(scratch.iterdir()) == []
    (out / "0000001.png.json").write_text("{}")
    for form in taken:
        with pytest.raises(FanlightError, match=f"{form} of 3 results failed and said: "):
            place.measure(form, scratch)


def test_a_bucket_is_read_whole(tmp_path: Path) -> None:
    """Beyond the first thousand, which is one answer of a listing."""
    fill_bucket(tmp_path / "bucket", 1_021)

    with OssProcess(tmp_path / "bucket") as cloud:
        place = Results(OSS, 1_021, str(OUTPUT), cloud.settings(DIGITS))
        taken = [place.measure(form, tmp_path) for form in (PLAIN, *OSS_FORMS)]

    assert all(one.seconds > 0 for one in taken)


def test_forms_are_held_against_the_bound_and_a_tenth() -> None:
    """Time by reading and parsing alone; memory, and a further document, from size to size."""

    def some(seconds: float, processors: float, peak: float) -> list[Spent]:
        return [Spent(seconds, processors, peak, 1)]

    found = {
        (FOLDER, 100, BOUND): some(1.0, 1.0, 10.0),
        (FOLDER, 100, "csv"): some(2.0, 2.0, 50.0),
        (FOLDER, 1_000, BOUND): some(2.0, 3.0, 10.0),
        (FOLDER, 1_000, "csv"): some(8.0, 7.0, 60.0),
        (OSS, 100, PLAIN): some(2.0, 1.0, 10.0),
        (OSS, 100, "jsonl"): some(3.0, 1.0, 10.0),
    }

    made = comparisons(found)

    assert [(one.what, *one.values, one.met) for one in made] == [
        (f"folder, csv, 1,000: time by {BOUND}", 4.0, None),
        (
            f"folder, csv, 1,000: processors' time of a further document by {BOUND}",
            2.5,
            None,
        ),
        ("folder, csv, 1,000 by 100: peak memory", 1.2, False),
        (f"OSS endpoint, jsonl, 100: time by {PLAIN}", 1.5, None),
    ]


def test_the_command_measures_every_form(tmp_path: Path) -> None:
    """Each place, size and form has a row, in the columns' own units."""
    run = bench("results", "--results", "2", "--results", "20", "--oss-results", "3",
                "--rounds", "1", "--json", tmp_path / "out.json")  # fmt: skip

    assert (run.returncode, run.stderr.strip()) == (0, "results")
    document = json.loads((tmp_path / "out.json").read_bytes())
    assert len(document["rows"]) == steps([2, 20], [3], 1) == 14
    for row in document["rows"]:
        bare = row["name"].endswith((BOUND, PLAIN))
        assert tuple(row[UNIT]) == (COLUMNS[:-1] if bare else COLUMNS)
    assert [one["met"] for one in document["comparisons"]].count(None) == 2 * len(FORMS) + 1
