"""The judge of hostile files, on files and functions made to break each promise."""

import io
import os
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fanlight.result import Source
from tests.fakes import answer_as
from tools.prove import hostile
from tools.prove.hostile import Verdict, judge, told

ROOT = Path(__file__).parents[2]


def png(width: int, height: int) -> bytes:
    """A header that says so, and hardly any data behind it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))


def jpeg() -> bytes:
    out = io.BytesIO()
    Image.effect_noise((200, 200), 80).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def test_hostile_files_are_results(tmp_path: Path) -> None:
    """Empty, not an image, cut short, or with a size that lies: each a result with its reason."""
    files = {
        "empty": b"",
        "script": b"#!/bin/sh\nrm -rf /\n",
        "cut": jpeg()[:2000],
        "bomb": png(60_000, 60_000),
        "hollow": png(2_000, 2_000),
        # Pillow would make room for the 4 GB this says of its first picture.
        "gif": b"GIF87a\x20\0\x20\0\0\0\0!\xf9\4\x01\0\0\x48\0!\xf9\4\x3d\0\0\xff\0,"
        + b"\0" * 4
        + b"\xff" * 4
        + b"\0" * 80,
        "liar": b"RIFF\xff\xff\xff\xffWEBPVP8X" + b"\xff" * 30,
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)

    # In a process without this one's threads: those of other tests must not be forked.
    ran = subprocess.run([sys.executable, "-m", "tools.prove.hostile", tmp_path], cwd=ROOT,
                         capture_output=True, text=True, check=False)  # fmt: skip

    lines = ran.stdout.splitlines()
    assert (ran.returncode, lines[0], lines[-1]) == (0, "7 files", "0 broke the promise")
    assert sorted(lines[1:-3]) == [
        "     1  rejected empty",
        "     1  rejected not_an_image",
        "     2  rejected corrupt",
        "     3  rejected too_many_pixels",
    ]


def document() -> dict[str, Any]:
    return dict(answer_as("m")(Source("b", "k", "v", "e", 1), b"x"))


def hang(_data: bytes) -> dict[str, Any]:
    time.sleep(60)
    return document()


def swallow(_data: bytes) -> dict[str, Any]:
    kept = bytearray(os.urandom(1) * 300_000_000)
    assert kept
    return document()


def crash(_data: bytes) -> dict[str, Any]:
    os._exit(9)


def fault(_data: bytes) -> dict[str, Any]:
    raise MemoryError("no more")


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # the fakes take no lock
@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (hang, "not done after 0.3 s"),
        (swallow, " MB"),
        (crash, "its process ended"),
        (fault, "raised MemoryError: no more"),
        (lambda _data: {"status": "classified"}, "no valid result"),
    ],
)
def test_each_broken_promise_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[bytes], dict[str, Any]],
    problem: str,
) -> None:
    """Too slow, too large, a crash, an error and half a result are each a problem of their file."""
    monkeypatch.setattr(hostile, "SECONDS", 0.3 if answer is hang else 5.0)
    monkeypatch.setattr(hostile, "MEGABYTES", 256.0 if answer is swallow else 4096.0)
    (tmp_path / "upload").write_bytes(b"x")

    (verdict,) = judge([tmp_path / "upload"], answer)

    assert problem in verdict.problem


def test_the_table_names_what_broke() -> None:
    """Counts by outcome, the costliest, and every file that broke the promise."""
    verdicts = [
        Verdict("a.png", "classified", 0.1, 90, ""),
        Verdict("b.png", "rejected corrupt", 0.2, 80, ""),
        Verdict("c.png", "", 5.0, 70, "not done after 5 s"),
    ]

    assert told(verdicts) == (
        "3 files\n     1  classified\n     1  rejected corrupt\n"
        "slowest  5.00 s  c.png\nlargest  90 MB  a.png\n"
        "BROKEN  c.png: not done after 5 s\n1 broke the promise"
    )
