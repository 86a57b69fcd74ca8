"""Where the time of one picture goes: the stages of the function, one after the other.

The function's own store, model and answer do the work; the clock is read where one stage ends and
the next begins, so that nothing between them is lost. The requests that ask whether there is work
are not in it: see warm.py for them.
"""

import time
from collections.abc import Callable, Sequence

from fanlight import backends
from fanlight.answer import Answerer, Choices
from fanlight.backends import Backend, Tensor
from fanlight.bundle import Bundle
from fanlight.config import Limits
from fanlight.cores import cores
from fanlight.document import to_bytes
from fanlight.errors import FanlightError
from fanlight.image import Header, Pixels
from fanlight.model import Model
from fanlight.result import Source
from fanlight.retry import Retry
from fanlight.store_oss import Credentials, OssStore
from tools.bench.cloud import BUCKET, KEYS, REGION, OssProcess
from tools.bench.function import Subject
from tools.bench.machine import this_machine
from tools.bench.report import Report, Row
from tools.bench.stats import alternating

STAGES = ("download", "decode", "preprocess", "infer", "serialise", "upload")
COLUMNS = (*STAGES, "total")
_PATIENCE = 30.0

Progress = Callable[[], None]


class _Watched:
    """A back end that notes when it was last begun and done."""

    def __init__(self, backend: Backend) -> None:
        self.input_shape = backend.input_shape
        self.began = self.done = 0.0
        self._backend = backend

    def run(self, tensor: Tensor) -> dict[str, Tensor]:
        """See `Backend.run`."""
        self.began = time.perf_counter()
        outputs = self._backend.run(tensor)
        self.done = time.perf_counter()
        return outputs


class Line:
    """A model, and a store to bring pictures from and results to, in stages."""

    def __init__(self, bundle: Bundle, store: OssStore) -> None:
        threads = cores()  # as many as Model.load gives it
        loaded = backends.load(bundle.format, bundle.folder / bundle.file, threads)
        self._backend, self._store, self._decoded = _Watched(loaded), store, 0.0
        self._model = Model(bundle, self._backend)
        self._answerer = Answerer(self._model, Choices()).decoding(self._decode)

    def _decode(self, data: bytes, limits: Limits) -> tuple[Header, Pixels]:
        header, pixels = self._model.decode(data, limits)
        self._decoded = time.perf_counter()
        return header, pixels

    def __call__(self, key: str) -> dict[str, float]:
        """Seconds of each stage for one picture. FanlightError unless it gets a new result."""
        target = f"output/{key}.json"
        began = time.perf_counter()
        found = self._store.get(key, self._answerer.limits.max_bytes)
        fetched = time.perf_counter()
        if found is None:
            raise FanlightError(f"{key} is not there")
        meta = found.meta
        source = Source(self._store.name, meta.key, meta.version, meta.etag, meta.size)
        document = self._answerer(source, found.data)
        data = to_bytes(document)
        written = time.perf_counter()
        new = self._store.put(target, data, if_absent=True)
        ended = time.perf_counter()
        if document["status"] != "classified" or not new:
            raise FanlightError(f"{key} was to get a new result, and was {document['status']}")
        self._store.delete(target)
        return {
            "download": fetched - began, "decode": self._decoded - fetched,
            "preprocess": self._backend.began - self._decoded,
            "infer": self._backend.done - self._backend.began,
            "serialise": written - self._backend.done, "upload": ended - written,
            "total": ended - began,
        }  # fmt: skip


def stages(cloud: OssProcess, chosen: Sequence[Subject], rounds: int, progress: Progress) -> Report:
    """Every picture of each subject in turn; one more round before is not counted."""
    rows = []
    store = OssStore(
        BUCKET, endpoint=cloud.url, region=REGION, retry=Retry.lasting(_PATIENCE),
        credentials=Credentials(KEYS.access_key_id, KEYS.access_key_secret, KEYS.security_token),
    )  # fmt: skip
    for subject in chosen:
        bundle = Bundle.read(subject.bundle)
        line = Line(bundle, store)
        for name, data in subject.pictures.items():
            store.put(name, data, if_absent=False)
        taken: dict[str, list[dict[str, float]]] = {name: [] for name in subject.pictures}
        for name in alternating(list(subject.pictures), rounds + 1):
            taken[name].append(line(name))
            progress()
        for name, samples in taken.items():
            seconds = {column: [one[column] for one in samples[1:]] for column in COLUMNS}
            rows.append(Row(f"{bundle.name}, {name}", seconds))
    return Report("stages", this_machine(), COLUMNS, rows, notes=_NOTES)


_NOTES = (
    "serialise: from the network's answer to the bytes of the result. total: without the two "
    "requests that ask for an older result and whether the picture has changed.",
)
