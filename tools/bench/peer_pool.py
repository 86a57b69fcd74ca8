"""The plain loop on every core: multiprocessing.Pool, a model in each process.

usage: python -m tools.bench.peer_pool BUNDLE SOURCE OUT
"""

import multiprocessing
import os

from tools.bench.peer_work import Task, Work, task

_CHUNK = 32
"""Images a process takes at a time: as many as ours."""

_works: list[Work] = []


def main() -> None:
    """Let the pool do them in any order."""
    chosen = task()
    with multiprocessing.Pool(os.cpu_count(), _start, (chosen,)) as pool:
        for _ in pool.imap_unordered(_one, chosen.paths(), _CHUNK):
            pass


def _start(chosen: Task) -> None:
    _works.append(Work(chosen, threads=1))


def _one(path: str) -> None:
    _works[0](path)


if __name__ == "__main__":
    main()
