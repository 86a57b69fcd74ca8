"""Two Ray nodes on this machine, one of them killed half-way: every result is there, and true.

usage: python -m tools.prove.cluster [IMAGES]

The cluster and the local engine get the same number of processes and the same pictures, and their
results are compared byte by byte. A machine shared by two nodes is no faster than without them: the
throughput shows what the cluster costs, and what a lost node does.
"""

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from fanlight.answer import Choices
from fanlight.folder_names import TEMPORARY
from tools import engine, engine_ray
from tools.engine import Job
from tools.extras import need_ray
from tools.models import MODELS
from tools.places import Access
from tools.samples import FOLDER

IMAGES, PROCESSES = 2000, 2
_MEMORY = 80 << 20
"""Bytes of each node's object store: the model is all that is in it."""


def fill(folder: Path, count: int) -> list[str]:
    """Write digits, each of them many times; their names."""
    folder.mkdir()
    samples = [path.read_bytes() for path in sorted(FOLDER.glob("[0-9]-*.png"))]
    names = [f"{number:06d}.png" for number in range(count)]
    for number, name in enumerate(names):
        (folder / name).write_bytes(samples[number % len(samples)])
    return names


def told(name: str, outcomes: Iterable[dict[str, Any]], count: int) -> bool:
    """Say how long it took and what became of the keys; whether each was done once."""
    began = time.perf_counter()
    first, keys, became = 0.0, set(), Counter[str]()
    for outcome in outcomes:
        first = first or time.perf_counter() - began
        keys.add(outcome["key"])
        became[outcome["outcome"]] += 1
    seconds = time.perf_counter() - began
    print(
        f"{name}: {seconds:.1f} s, {count / seconds:,.0f} images a second; {first:.1f} s until the "
        f"first result, {(count - 1) / (seconds - first):,.0f} a second from then on; "
        + ", ".join(f"{number:,} {what}" for what, number in sorted(became.items()))
    )
    return len(keys) == became.total() == count and not became["failed"]


def documents(folder: Path) -> dict[str, bytes]:
    """Every result by its name; what was ended in the middle of a write has left none."""
    files = (path for path in folder.iterdir() if not path.name.startswith(TEMPORARY))
    return {path.name: path.read_bytes() for path in files}


def main() -> int:
    """0 if every result is there and is what the local engine writes."""
    need_ray()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    count = int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        keys = fill(folder / "in", count)
        node = {"num_cpus": 1, "object_store_memory": _MEMORY}
        cluster = Cluster(initialize_head=True, head_node_args={"include_dashboard": False, **node})
        stack.callback(cluster.shutdown)
        other = cluster.add_node(**node)
        job = Job(str(folder / "in"), "", MODELS / "digits", Choices(), Access())

        def half(outcomes: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
            for number, outcome in enumerate(outcomes):
                if number == count // 2:
                    cluster.remove_node(other, allow_graceful=False)
                yield outcome

        def out(name: str) -> Job:
            return replace(job, out=str(folder / name))

        print(f"{count:,} images, model digits, {PROCESSES} processes each")
        local = told("local", engine.run(out("local"), keys, PROCESSES), count)
        on_ray = engine_ray.run(out("ray"), keys, cluster.address, None)
        whole = told("ray", on_ray, count)
        on_ray = engine_ray.run(out("killed"), keys, cluster.address, None)
        killed = told("ray, a node killed half-way", half(on_ray), count)
        expected = documents(folder / "local")
        same = all(documents(folder / name) == expected for name in ("ray", "killed"))
    good = local and whole and killed and same and len(expected) == count
    print("every result is there, and the same" if good else "RESULTS DIFFER OR ARE MISSING")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
