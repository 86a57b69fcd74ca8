"""The fuzz targets, without the fuzzer: their seeds, and some hundred changed ones each."""

import json
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanlight import failure
from fanlight.failure import letters
from tools.prove import fuzz, targets
from tools.prove.fuzz import Run, counted, told
from tools.prove.targets import TARGETS

SCHEMA = json.loads(Path(failure.__file__).with_name("failure.schema.json").read_bytes())
VALID = jsonschema.Draft202012Validator(SCHEMA)

Edit = tuple[float, int, bytes]
"""Where, as a part of the whole; how many bytes go; which come."""

EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from([0, 1, 2, 4, 30]), st.binary(max_size=8)),
    min_size=1,
    max_size=6,
)


def edited(data: bytes, edits: list[Edit]) -> bytes:
    for where, gone, come in edits:
        at = int(where * len(data))
        data = data[:at] + come + data[at + gone :]
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_is_as_promised(name: str) -> None:
    """The samples a run starts from break no promise, and fit its longest input."""
    seeds = TARGETS[name].seeds()

    for seed in seeds:
        TARGETS[name].once(seed)

    assert len(seeds) == len(set(seeds))
    assert max(map(len, seeds)) <= TARGETS[name].longest


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_changed_seeds_are_as_promised(name: str, data: st.DataObject) -> None:
    """Whatever bytes are put into a sample or cut from it, nothing unexpected is raised."""
    seed = data.draw(st.sampled_from(TARGETS[name].seeds()))

    TARGETS[name].once(edited(seed, data.draw(EDITS)))


@settings(max_examples=200, deadline=None)
@given(seed=st.sampled_from(TARGETS["failures"].seeds()), edits=EDITS)
def test_letters_of_changed_failures_are_as_the_schema_says(seed: bytes, edits: list[Edit]) -> None:
    """Each letter of a damaged failure document is one that can be read back."""
    for letter in letters(edited(seed, edits)):
        VALID.validate(letter)


def test_the_fuzzers_lines_are_counted() -> None:
    """Executions, features and kept inputs are those of the last line that tells each."""
    log = (
        "INFO: seed corpus: files: 52 min: 1b max: 15904b total: 59417b rss: 80Mb\n"
        "#53\tINITED cov: 521 ft: 900 corp: 51/47Kb exec/s: 0 rss: 110Mb\n"
        "Corrupt JPEG data: 1 extraneous bytes before marker 0xdb\n"
        "#5222\tREDUCE cov: 846 ft: 1717 corp: 175/92Kb lim: 2058 exec/s: 580 rss: 122Mb\n"
        "#25789\tDONE   cov: 860 ft: 1800 corp: 180/95Kb lim: 2058 exec/s: 1611 rss: 233Mb\n"
        "stat::number_of_executed_units: 25789\n"
    )

    assert counted(log) == (25789, 1800, 180)
    assert counted(log[: log.index("#25789")]) == (5222, 1717, 175)
    assert counted("ModuleNotFoundError") == (0, 0, 0)


def test_a_crash_is_told_with_the_command_that_repeats_it() -> None:
    """A run's line has its figures; each kept input and a fuzzer that failed have theirs."""
    crash = Path("build/fuzz/zips/crash-1")
    log = Path("build/fuzz/zips/log.txt")

    assert told(Run("zips", 12_345, 600, 70, (crash,), log, ended_well=False)) == (
        "zips         12,345 executions    600 features    70 inputs kept  1 crashes\n"
        "BROKEN  python -m tools.prove.targets zips build/fuzz/zips/crash-1\n"
        "BROKEN  see build/fuzz/zips/log.txt"
    )


def test_a_kept_input_is_tried_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command that a crash is told with runs the target on that file."""
    kept = tmp_path / "crash-1"
    kept.write_bytes(b"no event")

    assert targets.main(["events", str(kept)]) == 0
    assert capsys.readouterr().out == f"{kept}: as promised\n"
    assert targets.main(["nothing", str(kept)]) == 2


@pytest.mark.skipif(find_spec("atheris") is None, reason="needs the prove extra")
def test_a_short_run_reports_what_it_did(tmp_path: Path) -> None:
    """With atheris installed a target runs for its time and keeps what reached new code."""
    run = fuzz.fuzz("events", 1, tmp_path)

    assert (run.ended_well, run.crashes) == (True, ())
    assert run.executions > 100
    assert run.features > 100
    assert any((tmp_path / "events" / "corpus").iterdir())


def test_an_unknown_target_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is no target ends with those there are."""
    with pytest.raises(SystemExit, match="2"):
        fuzz.main(["picture"])

    assert "no such target: picture; there are events, failures, images, zips" in (
        capsys.readouterr().err
    )
