"""Pictures into what a frozen network makes of them, many views each."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import numpy.typing as npt

from fanlight import backends
from fanlight.backends import Backend
from fanlight.cores import cores
from fanlight.preprocess import to_tensor
from tools.training.parallel import Progress, in_parallel
from tools.training.pictures import Pictures
from tools.training.views import view

Floats = npt.NDArray[np.float32]

OUTPUT = "embedding"
_ROWS = 20_000
"""Changed views of all pictures together, about: more would take long."""
_MOST, _LEAST = 8, 2
"""Changed views of one picture."""

READERS = 8
"""Threads that read and decode: a bucket answers more slowly than a network computes."""


def views_for(pictures: int) -> int:
    """Changed views a picture: 8, fewer where there are so many that it would take long."""
    return max(_LEAST, min(_MOST, _ROWS // pictures))


class Embedder:
    """A frozen network on each core.

    A picture's views follow from the seed and its content, so neither the order of the pictures
    nor the number of threads changes anything.
    """

    def __init__(self, pictures: Pictures, file: Path, *, views: int, seed: int) -> None:
        """`file`: a LiteRT network with the output `embedding`, for the input of `pictures`."""
        self._pictures, self._views, self._seed = pictures, views, seed
        self._networks: SimpleQueue[Backend] = SimpleQueue()
        for _ in range(cores()):
            self._networks.put(backends.load("litert", file, threads=1))

    def embed(self, names: Sequence[str], progress: Progress) -> Floats:
        """len(names) x (1 + views) x dimensions: each as the function sees it, then its views."""
        with ThreadPoolExecutor(READERS) as pool:
            return np.stack(list(in_parallel(pool, self._one, names, progress)))

    def _one(self, name: str) -> Floats:
        data = self._pictures.data(name)
        pixels, spec = self._pictures.pixels(data), self._pictures.spec
        random = np.random.default_rng([self._seed, int(hashlib.sha256(data).hexdigest(), 16)])
        seen = [pixels, *(view(pixels, spec, random) for _ in range(self._views))]
        tensors = [to_tensor(each, spec) for each in seen]
        network = self._networks.get()
        try:
            return np.stack([network.run(tensor)[OUTPUT] for tensor in tensors])
        finally:
            self._networks.put(network)
