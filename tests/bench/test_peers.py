"""Other systems: what is made of their times, and the plain loops, which need no other library."""

import json
import sys
from pathlib import Path

import pytest

from fanlight.errors import FanlightError
from fanlight.result import SCHEMA
from tests.bench.test_commands import bench
from tools.bench.networks import DIGITS
from tools.bench.peer_environments import environment
from tools.bench.peer_sets import BAD, FEW, GOOD, Images, digit_images, photo_images, with_a_bad_one
from tools.bench.peers import (
    EACH,
    IN_ALL,
    LOOP,
    OURS,
    PAST,
    POOL,
    RAY,
    Peer,
    Turn,
    comparisons,
    here,
    labels,
    met_a_bad_one,
    others,
    peers,
    rates,
)
from tools.samples import pictures

SEVEN = {
    "schema": SCHEMA, "status": "classified", "source": {"key": "", "version": ""},
    "model": {"name": "", "version": ""}, "predictions": [{"label": "7"}],
}  # fmt: skip


def untimed() -> None:
    """Nobody watches."""


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def images(tmp_path: Path) -> Images:
    return digit_images(tmp_path, FEW + 1, None)


def test_plain_loops_give_our_labels(tmp_path: Path, images: Images) -> None:
    """Each system that needs no other library has its rows, and all of them the same results."""
    steps: list[None] = []

    report = peers(tmp_path, here(), [images], 1, lambda: steps.append(None))

    assert [row.name for row in report.rows] == [
        f"97 digits, {name}" for name in (OURS, LOOP, POOL)
    ]
    assert all(len(row.seconds[IN_ALL]) == 1 for row in report.rows)
    assert len(steps) == 6
    *_, ours, loop, pool = report.notes
    assert ours == (
        f"One cut JPEG of 64 files: {OURS}: 63 of 63 good ones have results, exit code 0; "
        "the bad one has a result: corrupt, the JPEG is cut short or damaged"
    )
    assert loop == (
        f"One cut JPEG of 64 files: {LOOP}: 20 of 63 good ones have results, exit code 1; "
        f"the bad one has none; it said: ValueError: {BAD}: the JPEG is cut short or damaged"
    )
    assert "exit code 1; the bad one has none" in pool


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (json.dumps(SEVEN), "other results"),
        ("{", "other results"),
        (None, "failed and said: AssertionError"),
    ],
)
def test_what_answers_otherwise_has_no_figures(
    tmp_path: Path, images: Images, result: str | None, said: str
) -> None:
    """A system that leaves other labels or fewer, or fails, ends the benchmark by name."""
    program = f"""
import pathlib, sys
assert {result!r}
source, out = map(pathlib.Path, sys.argv[2:])
out.mkdir()
for file in source.iterdir():
    (out / (file.name + '.json')).write_text({result!r})
"""
    rough = Peer("rough", [sys.executable, "-c", program])

    with pytest.raises(FanlightError, match=f"rough.*{said}"):
        peers(tmp_path, [here()[1], rough], [images], 1, untimed)


def test_rates_leave_the_start_out() -> None:
    """Few images tell what starting takes; where all took no longer, there is no such rate."""
    count = FEW + 1000

    assert rates(count, [Turn(1.0, 3.0), Turn(2.0, 4.5), Turn(9.0, 4.0)]) == {
        IN_ALL: [count / 3, count / 4.5, count / 4],
        PAST: [1000.0, 400.0, 500.0],
    }
    assert rates(count, [Turn(3.0, 3.0, 2.0)]) == {IN_ALL: [count / 3], EACH: [count / 2]}


def test_ours_is_to_be_faster_than_what_has_a_library() -> None:
    """Nothing is wanted of the plain loop; what cannot be told is not compared."""
    count = FEW + 1000
    found = {
        ("digits", OURS): (count, [Turn(1.0, 2.0, 3.0)]),
        ("digits", LOOP): (count, [Turn(0.5, 1.0, 1.5)]),
        ("digits", RAY): (count, [Turn(8.0, 8.0)]),
    }

    made = comparisons(found)

    assert [(one.what, *one.values, one.met) for one in made] == [
        (f"digits, {OURS} by {LOOP}, in all", 0.5, None),
        (f"digits, {OURS} by {LOOP}, past the start", 0.5, None),
        (f"digits, {OURS} by {LOOP}, each processor", 0.5, None),
        (f"digits, {OURS} by {RAY}, in all", 4.0, True),
        (f"digits, {OURS}, seconds for {FEW}", 1.0, None),
        (f"digits, {LOOP}, seconds for {FEW}", 0.5, None),
        (f"digits, {RAY}, seconds for {FEW}", 8.0, None),
    ]


