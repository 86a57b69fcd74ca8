"""Fuzzing guided by coverage: inputs that reach new code are kept and changed further.

usage: python -m tools.prove.fuzz [--seconds N] [TARGET...]

Targets: events, failures, images, zips (all). Each runs in a process of its own, from the project's
samples, for N seconds, and may take 5 s and 1 GB for an input. What breaks a promise is kept under
build/fuzz/TARGET/. Exit code 1 if anything did. Needs the prove extra: atheris, for Python 3.12 and
3.13 on Linux.
"""

import argparse
import math
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tools.extras import installing
from tools.prove.targets import TARGETS

FOLDER = Path("build/fuzz")
SECONDS, MEGABYTES = 5, 1024
"""What one input may cost."""

_ROUND = 100_000
"""Inputs for one process: under the fuzzer it grows by 2 to 3 KB an image, whichever it is."""

_STATE = re.compile(r"#(\d+)\s+\S+\s+(?:.*\bcov: \d+ )?(?:.*\bft: (\d+))?(?:.*\bcorp: (\d+))?")
"""Of libFuzzer's lines: executions, features, inputs in the corpus. Source: its documentation."""

_INSIDE = """
import sys
import atheris
with atheris.instrument_imports(include=["fanlight", "PIL", "zipfile", "tools.prove.targets"]):
    from PIL import Image
    from tools.prove.targets import TARGETS
    Image.init()  # its readers would be imported later, and not be instrumented
atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]].once)
atheris.Fuzz()
"""
"""The instrumented process. Native code has no counters: only its crashes and costs are seen."""


@dataclass(frozen=True)
class Run:
    """What became of one target. `crashes`: the inputs that broke a promise."""

    target: str
    executions: int
    features: int
    corpus: int
    crashes: tuple[Path, ...]
    log: Path
    ended_well: bool


_SMALL = ("/bin/sh", "-c", '"$@"; exit $?', "sh")
"""Starts a command from a small process: Linux counts towards a process's peak what its parent held
when it was started, and libFuzzer would take that for the target's. Source: getrusage(2)."""


def fuzz(target: str, seconds: int, folder: Path) -> Run:
    """Run one target for so long; its corpus below `folder` grows from run to run."""
    corpus = folder / target / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    before = _kept(folder / target)
    log, words = folder / target / "log.txt", folder / target / "words.txt"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in TARGETS[target].words), "ascii")
    until, done, code = time.monotonic() + seconds, 0, 0
    features = inputs = 0
    with tempfile.TemporaryDirectory() as scratch:
        for number, seed in enumerate(TARGETS[target].seeds()):
            Path(scratch, str(number)).write_bytes(seed)
        while code == 0 and (left := math.ceil(until - time.monotonic())) > 0:
            command = [
                *_SMALL, sys.executable, "-c", _INSIDE, target,
                f"-max_total_time={left}", f"-runs={_ROUND}",
                f"-timeout={SECONDS}", f"-rss_limit_mb={MEGABYTES}",
                f"-max_len={TARGETS[target].longest}", f"-dict={words}",
                f"-artifact_prefix={folder / target}/", str(corpus), scratch,
            ]  # fmt: skip
            with log.open("wb") as said:
                code = subprocess.run(command, stdout=said, stderr=said, check=False).returncode
            executions, features, inputs = counted(log.read_text("utf-8", "replace"))
            done += executions
    crashes = tuple(sorted(_kept(folder / target) - before))
    return Run(target, done, features, inputs, crashes, log, code == 0)


def counted(log: str) -> tuple[int, int, int]:
    """Executions, features and inputs in the corpus, from the last lines that tell them."""
    counts = [0, 0, 0]
    for line in log.splitlines():
        if found := _STATE.match(line):
            counts = [int(new or old) for new, old in zip(found.groups(), counts, strict=True)]
    return counts[0], counts[1], counts[2]


def told(run: Run) -> str:
    """A line of figures, and one for each input that broke a promise."""
    lines = [
        f"{run.target:9} {run.executions:>9,} executions {run.features:>6,} features "
        f"{run.corpus:>5,} inputs kept {len(run.crashes):>2} crashes"
    ]
    lines += [f"BROKEN  python -m tools.prove.targets {run.target} {f}" for f in run.crashes]
    if not run.ended_well:
        lines.append(f"BROKEN  see {run.log}")
    return "\n".join(lines)


def _escaped(word: bytes) -> str:
    """As libFuzzer's dictionaries spell bytes."""
    return "".join(f"\\x{byte:02x}" for byte in word)


def _kept(folder: Path) -> set[Path]:
    kinds = ("crash-*", "timeout-*", "oom-*", "leak-*")
    return {path for kind in kinds for path in folder.glob(kind)}


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.prove.fuzz",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"[default: {[*TARGETS]}]")
    parser.add_argument("--seconds", type=int, default=180, help="for each target (180)")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.targets) - set(TARGETS):
        parser.error(
            f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}"
        )
    if find_spec("atheris") is None:
        parser.error(f"atheris is not installed: {installing('prove')} (Python 3.12, 3.13)")
    well = True
    for target in chosen.targets or TARGETS:
        run = fuzz(target, chosen.seconds, FOLDER)
        print(told(run), flush=True)
        well = well and run.ended_well and not run.crashes
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
