"""What a command takes: its time, its processors' time, its peak memory. Standard library only.

usage: python spent.py COMMAND...    the last line it prints is a JSON object

The command is started from here, a process that has loaded next to nothing: Linux counts towards a
process's peak what its parent held when it was started. The peak is that of the largest one of the
command and the processes it waited for, not their sum. Source: getrusage(2), ru_maxrss.
"""

import json
import os
import subprocess
import sys
import time


def main() -> None:
    """Run it, its output captured."""
    began = time.perf_counter()
    child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert child.stdout is not None  # noqa: S101 - for the type checker
    said = child.stdout.read().decode(errors="replace")
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    unit = 1 if sys.platform == "darwin" else 1024
    print(json.dumps({
        "code": os.waitstatus_to_exitcode(status), "said": said, "seconds": seconds,
        "processors": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss * unit,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
