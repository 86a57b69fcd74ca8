"""`status` on a bucket: what it counts, what it reads for that, and what it says of one key."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fanlight.errors import ConfigError
from tests.oss_world import OssWorld, oss_world, told
from tools.bench.filled import fill_bucket
from tools.cli import fanlight
from tools.commands.status import Tally
from tools.plan import Check

PLACES = ("oss://shop/in/", "--out", "oss://shop/out/", "--failed", "oss://shop/failed/")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OssWorld]:
    """Two images done, one of which has been replaced; one not done, one gone; two letters."""
    folder = tmp_path_factory.mktemp("told")
    with oss_world() as made:
        for name in ("a", "b", "old", "gone"):
            made.image(name)
        made.image("note", b"no picture")
        assert told(folder, "run", *PLACES, "-m", "digits")[0] == 0
        made.image("old", b"another")
        made.image("new")
        made.bucket.delete_object("in/gone")
        made.letter(1, "in/a")
        made.letter(2, "in/new")
        made.letter(3, "elsewhere/x")
        yield made


def counts(**others: Any) -> dict[str, Any]:
    return {
        "source": "oss://shop/in/", "out": "oss://shop/out/", "failed": "oss://shop/failed/",
        "images": 5, "to_do": 1, "deep": False, "missing": 1, "present": 4, "orphaned": 1,
        "refused": 0, "dead_letters": 2, "nameless_letters": 0, "classified": None,
        "rejected": None, "stale": 0, "unread": 4, "older_recipe": None, **others,
    }  # fmt: skip


def test_a_status_lists_and_reads_letters_alone(world: OssWorld, tmp_path: Path) -> None:
    """Three listings, three letters, and image and result of the two images that letters name."""
    world.asked.clear()

    code, document = told(tmp_path, "status", *PLACES)

    assert (code, document) == (1, counts())
    assert world.asked == {"LIST": 3, "GET": 3 + 2, "HEAD": 2}


def test_without_a_place_of_letters_nothing_is_read(world: OssWorld, tmp_path: Path) -> None:
    """Then what is missing, present and orphaned is told by the two listings."""
    world.asked.clear()

    code, document = told(tmp_path, "status", *PLACES[:3])

    assert code == 1
    assert document == counts(failed=None, dead_letters=None, nameless_letters=None, stale=None)
    assert world.asked == {"LIST": 2}


def test_an_overwrite_whose_event_failed_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its result is listed as present; its letters tell, and it counts and is named once."""
    with oss_world() as world:
        for name in ("a", "b", "c"):
            world.image(name)
        told(tmp_path, "run", *PLACES, "-m", "digits")
        world.image("b", b"another")
        world.bucket.put_object("out/c.json", b"{")
        for number, key in enumerate(("in/b", "in/b", "in/a", "in/c", "in/gone", "")):
            world.letter(number, key)
        capsys.readouterr()
        code, document = told(tmp_path, "status", *PLACES, "--list")

    assert code == 1
    assert document == counts(images=3, to_do=2, missing=1, present=2, orphaned=0, stale=1,
                              unread=1, dead_letters=5, nameless_letters=1)  # fmt: skip
    assert capsys.readouterr().out.splitlines() == [
        "stale\tin/b", "missing\tin/c",
        "         1 missing", "         1 present", "         1 stale", "         5 dead letters",
        "         1 dead letters that name no image; run leaves them",
        "         3 images; run would work on 2",
    ]  # fmt: skip


def test_a_result_that_was_not_listed_yet_is_counted_once() -> None:
    """Its image was missing when it was listed, and is stale when its letter is looked at."""
    tally = Tally(deep=False, recipe=None)
    tally.add(Check("in/a", "missing"))

    assert tally.correct(Check("in/a", "stale")) is None
    assert (tally.images, tally.left) == (1, 1)


def test_a_key_that_can_have_no_result_is_not_to_be_worked_on(tmp_path: Path) -> None:
    """A run counts it as failed and works on the others: so says the status, and exits with 1."""
    with oss_world() as world:
        world.image("x" * 1018)
        code, document = told(tmp_path, "status", *PLACES)
        ran, run = told(tmp_path, "run", *PLACES, "-m", "digits", "--dry-run")

    assert (code, document) == (1, counts(images=1, to_do=0, missing=0, present=0, orphaned=0,
                                          refused=1, unread=0, dead_letters=0))  # fmt: skip
    assert (ran, run["to_do"], run["counts"]) == (1, {}, {"failed": 1})


