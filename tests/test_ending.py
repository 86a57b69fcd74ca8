"""Who ends a run in order, by SIGTERM say, and what happens to its processes if it is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.oss_world import DIGITS
from tools.ending import stoppable
from tools.processes import children, lives

RUN = (sys.executable, "-m", "tools", "run", "photos", "-m", "digits", "-p", "2", "--rate", "200",
       "--json", "told.json")  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A run by two processes that has begun and would take long."""
    (tmp_path / "photos").mkdir()
    for number in range(6000):
        (tmp_path / "photos" / f"{number:04}.png").write_bytes(DIGITS[0])
    process = subprocess.Popen(RUN, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True)  # fmt: skip
    try:
        until(lambda: any((tmp_path / "photos-results").glob("*.json")))
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def until(done: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_run_is_stopped_as_by_ctrl_c(
    run: "subprocess.Popen[bytes]", number: int, tmp_path: Path
) -> None:
    """What service managers and closed terminals send ends it in order, with its summary."""
    run.send_signal(number)
    said, errors = run.communicate(timeout=60)

    assert run.returncode == 130
    assert b"stopping; run again to go on\n" in errors
    assert b"Traceback" not in errors
    assert b"results: " in said
    document = json.loads((tmp_path / "told.json").read_text())
    assert document["interrupted"]
    results = [path.name for path in (tmp_path / "photos-results").iterdir()]
    assert document["counts"].get("classified", 0) <= len(results)
    assert all(name.endswith(".json") for name in results)


def test_no_process_outlives_a_run_that_is_killed(run: "subprocess.Popen[bytes]") -> None:
    """They would wait for work for ever, and each holds a model."""
    began = children(run.pid)
    assert len(began) >= 2

    run.kill()
    run.wait()
    until(lambda: not any(map(lives, began)))

    assert [pid for pid in began if lives(pid)] == []


@pytest.fixture
def _fresh() -> Iterator[None]:
    """As in a new process: a library that another test has used may have taken the signal."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("_fresh")
def test_a_signal_that_is_ignored_stays_so() -> None:
    """With nohup a run goes on after its terminal is closed; afterwards all is as it was."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stoppable():
            signal.raise_signal(signal.SIGHUP)
            inside = signal.getsignal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)

    assert inside is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.usefixtures("_fresh")
def test_a_signal_is_heard_as_an_interruption() -> None:
    """By who is inside, and by nobody after that."""
    with pytest.raises(KeyboardInterrupt), stoppable():
        signal.raise_signal(signal.SIGTERM)
