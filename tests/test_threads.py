"""Threads that libraries start on their own."""

import subprocess
import sys

import pytest

from tools.template import SOURCE

_COUNT = """
import os, sys
sys.path.insert(0, sys.argv[1])
import fanlight, numpy, cv2
print(len(os.listdir("/proc/self/task")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts them in /proc")
def test_numpy_and_opencv_start_no_threads() -> None:
    """Those of OpenBLAS would wait busily in the middle of a cold start."""
    run = subprocess.run([sys.executable, "-c", _COUNT, str(SOURCE)], env={}, capture_output=True,
                         text=True, check=True)  # fmt: skip

    assert run.stdout == "1\n"