def test_a_deep_status_reads_what_is_there(
    world: OssWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which results are true, which of another recipe, and which letters are about these images."""
    settings = ("--deep", "-m", "digits", "--top-k", "1", "--list")

    code, document = told(tmp_path, "status", *PLACES, *settings)
    lines = capsys.readouterr().out.splitlines()

    assert code == 1
    assert document == counts(deep=True, to_do=2, classified=2, rejected=1,
                              stale=1, unread=0, older_recipe=3)  # fmt: skip
    assert lines == [
        "older-recipe\tin/a", "older-recipe\tin/b", "orphaned\tin/gone", "missing\tin/new",
        "older-recipe\tin/note", "stale\tin/old",
        "         2 classified", "         1 missing", "         1 orphaned", "         1 rejected",
        "         1 stale", "         3 of these of an older recipe; run --only older-recipe",
        "         2 dead letters", "         5 images; run would work on 2",
    ]  # fmt: skip


def test_without_a_model_it_says_what_it_cannot_tell(
    world: OssWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A deep status of results whose recipe cannot be compared."""
    _, document = told(tmp_path, "status", *PLACES, "--deep")

    assert document["older_recipe"] is None
    assert "older recipe: not known without a --model" in capsys.readouterr().out


def test_trusted_times_read_only_what_is_not_newer(world: OssWorld, tmp_path: Path) -> None:
    """All were written within seconds of each other, so what was replaced is found by reading."""
    _, document = told(tmp_path, "status", *PLACES, "--trust-times")

    assert document["stale"] == 1
    assert document["unread"] + document["classified"] + document["rejected"] == 3


def test_one_key_is_explained_with_its_letters(
    world: OssWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What failed for good stands beside what is there now; only what is about this key."""
    code, document = told(tmp_path, "status", "oss://shop/in/", "new", *PLACES[1:])
    lines = capsys.readouterr().out.splitlines()

    assert (code, document["state"], document["result"]) == (1, "missing", None)
    assert document["dead_letters"] == [{
        "place": "failed/2026-11-26/r-2.json", "bucket": "shop", "key": "in/new",
        "error": "OSError: it broke", "attempts": 4, "suspected": False,
    }]  # fmt: skip
    assert lines[-2:] == [
        "state    missing: there is no result",
        "letter   failed/2026-11-26/r-2.json: OSError: it broke (attempts: 4)",
    ]


def test_a_key_of_another_recipe_is_said_to_be(world: OssWorld, tmp_path: Path) -> None:
    """With a model to compare with, it is said whether the result is of its recipe."""
    found = [
        told(tmp_path, "status", "oss://shop/in/", "in/a", *PLACES[1:], "-m", "digits", *more)[1]
        for more in ((), ("--top-k", "1"))
    ]

    assert [one["older_recipe"] for one in found] == [False, True]
    assert [one["state"] for one in found] == ["classified"] * 2


def test_a_key_whose_image_is_gone(
    world: OssWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its result is shown; there is nothing to do, as for the whole place."""
    code, document = told(tmp_path, "status", "oss://shop/in/", "gone", *PLACES[1:])

    assert (code, document["state"], document["image"]) == (0, "orphaned", None)
    assert document["result"]["source"]["key"] == "in/gone"
    assert capsys.readouterr().out.splitlines() == [
        "image    in/gone: there is none", "result   out/gone.json, which run leaves",
        "model    digits 1.0.0", "state    orphaned: there is no such image, but its result",
    ]  # fmt: skip


def test_a_rejected_key_tells_the_reason(
    world: OssWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The code and the words that stand in its result."""
    code, document = told(tmp_path, "status", "oss://shop/in/", "note", *PLACES[1:])

    why = document["result"]["reason"]
    assert (code, document["state"]) == (0, "rejected")
    assert document["reason"] == f"{why['code']}: {why['message']}"
    assert capsys.readouterr().out.splitlines()[-1] == f"state    rejected: {document['reason']}"


def test_a_key_that_nobody_has_used_is_told(world: OssWorld, tmp_path: Path) -> None:
    """Whether it could have a result or, as one that is too long for that, could not."""
    for key, result in (("never", "out/never.json"), ("x" * 1018, None)):
        code, document = told(tmp_path, "status", "oss://shop/in/", key, *PLACES[1:])

        assert (code, document["state"], document["result_key"]) == (1, "gone", result)


def test_what_is_no_result_is_said_to_be_none(tmp_path: Path) -> None:
    """It counts as missing, and it is seen that something is there."""
    with oss_world() as world:
        world.image("a")
        world.bucket.put_object("out/a.json", b"{")

        _, document = told(tmp_path, "status", "oss://shop/in/", "a", *PLACES[1:])

    assert document["state"] == "missing"
    assert document["reason"] == "what stands in its place cannot be read as a result"


def test_a_large_bucket_takes_two_listings_a_thousand(tmp_path: Path) -> None:
    """Never more than 2 requests for each 1,000 objects and 10 in all."""
    fill_bucket(tmp_path / "data", 2_500)
    with oss_world(tmp_path / "data") as world:
        code, document = told(tmp_path, "status", "oss://bench/input/", "-o", "oss://bench/output/")

    assert (code, document["images"], document["present"]) == (0, 2_500, 2_500)
    assert world.asked == {"LIST": 6}


def test_a_status_that_fails_says_so_in_its_file(
    world: OssWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A monitor that reads it alone must not take an empty one for good news."""
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "wrong")
    file = tmp_path / "status.json"

    with pytest.raises(ConfigError, match="SignatureDoesNotMatch") as raised:
        fanlight.main(["status", *PLACES, "--json", str(file)], standalone_mode=False)

    assert json.loads(file.read_text()) == {
        "source": "oss://shop/in/", "out": "oss://shop/out/", "failed": "oss://shop/failed/",
        "error": str(raised.value),
    }  # fmt: skip


def test_times_of_files_are_not_trusted(tmp_path: Path) -> None:
    """Anybody can set them, so the option is refused."""
    from click import UsageError

    with pytest.raises(UsageError, match="is for oss:// images with oss:// results"):
        told(tmp_path, "status", str(tmp_path), "--trust-times")