def test_sets_are_whole_and_their_few_are_the_first_of_all(tmp_path: Path, images: Images) -> None:
    """A folder's own digits are used if there is one; photographs are no two alike."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "a.png").write_bytes(pictures()[3].read_bytes())
    (tmp_path / "more").mkdir()

    from_own = digit_images(tmp_path / "more", FEW + 2, own)
    photos = photo_images(tmp_path / "more", FEW + 1, DIGITS)

    assert (images.count, from_own.count, photos.count) == (97, 98, 97)
    assert {path.read_bytes() for path in from_own.all.iterdir()} == {(own / "a.png").read_bytes()}
    assert len({path.read_bytes() for path in photos.all.iterdir()}) == 97
    assert listed(images.few) == listed(images.all)[:FEW]


def test_too_few_images_are_an_error(tmp_path: Path) -> None:
    """There must be more than those that tell the start; a folder without images has none."""
    (tmp_path / "none").mkdir()

    with pytest.raises(FanlightError, match="96 digits are too few"):
        digit_images(tmp_path, FEW, None)
    with pytest.raises(FanlightError, match="none has no images"):
        digit_images(tmp_path, FEW + 1, tmp_path / "none")


def test_the_bad_one_is_among_good_ones(tmp_path: Path) -> None:
    """Neither first nor last in the order of the names, nor at the end of what is taken at once."""
    with_a_bad_one(tmp_path / "in")

    names = listed(tmp_path / "in")

    assert len(names) == GOOD + 1
    assert names.index(BAD) == 20


def test_a_system_that_says_nothing_is_told_of(tmp_path: Path) -> None:
    """Without a result and without a word, the line says so."""
    (tmp_path / "in").mkdir()
    silent = Peer("silent", [sys.executable, "-c", "raise SystemExit(3)"])

    met = met_a_bad_one(silent, tmp_path / "in", tmp_path / "out")

    assert (
        met == "0 of 63 good ones have results, exit code 3; the bad one has none; it said: nothing"
    )
    assert labels(tmp_path / "out") == {}


def test_a_torn_result_is_told_of(tmp_path: Path) -> None:
    """What a process left half written when it was ended is no result, and is counted apart."""
    (tmp_path / "in").mkdir()
    program = "import pathlib, sys; out = pathlib.Path(sys.argv[3]); out.mkdir(); "
    program += "(out / '00.png.json').write_text('{')"
    torn = Peer("torn", [sys.executable, "-c", program])

    met = met_a_bad_one(torn, tmp_path / "in", tmp_path / "out")

    assert met.startswith("0 of 63 good ones have results, 1 a torn one, exit code 0; ")


def test_what_cannot_be_installed_is_skipped() -> None:
    """The reason is kept, and the others are measured."""

    def install(name: str) -> Path:
        if name == "ray":
            raise FanlightError("there is no wheel")
        return Path("python")

    found, missing = others(install)

    assert [peer.name.partition(" 3")[0] for peer in found] == ["Powertools for Lambda"]
    assert found[0].command == ["python", "-m", "tools.bench.peer_powertools"]
    assert missing == {RAY: "there is no wheel"}


def test_an_environment_is_made_once(tmp_path: Path) -> None:
    """One that has all that is wanted is used as it is; a failing one says what failed."""
    (tmp_path / "ray").write_text("a file where the environment is to be")

    with pytest.raises(FanlightError, match="said: "):
        environment("ray", tmp_path)


def test_the_command_without_other_systems(tmp_path: Path) -> None:
    """It ends with 0, and its document has the plain loops beside ours."""
    run = bench("peers", "--alone", "--digits", "97", "--photographs", "97", "--rounds", "1",
                "--json", tmp_path / "out.json")  # fmt: skip

    assert (run.returncode, run.stderr.strip()) == (0, "peers")
    document = json.loads((tmp_path / "out.json").read_bytes())
    sets = 1 if "products" in document["skipped"] else 2
    assert len(document["rows"]) == 3 * sets
    assert all("in all" in row["images a second"] for row in document["rows"])
