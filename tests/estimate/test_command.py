"""`fanlight estimate` from its options to its figures, with real measurements, small ones."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fanlight.config import DEFAULT_MAX_BYTES
from fanlight.errors import ConfigError, FanlightError
from tools.bench.machine import this_machine
from tools.bench.report import Report, Row, document
from tools.commands.estimate import command
from tools.estimate import sample
from tools.estimate.measured import from_document
from tools.estimate.sample import Picture, measure
from tools.models import find_model
from tools.prove import estimated
from tools.samples import FOLDER


def estimate(*arguments: str | Path | float) -> Result:
    return CliRunner().invoke(command, list(map(str, arguments)), catch_exceptions=False)


@pytest.fixture
def measurements(tmp_path: Path) -> list[str | Path]:
    """Options with a measurement of events of 50 ms and cold starts of 400."""
    options: list[str | Path] = []
    for name, row, columns in (
        ("warm", "digits, 7.png: handler", {"total": [0.05], "processor": [0.05]}),
        ("cold", "fanlight, LiteRT", {"total": [0.45], "first request": [0.05]}),
    ):
        path = tmp_path / f"{name}.json"
        report = Report(name, this_machine(), (), [Row(row, columns)])
        path.write_text(json.dumps(document(report)), "utf-8")
        options += ["--measured", path]
    return options


def test_figures_given_are_figured_out(measurements: list[str | Path]) -> None:
    """A row for each size, as JSON with all that it rests on."""
    run = estimate("--images", 3000, "--bytes", 6_000_000, *measurements, "--limit", 100,
                   "--memory", 1024, "--json")  # fmt: skip

    told: dict[str, Any] = json.loads(run.stdout)
    assert run.exit_code == 0
    assert told["job"] == {"images": 3000, "bytes": 6_000_000, "events": 3000, "limit": 100,
                           "images_an_event": 1, "per_second": None, "failing": 0.0}  # fmt: skip
    quarter, whole = told["sizes"]
    assert (quarter["vcpus"], quarter["seconds"]) == (0.25, 1.6 + 30 * 0.2)
    assert (whole["vcpus"], whole["seconds"]) == (1.0, 0.4 + 30 * 0.05)
    assert (whole["instances"], whole["cold_starts"], whole["tries"]) == (100, 100, 3000)
    assert told["prices"]["currency"] == "CNY"
    assert any("not verified" in line for line in told["assumptions"])


def test_a_table_is_followed_by_what_it_rests_on(measurements: list[str | Path]) -> None:
    """Sizes, minutes and money, then where each figure is from; uploads have their pace."""
    run = estimate("--images", 500, "--per-second", 20, *measurements, "--memory", 2048, "--cpu", 1,
                   "--failing", 0.5)  # fmt: skip

    assert run.exit_code == 0
    heading, columns, row, empty, rests, *notes = run.stdout.splitlines()
    assert heading == "500 images, 0.0 MB, 500 events"
    assert columns.split()[:2] == ["MB", "vCPU"]
    assert columns.endswith("dead letters")
    assert row.split()[:2] == ["2048", "1"]
    assert (empty, rests) == ("", "This rests on:")
    assert all(note.startswith("- ") for note in notes)
    assert "- arrival: 20 a second on average, each upload by itself" in notes


def test_images_of_a_folder_are_measured_here(tmp_path: Path) -> None:
    """They are listed, some go through the real function, and what it took can be used again."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for path in [*FOLDER.glob("7-*.png"), *FOLDER.glob("pasted-7-*.jpg")]:
        (photos / path.name).write_bytes(path.read_bytes())
    kept = tmp_path / "kept.json"

    run = estimate(photos, "-m", "digits", "--sample", 2, "--keep", kept, "--json")
    again = estimate("--images", 10, "--measured", kept)

    assert "measuring 2 of the images here, with digits" in run.stderr
    told = json.loads(run.stdout)
    size = sum(path.stat().st_size for path in photos.iterdir())
    assert told["job"]["images"] == len(list(photos.iterdir()))
    assert told["job"]["bytes"] == size
    assert 5e7 < told["measured"]["peak_bytes"] < 1e9
    assert told["measured"]["cold_starts"] == sample.STARTS
    assert 0.0001 < told["sizes"][-1]["event_seconds"] < 10
    assert again.exit_code == 0
    assert "2 images, 1 instance at a time, 1 an event" in again.stdout


