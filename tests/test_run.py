"""`run` on a bucket: what it does of what there is to do, at what pace, and what it says."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click import BadParameter, FileError, UsageError

from fanlight.errors import FanlightError
from fanlight.place import Place
from tests.fakes import MemoryStore
from tests.oss_world import DIGITS, OssWorld, oss_world, told
from tools.cli import fanlight
from tools.places import Side
from tools.plan import Check
from tools.progress import Progress
from tools.runs import Run, Totals

DIGIT_NAMES = [f"{number:03d}.png" for number in range(12)]
PLACES = ("oss://shop/in/", "-o", "oss://shop/out/", "--failed", "oss://shop/failed/")
RUN = ("run", *PLACES, "-m", "digits")


@pytest.fixture
def world() -> Iterator[OssWorld]:
    """A bucket of a dozen digits without results."""
    with oss_world() as made:
        for name, data in zip(DIGIT_NAMES, DIGITS * 2, strict=False):
            made.image(name, data)
        yield made


def test_the_summary_says_what_became_of_what(world: OssWorld, tmp_path: Path) -> None:
    """Counts by outcome and by what they were before, the engine, the recipe, the time."""
    world.image("note", b"no picture")

    code, first = told(tmp_path, *RUN)
    _, second = told(tmp_path, *RUN)

    assert code == 0
    assert {key: first[key] for key in first if key not in ("seconds", "rate", "recipe")} == {
        "source": "oss://shop/in/", "out": "oss://shop/out/", "engine": "local",
        "function": None, "only": None,
        "sample": None, "dry_run": False, "interrupted": False, "error": None,
        "images": 13,
        "to_do": {"missing": 13}, "counts": {"classified": 12, "rejected": 1}, "older_recipe": 0,
        "dead_letters": {},
    }  # fmt: skip
    assert first["rate"] == pytest.approx(13 / first["seconds"], rel=0.01)
    assert first["recipe"].startswith("sha256:")
    assert (second["to_do"], second["counts"]) == ({}, {"unchanged": 13})
    assert second["older_recipe"] == 0


def test_a_run_that_cannot_begin_says_why_alone(
    world: OssWorld,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With nothing counted the error is all there is to read; the JSON has it too."""
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "wrong")
    file = tmp_path / "summary.json"

    with pytest.raises(FanlightError, match="SignatureDoesNotMatch"):
        fanlight.main([*RUN, "--json", str(file)], standalone_mode=False)

    assert capsys.readouterr().out == ""
    assert "SignatureDoesNotMatch" in json.loads(file.read_text())["error"]


