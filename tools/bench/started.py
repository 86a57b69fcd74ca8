"""Starts a command whose time and memory are to be known; see spent.py."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fanlight.errors import FanlightError
from tools.bench.cloud import FUNCTIONS

_SPENT = Path(__file__).with_name("spent.py")
_PATIENCE = 900.0
"""Seconds for one process."""


def spent(command: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """Run a command through spent.py; what that prints. FanlightError when it does not end."""
    path = os.pathsep.join([str(FUNCTIONS.parent), str(FUNCTIONS)])
    with subprocess.Popen([sys.executable, str(_SPENT), *command], stdout=subprocess.PIPE,
                          env={**os.environ, "PYTHONPATH": path, **environment},
                          start_new_session=True) as process:  # fmt: skip
        try:
            said, _ = process.communicate(timeout=_PATIENCE)
        except BaseException as error:  # Ctrl-C too: what was started is not to go on
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise FanlightError(f"{command[:4]} did not end in {_PATIENCE:.0f} s") from None
            raise
    told: dict[str, Any] = json.loads(said)
    return told
