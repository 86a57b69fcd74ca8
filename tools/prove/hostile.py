"""Every file of a folder through what a function does with an upload, each in a process of its own.

usage: python -m tools.prove.hostile [FOLDER] [--model NAME]

Without FOLDER: the test images in Pillow's source distribution, some thousand crashing, cut short,
oversized and odd files. Each must end as a valid result, within 5 s and 1 GB. Exit code 1 if not.
"""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fanlight import result
from fanlight.answer import Answerer, Choices
from fanlight.digest import sha256_of
from fanlight.errors import ConfigError, FanlightError
from fanlight.model import Model
from fanlight.result import Source
from tools.models import find_model
from tools.published.wheels import cache_folder

SECONDS, MEGABYTES = 5.0, 1024.0
"""What one file may cost."""

PILLOW = "12.3.0"
PILLOW_SHA256 = "3b8182a766685eaa002637e28b4ec8d6b18819a0c71f579bf0dbaa5830297cce"

Answer = Callable[[bytes], dict[str, Any]]
"""An object's bytes -> its result document."""


@dataclass(frozen=True)
class Verdict:
    """What became of one file. `problem` is empty when it is as promised."""

    name: str
    outcome: str
    seconds: float
    megabytes: float
    problem: str


def judge(files: Iterable[Path], answer: Answer) -> Iterator[Verdict]:
    """Each file in a child forked for it, so that what one does to its process ends there."""
    for file in files:
        read, write = os.pipe()
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            _child(file, answer, write)
        os.close(write)
        killed, megabytes = _wait(child, began + SECONDS)
        seconds = time.monotonic() - began
        with os.fdopen(read, "rb") as said:
            outcome = said.read().decode("utf-8", "replace")
        yield Verdict(file.name, outcome, seconds, megabytes,
                      _problem(outcome, megabytes, killed=killed))  # fmt: skip


def _child(file: Path, answer: Answer, write: int) -> None:
    """Answer, say how it ended, and leave without any of the parent's clean-up."""
    try:
        document = answer(file.read_bytes())
        reason = document.get("reason", {}).get("code", "")
        outcome = f"{document['status']} {reason}".strip() if valid(document) else "no valid result"
    except BaseException as error:  # noqa: BLE001 - whatever it is, the parent is to tell of it
        outcome = f"raised {type(error).__name__}: {error}"
    os.write(write, outcome.encode("utf-8", "replace")[:1000])
    os._exit(0)


def valid(document: dict[str, Any]) -> bool:
    """Whether a document is a result that would be read back."""
    return result.from_bytes(json.dumps(document).encode()) is not None


def _wait(child: int, until: float) -> tuple[bool, float]:
    """Whether it had to be killed for its time, and the most memory it held, in MB."""
    killed = False
    while True:
        ended, _, usage = os.wait4(child, os.WNOHANG)
        if ended:
            # The kernel counts in kilobytes, but for macOS, which counts in bytes.
            return killed, usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
        if time.monotonic() > until and not killed:
            os.kill(child, signal.SIGKILL)
            killed = True
        time.sleep(0.001)


def _problem(outcome: str, megabytes: float, *, killed: bool) -> str:
    if killed:
        return f"not done after {SECONDS:g} s"
    if megabytes > MEGABYTES:
        return f"{megabytes:.0f} MB"
    if not outcome:
        return "its process ended"
    return "" if outcome.startswith(("classified", "rejected")) else outcome


def pillow_images(folder: Path) -> Path:
    """Pillow's test images below `folder`, from the cache or the package index."""
    kept = cache_folder() / f"pillow-{PILLOW}.tar.gz"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                       "--no-binary", "pillow", "--dest", scratch, f"pillow=={PILLOW}"]  # fmt: skip
            ran = subprocess.run(command, check=False, capture_output=True, text=True)
            if ran.returncode:
                said = (ran.stderr.strip().splitlines() or ["nothing"])[-1]
                raise ConfigError(f"Pillow's sources cannot be fetched; pip said: {said}")
            (found,) = Path(scratch).glob("*.tar.gz")
            found.replace(kept)
    if sha256_of(kept) != PILLOW_SHA256:
        raise FanlightError(f"{kept} is not the published file; remove it")
    with tarfile.open(kept) as archive:
        members = [m for m in archive.getmembers() if "/Tests/images/" in m.name and m.isfile()]
        archive.extractall(folder, members=members, filter="data")
    return folder


def answerer(name: str) -> Answer:
    """What the function does with an object's bytes, with the model `name`."""
    answer = Answerer(Model.load(find_model(name), threads=1), Choices())

    def bytes_to_document(data: bytes) -> dict[str, Any]:
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest().upper()
        return answer(Source("b", "k", "v", etag, len(data)), data)

    return bytes_to_document


def told(verdicts: list[Verdict]) -> str:
    """The table: how each ended, the costliest, and every file that broke the promise."""
    counts = Counter(verdict.outcome for verdict in verdicts if not verdict.problem)
    slowest = max(verdicts, key=lambda verdict: verdict.seconds)
    largest = max(verdicts, key=lambda verdict: verdict.megabytes)
    lines = [f"{len(verdicts):,} files"]
    lines += [f"{count:6,}  {outcome}" for outcome, count in counts.most_common()]
    lines += [
        f"slowest  {slowest.seconds:.2f} s  {slowest.name}",
        f"largest  {largest.megabytes:.0f} MB  {largest.name}",
    ]
    broken = [verdict for verdict in verdicts if verdict.problem]
    lines += [f"BROKEN  {verdict.name}: {verdict.problem}" for verdict in broken]
    return "\n".join([*lines, f"{len(broken)} broke the promise"])


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.prove.hostile",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", nargs="?", type=Path, help="[default: Pillow's test images]")
    parser.add_argument("--model", default="digits", help="a bundle's folder or name (digits)")
    chosen = parser.parse_args(arguments)
    answer = answerer(chosen.model)
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.folder or pillow_images(Path(scratch))
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        if not files:
            parser.error(f"there is no file in {folder}")
        verdicts = list(judge(files, answer))
    print(told(verdicts))
    return 1 if any(verdict.problem for verdict in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
