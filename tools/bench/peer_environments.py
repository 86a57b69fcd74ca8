"""An environment for each peer, with its library pinned and the model's libraries as ours."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from fanlight.errors import FanlightError

PINS = {
    "powertools": ("aws-lambda-powertools==3.37.0",),
    "ray": ("ray[data]==2.60.0", "filelock==4.3.1", "fsspec==2026.9.0", "msgpack==1.2.4",
            "pandas==3.1.1", "pyarrow==26.0.1", "tzdata==2026.6"),
}  # fmt: skip
"""What constraints.txt does not name. Tried on Python 3.12."""

_SHARED = ("ai-edge-litert", "numpy", "opencv-python-headless", "Pillow")
_CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"
_STAMP = "installed.txt"


def environment(name: str, folder: Path) -> Path:
    """The Python of a peer's environment in `folder`, made if it is not there as it should be.

    FanlightError when its packages cannot be installed.
    """
    home = folder / name
    python, stamp = home / "bin" / "python", home / _STAMP
    wanted = "\n".join([sys.version, *PINS[name], _CONSTRAINTS.read_text("utf-8")])
    if not stamp.exists() or stamp.read_text("utf-8") != wanted:
        shutil.rmtree(home, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(home)])
        _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
              "-c", str(_CONSTRAINTS), *PINS[name], *_SHARED])  # fmt: skip
        stamp.write_text(wanted, "utf-8")
    return python


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise FanlightError(f"{Path(command[0]).name} {' '.join(command[1:4])} said: {said}")
