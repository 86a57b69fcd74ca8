"""What a command says reaches who reads it, and harms nothing where nobody does."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fanlight.errors import TransientError
from tests.oss_world import OssWorld, oss_world
from tools.patience import Line, Patient
from tools.saying import beside

TOOLS = (sys.executable, "-m", "tools")
PLACES = ("oss://shop/in/", "-o", "oss://shop/out/", "--failed", "oss://shop/failed/")
DONE, LEFT = ("--sample", "1"), ("--dry-run",)


@pytest.fixture(scope="module")
def world() -> Iterator[OssWorld]:
    """A bucket of three images, one of which has a name of two lines; none has a result."""
    with oss_world() as made:
        for name in ("a.png", "b\nmissing\tin/c.png", "d.png"):
            made.image(name)
        yield made


def ended(*arguments: str, **streams: Any) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([*TOOLS, *arguments], check=False, **streams)


def unread(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """With a standard output whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        return ended(*arguments, stdout=closed, stderr=subprocess.PIPE)


@pytest.mark.parametrize(("more", "code"), [(LEFT, 1), (DONE, 0)], ids=["left", "done"])
def test_a_summary_that_nobody_reads_changes_no_exit_code(
    world: OssWorld, more: tuple[str, ...], code: int
) -> None:
    """What came of a run is told by its exit code, wherever its JSON was to go."""
    run = unread("run", *PLACES, "-m", "digits", *more, "--json", "-")

    assert run.returncode == code
    assert b"results: oss://shop/out/" in run.stderr
    assert b"Error" not in run.stderr


@pytest.mark.parametrize("more", [(), ("--list",), ("a.png",)], ids=["counts", "keys", "one"])
def test_a_status_is_written_though_nobody_reads_its_lines(
    world: OssWorld, more: tuple[str, ...], tmp_path: Path
) -> None:
    """A monitor that looks at the file alone finds the counts."""
    file = tmp_path / "status.json"

    status = unread("status", PLACES[0], *more, *PLACES[1:], "--json", str(file))

    assert status.stderr == b""
    document = json.loads(file.read_text())
    assert document.get("images", 3) == 3


@pytest.mark.parametrize("command", [("run", "-m", "digits", "--dry-run"), ("status",)])
def test_a_file_is_written_though_a_disk_is_full(
    world: OssWorld, command: tuple[str, ...], tmp_path: Path
) -> None:
    """The log's, for one: its lines are lost, and the error says why, but not the document."""
    file = tmp_path / "told.json"
    with Path("/dev/full").open("w") as full:
        run = ended(
            command[0], *PLACES, *command[1:], "--json", str(file),
            stdout=full, stderr=subprocess.PIPE,
        )  # fmt: skip

    assert (run.returncode, run.stderr) == (1, b"error: No space left on device\n")
    assert json.loads(file.read_text())["images"] == 3


@pytest.mark.parametrize("command", [("run", "-m", "digits"), ("status",)])
def test_a_closed_standard_output_is_told_at_once(
    world: OssWorld, command: tuple[str, ...]
) -> None:
    """A document that can go nowhere is wrong usage, not a traceback."""
    close: Callable[[], None] = lambda: os.close(1)  # noqa: E731
    world.asked.clear()

    run = ended(command[0], *PLACES, *command[1:], "--json", "-", stderr=subprocess.PIPE,
                preexec_fn=close)  # fmt: skip

    assert run.returncode == 2
    assert b"standard output is closed; name a file" in run.stderr
    assert not world.asked


def test_a_key_is_one_line_whatever_is_in_it(world: OssWorld) -> None:
    """So that no name of an image can say something of another."""
    told = ended("status", *PLACES, "--list", stdout=subprocess.PIPE).stdout.decode()

    assert r"missing" + "\t" + r"in/b\nmissing\tin/c.png" in told.splitlines()
    assert not [line for line in told.splitlines() if line == "missing\tin/c.png"]


def test_one_image_is_explained_line_by_line(world: OssWorld) -> None:
    """A name of two lines is one in what is told of it, too."""
    told = ended("status", PLACES[0], "b\nmissing\tin/c.png", *PLACES[1:], stdout=subprocess.PIPE)

    assert [line.split(b"  ")[0] for line in told.stdout.splitlines()] == [
        b"image", b"", b"result", b"state"
    ]  # fmt: skip


def test_a_word_takes_the_place_of_a_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal it would stand behind it, in the same line; a file gets the word alone."""
    beside("one")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    beside("two")

    assert capsys.readouterr().err == "one\n\r\x1b[Ktwo\n"


class Gone(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, _: str) -> int:
        raise BrokenPipeError


def test_a_word_that_nobody_reads_ends_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said while a request waits, whose image would fail for it."""
    monkeypatch.setattr(sys, "stderr", Gone())

    line = Line("http://here", "ENDPOINT", 60)
    retry = Patient(lambda: 0.0, sleep=lambda _: None, line=line)
    retry.wait(2.0, TransientError("busy"))