def test_a_dry_run_does_nothing(
    world: OssWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what would be done and what is left alone; not one object is written or deleted."""
    told(tmp_path, *RUN, "--sample", "3")
    world.letter(1, "in/000.png")
    capsys.readouterr()
    world.asked.clear()

    code, document = told(tmp_path, *RUN, "--dry-run")

    assert (code, document["to_do"], document["counts"]) == (1, {"missing": 9}, {"unchanged": 3})
    assert capsys.readouterr().out.splitlines()[0] == "would do 9: 9 missing"
    assert set(world.asked) == {"LIST", "GET"}


def test_a_sample_is_repeatable_and_goes_on(
    world: OssWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same images whatever the output; a second sample takes others, the last what is left."""
    samples = []
    for out in ("one", "two"):
        place = ("-o", f"oss://shop/{out}/")
        _, document = told(tmp_path, "run", "oss://shop/in/", *place, "-m", "digits", "--sample",
                           "5")  # fmt: skip
        assert document["counts"] == {"classified": 5, "left": 7}
        samples.append([key.removeprefix(f"{out}/") for key in world.keys(f"{out}/")])
    _, second = told(tmp_path, "run", "oss://shop/in/", *place, "-m", "digits", "--sample", "50")

    assert samples[0] == samples[1]
    assert "7 more are left; run without --sample to do these" in capsys.readouterr().out
    assert second["counts"] == {"classified": 7, "unchanged": 5}


def test_what_a_sample_leaves_is_told_apart(
    world: OssWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of what `--only` leaves, no run without `--sample` would do any."""
    told(tmp_path, *RUN, "--sample", "3")
    for name in world.keys("out/"):
        world.image(name.removeprefix("out/").removesuffix(".json"), b"another")
    capsys.readouterr()

    _, document = told(tmp_path, *RUN, "--only", "missing", "--sample", "5", "--dry-run")
    _, deep = told(tmp_path, *RUN, "--only", "stale", "--sample", "1", "--dry-run")

    assert (document["counts"], deep["counts"]) == ({"present": 3, "left": 4}, {"left": 11})
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if " more are " in line] == [
        "4 more are left; run without --sample to do these",
        "2 more are left; run without --sample to do these",
        "9 more are missing or stale; run without --only to do these",
    ]


def test_a_place_with_nothing_in_it_is_named(
    world: OssWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the inputs there are, and exit code 1: it may be mistyped."""
    place = ("oss://shop/typo/", "-o", "oss://shop/out/")

    codes = told(tmp_path, "run", *place, "-m", "digits")[0], told(tmp_path, "status", *place)[0]

    said = (
        "nothing is under oss://shop/typo/; the inputs in template.yml are "
        "oss://fanlight-demo/input/digits/, oss://fanlight-demo/input/moderation/, "
        "oss://fanlight-demo/input/products/"
    )
    assert codes == (1, 1)
    assert capsys.readouterr().err.splitlines() == [said, said]


def test_only_missing_reads_no_result(world: OssWorld, tmp_path: Path) -> None:
    """In a bucket the listing is enough; what has a result, stale or not, is left."""
    told(tmp_path, *RUN)
    world.image("000.png", b"another")
    world.image("new.png")
    world.asked.clear()

    _, document = told(tmp_path, *RUN, "--only", "missing")

    assert document["counts"] == {"classified": 1, "present": 12}
    # Of the new one alone: its result and the image, and the image again after the write.
    assert world.asked == {"LIST": 3, "GET": 2, "PUT": 1, "HEAD": 1}


def test_only_failed_does_what_letters_name(world: OssWorld, tmp_path: Path) -> None:
    """Those alone, without listing the bucket; then their letters are gone, and no others."""
    kept = [world.letter(3, "in/gone.png"), world.letter(4, "elsewhere/x.png")]
    for number, name in enumerate(("001.png", "001.png", "002.png")):
        world.letter(number, f"in/{name}")

    code, document = told(tmp_path, *RUN, "--only", "failed")

    assert code == 0
    assert document["counts"] == {"classified": 2, "gone": 1}
    assert document["dead_letters"] == {"cleared": 3, "gone": 1}
    assert world.keys("out/") == ["out/001.png.json", "out/002.png.json"]
    assert world.keys("failed/") == kept


CHECKS = {
    **{state: Check("a", state) for state in ("missing", "stale", "refused", "gone")},
    "older": Check("a", "classified", recipe="before"),
    "current": Check("a", "rejected", recipe="now"),
}


@pytest.mark.parametrize(
    ("only", "wanted"),
    [
        (None, {"missing", "stale"}),
        ("missing", {"missing"}),
        ("stale", {"stale"}),
        ("failed", {"missing", "stale"}),
        ("older-recipe", {"older"}),
    ],
)
def test_each_choice_is_of_its_own_states(only: str | None, wanted: set[str]) -> None:
    """What was not asked for is left, and what can never have a result is not tried."""
    totals = Totals("now", only)

    assert {name for name, check in CHECKS.items() if totals.wants(check)} == wanted


def test_letters_of_what_is_done_are_cleared(world: OssWorld, tmp_path: Path) -> None:
    """By any run that knows their place; one that does not leaves them."""
    world.letter(1, "in/000.png")
    told(tmp_path, "run", "oss://shop/in/", "-o", "oss://shop/out/", "-m", "digits")
    before = world.keys("failed/")

    _, document = told(tmp_path, *RUN)

    assert len(before) == 1
    assert document["dead_letters"] == {"cleared": 1}
    assert world.keys("failed/") == []


def test_trusted_times_spare_the_reads(world: OssWorld, tmp_path: Path) -> None:
    """Of results that are newer than their images nothing is asked but the listing."""
    time.sleep(1.1 - time.time() % 1)  # the images are of an earlier second
    told(tmp_path, *RUN)
    world.asked.clear()

    _, document = told(tmp_path, *RUN, "--trust-times")

    assert document["counts"] == {"unchanged": 12}
    assert world.asked == {"LIST": 3}


def test_a_rate_is_kept(world: OssWorld, tmp_path: Path) -> None:
    """Twelve images at forty a second take the time of eleven pauses at the least."""
    _, document = told(tmp_path, *RUN, "--rate", "40")

    assert document["counts"] == {"classified": 12}
    assert document["seconds"] >= 11 / 40


def test_the_summary_can_go_to_a_pipe(world: OssWorld, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json - standard output is the document, and the text goes beside it."""
    fanlight.main([*RUN, "--json", "-"], standalone_mode=False)
    captured = capsys.readouterr()

    assert json.loads(captured.out)["counts"] == {"classified": 12}
    assert "12 images in" in captured.err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--only", "older-recipe", "--trust-times"), "has to read results"),
        (("--only", "failed"), "say with --failed where dead letters are"),
        (("--engine", "fc"), "leave out --model"),
    ],
)
def test_what_cannot_be_is_refused(
    world: OssWorld, tmp_path: Path, more: tuple[str, ...], message: str
) -> None:
    """Before anything is listed."""
    with pytest.raises(UsageError, match=message):
        told(tmp_path, "run", "oss://shop/in/", "-o", "oss://shop/out/", "-m", "digits", *more)
    assert world.asked["LIST"] == 0


@pytest.mark.parametrize("rate", ["nan", "inf", "-1", "0"])
def test_a_rate_that_is_none_is_wrong_usage(tmp_path: Path, rate: str) -> None:
    """Neither infinity nor what is no number gets as far as the work."""
    with pytest.raises(BadParameter):
        told(tmp_path, "run", str(tmp_path), "-m", "digits", "--rate", rate)


@pytest.mark.parametrize("command", [RUN, ("status", *PLACES)], ids=["run", "status"])
def test_a_summary_that_cannot_be_written_is_told_before_the_work(
    world: OssWorld, command: tuple[str, ...]
) -> None:
    """After hours of work it would be too late."""
    world.asked.clear()

    with pytest.raises(FileError):
        fanlight.main([*command, "--json", "/dev/null/summary.json"], standalone_mode=False)

    assert not world.asked


def test_what_failed_is_counted_and_steers_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Keys and reasons hold what a terminal obeys; so does that of a key without any result."""
    store = MemoryStore()
    for name in ("in/\x1b]0;t\x07", "in/\x9b31m" + "k" * 1020):
        store.put(name, b"", if_absent=False)
    totals = Totals(recipe=None)
    images, results = (Side(store, Place("bucket", prefix)) for prefix in ("in/", "out/"))
    run = Run(images, results, None, totals, Progress(terminal=False))

    run.work(lambda keys: (
        {"key": key, "outcome": "failed", "reason": f"{key}: \x85 broken"} for key in keys
    ))  # fmt: skip

    lines = capsys.readouterr().err.splitlines()
    assert (totals.failed, totals.counts) == (2, {"failed": 2})
    assert lines[0] == r"failed: in/\x1b]0;t\x07: in/\x1b]0;t\x07: \x85 broken"
    assert lines[1].startswith(r"failed: in/\x9b31mkkk")
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)


def test_of_many_failures_the_first_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A million lines would hide the rest; all of them are counted."""
    store = MemoryStore()
    for number in range(30):
        store.put(f"in/{number}", b"", if_absent=False)
    totals = Totals(recipe=None)
    images, results = (Side(store, Place("bucket", prefix)) for prefix in ("in/", "out/"))

    Run(images, results, None, totals, Progress(terminal=False)).work(
        lambda keys: ({"key": key, "outcome": "failed", "reason": "broken"} for key in keys)
    )

    lines = capsys.readouterr().err.splitlines()
    assert totals.failed == 30
    assert len(lines) == 21
    assert lines[-1] == "more failures follow; they are counted below"


def test_work_left_is_told_though_nobody_reads(world: OssWorld, tmp_path: Path) -> None:
    """A closed pipe is no success: the exit code and the file are as ever."""
    world.image("one.png")
    reader, writer = os.pipe()
    os.close(reader)
    file = tmp_path / "told.json"
    with os.fdopen(writer, "w") as closed:
        ended = subprocess.run(
            [sys.executable, "-m", "tools", *RUN, "--dry-run", "--json", str(file)],
            stdout=closed, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip

    assert (ended.returncode, ended.stderr) == (1, b"")
    assert json.loads(file.read_text())["to_do"] == {"missing": 13}
