"""Ray Data: the files as a dataset, batches of them to actors that hold a model each.

usage: python -m tools.bench.peer_ray BUNDLE SOURCE OUT
"""

import os
import tempfile
from typing import Any

import ray

from tools.bench.peer_work import Task, Work, task

_BATCH = 32
"""Images an actor takes at a time: as many as ours."""


class Classifier:
    """An actor's state and its work."""

    def __init__(self, chosen: Task) -> None:
        self._work = Work(chosen, threads=1)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Classify a batch and write the results; gives back the names alone."""
        for path in batch["item"]:
            self._work(str(path))
        return batch


def main() -> None:
    """Run the dataset to its end."""
    chosen, cores = task(), os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as scratch:
        ray.init(num_cpus=cores, include_dashboard=False, logging_level="error", _temp_dir=scratch)
        # The actors read the files: with all cores taken by them, none would be left for readers.
        paths = ray.data.from_items(chosen.paths(), override_num_blocks=4 * cores)
        done = paths.map_batches(
            Classifier, fn_constructor_args=(chosen,), batch_size=_BATCH, num_cpus=1,
            compute=ray.data.ActorPoolStrategy(size=cores),
        )  # fmt: skip
        print(f"{done.materialize().count()} done")
        ray.shutdown()


if __name__ == "__main__":
    main()