def test_sizes_too_small_for_what_was_measured_are_left_out(tmp_path: Path) -> None:
    """No instance is suggested that a measured image would not fit into."""
    columns = {"event": [50.0], "processor": [40.0], "between": [1.0], "cold start": [400.0],
               "peak MB": [900.0], "log MB": [0.0002], "keys": [1.0]}  # fmt: skip
    report = Report("sample", this_machine(), (), [Row("2 images", columns)],
                    unit=sample.UNIT, times=1)  # fmt: skip
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps(document(report)), "utf-8")

    told = json.loads(estimate("--images", 9, "--measured", kept, "--json").stdout)

    assert min(size["memory_mb"] for size in told["sizes"]) == 1024
    assert "left out: 512 MB, less than a measured image took" in told["assumptions"]
    with pytest.raises(ConfigError, match="took 858 MB, more than any --memory given; give a "):
        estimate("--images", 9, "--measured", kept, "--memory", 512)


@pytest.mark.parametrize(("arguments", "said"), [
    ([], "give SOURCE, to be listed, or --images"),
    ([".", "--images", 5], "give SOURCE, to be listed, or --images"),
    (["--images", 5], "or --measured"),
    (["."], "or --measured"),
    (["nowhere", "-m", "digits"], "nowhere does not exist"),
    (["--images", 5, "--per-second", "nan"], "nan is not a finite number"),
    (["--images", 5, "--round-trip", "inf"], "inf is not in the range"),
    (["--images", 10**400], "is not in the range"),
    (["--images", 5, "--per-second", "1e-320"], "is not in the range"),
    (["--images", 5, "--round-trip", "1e308"], "is not in the range"),
    (["--images", 5, "--measured", __file__, "--keep", "kept.json"], "no --measured with it"),
])  # fmt: skip
def test_wrong_usage_is_told(arguments: list[str], said: str) -> None:
    """What is missing is named, with exit code 2 and nothing measured."""
    run = estimate(*arguments)

    assert run.exit_code == 2
    assert said in run.stderr


def test_uploads_are_no_batches(measurements: list[str | Path]) -> None:
    """An event of many images is a backfill's."""
    run = estimate("--images", 5, *measurements, "--batch", 5, "--per-second", 5)

    assert run.exit_code == 2
    assert "no --batch with --per-second" in run.stderr


def test_an_empty_folder_has_nothing_to_estimate(tmp_path: Path) -> None:
    """It is wrong usage, told before anything is measured."""
    run = estimate(tmp_path, "-m", "digits")

    assert run.exit_code == 2
    assert "there is no image under" in run.stderr


def test_what_cannot_be_measured_is_told_with_the_limit(tmp_path: Path) -> None:
    """Nothing but files that are too large is nothing to measure; nor is there a file to keep."""
    with (tmp_path / "large.png").open("wb") as large:
        large.truncate(DEFAULT_MAX_BYTES + 1)

    with pytest.raises(FanlightError, match="more than 33,554,432 bytes; name another SOURCE"):
        estimate(tmp_path, "-m", "digits", "--keep", tmp_path / "kept.json")
    assert not (tmp_path / "kept.json").exists()


def test_a_file_that_cannot_be_kept_is_told_before_measuring(tmp_path: Path) -> None:
    """Which takes long enough not to be lost."""
    (tmp_path / "7.png").write_bytes(next(FOLDER.glob("7-*.png")).read_bytes())
    options = [str(tmp_path), "-m", "digits", "--keep", "/dev/null/kept.json"]

    run = CliRunner().invoke(command, options)

    assert isinstance(run.exception, OSError)
    assert "measuring" not in run.stderr


def test_several_images_an_event_are_measured_as_such() -> None:
    """Events of five images on two instances at once: their own figures, none negative."""
    pictures = [Picture(path.suffix, path.read_bytes()) for path in FOLDER.glob("7-*.png")]

    report = measure(pictures, find_model("digits"), instances=2, keys=5, seconds=0.01)

    found = from_document(document(report), "it")
    assert found.keys == 5
    assert len(found.cold) == 2 * sample.STARTS
    assert min(one.seconds for one in (*found.events, *found.cold)) > 0
    assert found.logged is not None
    assert found.logged > 5 * 100


def test_a_function_that_fails_is_not_measured(tmp_path: Path) -> None:
    """The platform's error is told, and nothing is made of it."""
    with pytest.raises(FanlightError, match=r"model\.json"):
        measure([Picture(".png", b"x")], tmp_path / "nothing", seconds=0.01)


def test_the_proof_measures_and_runs_the_same_function() -> None:
    """A small one: events are measured on both instances, and each image of a run has a result."""
    contents = [Picture(path.suffix, path.read_bytes()) for path in FOLDER.glob("7-*.png")]
    site = estimated.site(2, contents)
    with site.cloud:
        found = estimated.measured(site, 12, 2)
    site = estimated.site(2, contents)
    with site.cloud:
        seconds = estimated.really(site, 7)

    assert (len(found.events), len(found.cold)) == (10, 2)
    assert seconds > 0
    assert estimated.estimated(found, 7, 2) > 0
