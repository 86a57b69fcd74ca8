"""The local engine's processes: what one image does to them, its neighbours do not feel."""

import ctypes
import faulthandler
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fanlight.answer import Choices
from fanlight.config import Limits
from fanlight.errors import ConfigError, FanlightError, StaleCredentials
from fanlight.image import Header, Pixels
from fanlight.model import Model
from fanlight.result import Source
from fanlight.store_folder import FolderStore
from tests.fakes import FolderJob, answer_as
from tests.test_pace import Clock
from tools import engine
from tools.engine import Chunks, Job, run
from tools.models import MODELS
from tools.pace import Pace
from tools.places import Access

ENDING = {
    b"expired": StaleCredentials("the access key has expired"),
    b"closed": ConfigError("the bucket may not be read"),
}


def answer(source: Source, data: bytes | None) -> dict[str, Any]:
    """An answer for most images; some end the process, as a decoder's fault would."""
    if data == b"kill":
        os._exit(9)
    if data == b"fault":
        raise RuntimeError("a fault of ours")
    if data in ENDING:
        raise ENDING[data]
    document: dict[str, Any] = answer_as("m")(source, data)
    return document


@dataclass(frozen=True)
class Rough(FolderJob):
    """A job whose answers are `answer`."""

    def answer(self, source: Source, data: bytes | None) -> dict[str, Any]:
        return answer(source, data)


def job(tmp_path: Path, contents: dict[str, bytes]) -> Rough:
    source = tmp_path / "in"
    source.mkdir()
    for name, data in contents.items():
        (source / name).write_bytes(data)
    return Rough(str(source), str(tmp_path / "out"), MODELS / "digits", Choices(), Access())


class Fragile(Model):
    """A model whose decoder crashes on some bytes, as a fault in C code does."""

    def decode(self, data: bytes, limits: Limits) -> tuple[Header, Pixels]:
        if data == b"crash":
            faulthandler.disable()  # pytest's own would fill the log with a crash that is wanted
            ctypes.string_at(0)
        return super().decode(data, limits)


@dataclass(frozen=True)
class FragileJob(Job):
    """A job as `fanlight run` has it, but for the model's decoder."""

    def load(self, threads: int) -> Model:
        return Fragile.load(self.model, threads)


def drawn_one() -> bytes:
    page = np.full((120, 100), 240, np.uint8)
    cv2.line(page, (50, 25), (50, 95), 20, 10)
    return bytes(cv2.imencode(".png", page)[1])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux decodes in a child here")
def test_an_image_that_crashes_does_not_end_a_small_run(tmp_path: Path) -> None:
    """Few images are done without processes, and still one that crashes its decoder fails alone."""
    contents = {name: drawn_one() for name in "abde"} | {"c": b"crash"}
    fragile = FragileJob(**vars(job(tmp_path, contents)))

    outcomes = {o["key"]: o for o in run(fragile, sorted(contents), 2)}

    assert outcomes["c"] == {
        "key": "c",
        "outcome": "failed",
        "reason": "the decoder process ended: signal 11 (SIGSEGV)",
    }
    assert [outcomes[name]["label"] for name in "abde"] == ["1"] * 4


def test_one_process_may_be_killed_as_well(tmp_path: Path) -> None:
    """A large run with a single process goes on in another one when an image ends it."""
    contents = {f"{i:03d}": b"fine" for i in range(80)} | {"070": b"kill"}

    outcomes = list(run(job(tmp_path, contents), sorted(contents), 1))

    assert [o["key"] for o in outcomes if o["outcome"] == "failed"] == ["070"]
    assert {outcome["key"] for outcome in outcomes} == set(contents)


def test_an_image_that_kills_its_process_fails_alone(tmp_path: Path) -> None:
    """When two of 200 images kill the process they are decoded in, the other 198 have results."""
    contents = {f"{i:03d}": b"fine" for i in range(200)} | {"007": b"kill", "150": b"kill"}

    outcomes = list(run(job(tmp_path, contents), sorted(contents), 2))

    failed = {o["key"]: o["reason"] for o in outcomes if o["outcome"] == "failed"}
    assert failed == dict.fromkeys(["007", "150"], "its decoding ended the process")
    # A neighbour ended in the middle of a write leaves a temporary file, which is no result.
    found = FolderStore(tmp_path / "out", escaped=True).list("")
    expected = sorted(f"{key}.json" for key in set(contents) - {"007", "150"})
    assert [meta.key for meta in found] == expected
    assert {outcome["key"] for outcome in outcomes} == set(contents)


