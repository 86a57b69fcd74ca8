"""The READMEs: what they tell people to type exists, and works."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
import cv2
import numpy as np
import pytest

from fanlight.result import REASONS
from tools.cli import fanlight

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh-CN.md")
SHOWN = (
    *READMES,
    "CONTRIBUTING.md",
    *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
)
SAMPLES = ROOT / "tools" / "digits" / "samples"

_BLOCK = re.compile(r"^ *```console\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:\.venv/bin/)?(?:fanlight|make) [^`]+)`")


def commands(page: str) -> set[str]:
    """Every `fanlight` and `make` command of a page, in transcripts and in running text."""
    text = (ROOT / page).read_text("utf-8")
    typed = [
        line.strip().removeprefix("$ ")
        for block in _BLOCK.findall(text)
        for line in block.splitlines()
        if line.strip().startswith("$ ")
    ]
    return {line.removeprefix(".venv/bin/") for line in [*typed, *_INLINE.findall(text)]}


def words(program: str) -> Iterator[list[str]]:
    """The arguments of each command of `program` on any page, as a shell would give them."""
    for line in sorted({line for page in SHOWN for line in commands(page)}):
        first, *rest = shlex.split(re.split(r" [>|] ", line)[0])
        if first == program:
            yield [
                path
                for word in rest
                for path in (sorted(map(str, ROOT.glob(word))) if "*" in word else [word])
            ]


def fanlight_in(folder: Path, *arguments: str) -> str:
    """What the command prints when it is run in a folder; it has to succeed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FANLIGHT_", "FC_"))}
    done = subprocess.run(
        [sys.executable, "-m", "tools", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with the sample pictures, or with digits drawn here, and one file that is none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    if SAMPLES.is_dir():
        for path in SAMPLES.iterdir():
            if path.suffix != ".md":
                (folder / path.name).write_bytes(path.read_bytes())
    else:
        for digit in "127":
            page = np.full((120, 120), 255, np.uint8)
            cv2.putText(page, digit, (35, 90), cv2.FONT_HERSHEY_SIMPLEX, 3, 0, 8)
            cv2.imwrite(str(folder / f"{digit}.png"), page)
    (folder / "notes.txt").write_text("buy milk\n")
    return folder


def test_both_readmes_show_the_same_commands() -> None:
    """Readers of either language are told to type the same."""
    english, chinese = map(commands, READMES)

    assert len(english) > 10
    assert english == chinese


def test_both_readmes_have_the_same_code_and_figures() -> None:
    """Examples agree to the letter, and so do the figures for accuracy."""
    english, chinese = ((ROOT / readme).read_text("utf-8") for readme in READMES)

    for pattern in (r"^ *```(?:console|python|json|yaml)\n.*?^ *```", r"\d+\.\d+%", r"^\| `(\w+)`"):
        found = re.findall(pattern, english, re.MULTILINE | re.DOTALL)
        assert found
        assert found == re.findall(pattern, chinese, re.MULTILINE | re.DOTALL)


def test_every_make_target_shown_exists() -> None:
    """A target that a page names is in the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

    shown = {arguments[0] for arguments in words("make")}

    assert shown
    assert shown <= targets


def test_every_fanlight_command_shown_parses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command shown has the subcommands, options and arguments that the program knows."""
    (tmp_path / "events").symlink_to(ROOT / "events")
    for name in ("fabrics.tflite", "fabrics.txt", "letter.json"):  # a reader's own
        (tmp_path / name).touch()
    (tmp_path / "FOLDER").mkdir()
    monkeypatch.chdir(tmp_path)
    shown = list(words("fanlight"))

    assert shown
    for arguments in shown:
        command: click.Command = fanlight
        rest = list(arguments) if len(arguments) > 1 else [*arguments, "--help"]  # a mention
        context = click.Context(fanlight)
        while isinstance(command, click.Group) and rest[0] != "--help":
            found = command.get_command(context, rest.pop(0))
            assert found is not None, arguments
            command = found
        # --help ends with Exit; running text may leave out what a command is about.
        with suppress(click.exceptions.Exit, click.MissingParameter):
            command.make_context("fanlight", rest).close()


@pytest.mark.parametrize("readme", READMES)
def test_every_reason_is_explained(readme: str) -> None:
    """The table of reasons has a line for each code a rejected result can have."""
    text = (ROOT / readme).read_text("utf-8")

    assert [code for code in REASONS if f"| `{code}` |" not in text] == []


def test_the_commands_for_a_folder_work(photos: Path) -> None:
    """Run, run again, status and results do what the README shows, in a folder of its own."""
    count = len(list(photos.iterdir()))

    first = fanlight_in(photos.parent, "run", "photos/", "--model", "digits")
    second = fanlight_in(photos.parent, "run", "photos/", "--model", "digits")
    status = fanlight_in(photos.parent, "status", "photos/")
    lines = fanlight_in(photos.parent, "results", "photos-results/", "--to", "jsonl").splitlines()

    documents = {document["source"]["key"]: document for document in map(json.loads, lines)}
    assert f"{count - 1} classified, 1 rejected" in first
    assert f"{count} unchanged" in second
    assert f"{count} images; run would work on 0" in status
    assert sorted(documents) == sorted(path.name for path in photos.iterdir())
    assert documents["notes.txt"]["reason"]["code"] == "not_an_image"


def test_an_event_can_be_replayed(photos: Path) -> None:
    """Without a running cloud, the sample event ends with a classified picture."""
    arguments = ["replay", str(ROOT / "events" / "put.json")]
    if not SAMPLES.is_dir():
        arguments += ["--image", str(photos / "7.png")]

    told = fanlight_in(photos.parent, *arguments)

    assert "classified input/digits/7-00000.png  7 " in told
