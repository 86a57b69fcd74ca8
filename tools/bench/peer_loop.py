"""A plain loop over the files: nothing between it and the model.

usage: python -m tools.bench.peer_loop BUNDLE SOURCE OUT    one process, the network on all cores
"""

import os

from tools.bench.peer_work import Work, task


def main() -> None:
    """Do one image after the other."""
    chosen = task()
    work = Work(chosen, os.cpu_count() or 1)
    for path in chosen.paths():
        work(path)


if __name__ == "__main__":
    main()