def test_what_is_at_hand_when_it_is_stopped_counts(tmp_path: Path) -> None:
    """Whoever is told what a stopped run did is told of every result that it wrote."""
    contents = {f"{i:03d}": b"fine" for i in range(200)}

    def keys() -> Iterator[str]:
        yield from sorted(contents)
        raise KeyboardInterrupt

    told: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        told.extend(o["key"] for o in run(job(tmp_path, contents), keys(), 2))

    found = [meta.key for meta in FolderStore(tmp_path / "out", escaped=True).list("")]
    assert len(found) > 0
    assert sorted(f"{key}.json" for key in told) == found


class UntilBroken(Clock):
    """Time at which the first key that is waited for comes when the pool has broken."""

    def __init__(self) -> None:
        super().__init__()
        self._before, self._waited = threading.active_count(), False

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        until = time.monotonic() + 30
        while not self._waited and threading.active_count() > self._before:
            assert time.monotonic() < until, "its threads end with a pool that has broken"
            time.sleep(0.01)
        self._waited = True


def test_keys_that_come_after_their_process_has_ended_are_done(tmp_path: Path) -> None:
    """A listing can be slow: what it gives to processes that are gone is given to others."""
    contents = {f"{i:03d}": b"fine" for i in range(70)} | {"000": b"kill"}
    clock = UntilBroken()

    outcomes = list(run(job(tmp_path, contents), sorted(contents), 1, Pace(5, clock, clock.sleep)))

    assert [o["key"] for o in outcomes if o["outcome"] == "failed"] == ["000"]
    assert sorted(outcome["key"] for outcome in outcomes) == sorted(contents)


@pytest.mark.parametrize("count", [3, 80], ids=["without processes", "with processes"])
@pytest.mark.parametrize("content", ENDING)
def test_what_every_key_would_fail_by_ends_the_run(
    tmp_path: Path, content: bytes, count: int
) -> None:
    """A million images do not count as failed for a key that has expired or a wrong setting."""
    contents = {f"{i:03d}": content for i in range(count)}

    with pytest.raises(FanlightError) as raised:
        list(run(job(tmp_path, contents), sorted(contents), 1))

    assert (type(raised.value), str(raised.value)) == (type(ENDING[content]), str(ENDING[content]))


def test_a_fault_in_one_image_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    """An unexpected exception is that key's failure, not the run's."""
    contents = {"a": b"fine", "b": b"fault", "c": b"fine"}

    outcomes = list(run(job(tmp_path, contents), sorted(contents), 1))

    assert Counter(o["outcome"] for o in outcomes) == {"classified": 2, "failed": 1}
    assert [o["reason"] for o in outcomes if o["outcome"] == "failed"] == [
        "RuntimeError: a fault of ours"
    ]


def test_chunks_are_as_large_as_their_keys_are_fast() -> None:
    """A fifth of a second each, at most twice the last and 512; one key where one takes longer."""
    chunks = Chunks(iter(map(str, range(1000))))

    sizes = []
    for seconds_a_key in (0.001, 0.001, 0.001, 0.001, 0.001, 0.04, 1.0, 0.0, 0.0):
        sizes.append(len(next(chunks)))
        chunks.took(sizes[-1], sizes[-1] * seconds_a_key)

    assert sizes == [8, 16, 32, 64, 128, 200, 5, 1, 2]
    assert next(chunks) == [str(number) for number in range(456, 460)]


def test_chunks_at_a_pace_are_no_larger_than_what_comes_meanwhile() -> None:
    """However fast keys are worked on, none waits longer than a chunk is to take for the last."""
    clock = Clock()
    chunks = Chunks(iter(map(str, range(100))), pace=Pace(20, clock, clock.sleep))

    sizes = []
    for _ in range(5):
        sizes.append(len(next(chunks)))
        chunks.took(sizes[-1], 0.0)

    assert sizes == [4] * 5
    assert clock.now == pytest.approx(100 + 19 / 20)


def test_nothing_to_do_starts_nothing(tmp_path: Path) -> None:
    """Without keys the model is not even loaded."""
    missing = Job("in", "out", tmp_path / "no-model", Choices(), Access())

    assert list(run(missing, [], 2)) == []


def test_ctrl_c_while_keys_are_given_out_is_heard() -> None:
    """It comes after the keys count as given out, and no process that starts meanwhile gets it."""
    blocked: list[bool] = []

    class Interrupted(ThreadPoolExecutor):
        def submit(self, *_: Any, **__: Any) -> Any:
            os.kill(os.getpid(), signal.SIGINT)
            blocked.append(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
            return Future()

    running: dict[Any, list[str]] = {}
    with Interrupted(1) as pool, pytest.raises(KeyboardInterrupt):
        engine._submit(pool, ["a", "b"], running)  # type: ignore[arg-type]

    assert list(running.values()) == [["a", "b"]]
    assert blocked == [True]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
