"""One event, one picture, a warm function: against the least that the same picture can take.

The bound is what nobody can leave out: the picture decoded and looked at by the network, and four
requests to OSS, sent bare with oss2: ask for the result, get the picture, write the result, look
whether the picture is still the same. Both run in this process, in turns, and both store results.
The event comes once more while its result is there, as duplicates do.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import oss2

from fanlight import backends
from fanlight.bundle import Bundle
from fanlight.config import Limits
from fanlight.cores import cores
from fanlight.image import decode, read_header
from fanlight.preprocess import min_side, to_tensor
from tools.bench.cloud import OssProcess
from tools.bench.function import PRODUCTS, Subject, warm_function
from tools.bench.machine import this_machine
from tools.bench.report import Comparison, Report, Row
from tools.bench.stats import ratios

PARTS = ("round trips", "decode", "preprocess", "inference")
COLUMNS = (*PARTS, "total")
PROCESSOR = "processor"
"""Of the handler's time, that of processors, of all its threads; the rest it waits."""
WANTED = 1.15
BEFORE = 5
"""Turns that are not counted."""

Progress = Callable[[], None]


class Bare:
    """The bound for one picture that lies under `key`; its results go under `target`."""

    def __init__(self, bundle: Bundle, bucket: oss2.Bucket, key: str, target: str) -> None:
        self._bundle, self._bucket, self._key, self._target = bundle, bucket, key, target
        threads = cores()  # as many as Model.load gives it
        self._backend = backends.load(bundle.format, bundle.folder / bundle.file, threads)
        self._header = read_header(bucket.get_object(key).read(), Limits())

    def __call__(self, document: bytes) -> dict[str, float]:
        """Do it once, with `document` for a result: seconds of each part and in all."""
        clock, bucket = time.perf_counter, self._bucket
        began = clock()
        with suppress(oss2.exceptions.NoSuchKey):
            bucket.get_object(self._target)
        data = bucket.get_object(self._key).read()
        fetched = clock()
        pixels = decode(data, self._header, min_side(self._bundle.input))
        decoded = clock()
        tensor = to_tensor(pixels, self._bundle.input)
        prepared = clock()
        self._backend.run(tensor)
        answered = clock()
        bucket.put_object(self._target, document, headers={"x-oss-forbid-overwrite": "true"})
        bucket.head_object(self._key)
        ended = clock()
        return {
            "round trips": fetched - began + ended - answered, "decode": decoded - fetched,
            "preprocess": prepared - decoded, "inference": answered - prepared,
            "total": ended - began,
        }  # fmt: skip


def warm(cloud: OssProcess, chosen: Sequence[Subject], rounds: int, progress: Progress) -> Report:
    """The handler and the bound in turns, for the first picture of each subject."""
    rows, made = [], []
    for subject in chosen:
        bundle = Bundle.read(subject.bundle)
        name, data = next(iter(subject.pictures.items()))
        handler, processor, again, bare = _in_turns(cloud, bundle, f"input/{name}", data, rounds)
        what = f"{bundle.name}, {name}"
        rows.append(Row(f"{what}: handler", {"total": handler, PROCESSOR: processor}))
        rows.append(Row(f"{what}: handler, unchanged", {"total": again}))
        rows.append(Row(f"{what}: bound", {part: [one[part] for one in bare] for part in COLUMNS}))
        shares = ratios(handler, rows[-1].seconds["total"])
        wanted = WANTED if bundle.name == PRODUCTS else None
        made.append(Comparison(f"{what}: handler by bound", shares, at_most=wanted))
        progress()
    return Report("warm", this_machine(), (*COLUMNS, PROCESSOR), rows, made, notes=_NOTES)


_NOTES = (
    "bound: the picture decoded, prepared and looked at, and the same four requests with oss2.",
)


def _in_turns(
    cloud: OssProcess, bundle: Bundle, key: str, data: bytes, rounds: int
) -> tuple[list[float], list[float], list[float], list[dict[str, float]]]:
    """Seconds of the handler, of processors in them, of a duplicate, and of the bound's parts."""
    bucket = cloud.bucket()
    bucket.put_object(key, data)
    target, own = f"output/{key.removeprefix('input/')}.json", "bound.json"
    bare = Bare(bundle, bucket, key, own)
    handler, processor, again, bound = [], [], [], []
    with warm_function(cloud, bundle.folder, key) as handle:
        for number in range(BEFORE + rounds):
            spent, began = time.process_time(), time.perf_counter()
            handle()
            ended, spent = time.perf_counter(), time.process_time() - spent
            handle("unchanged")
            repeated = time.perf_counter()
            parts = bare(bucket.get_object(target).read())
            for written in (target, own):  # so that both find no result the next time
                bucket.delete_object(written)
            if number >= BEFORE:
                handler.append(ended - began)
                processor.append(spent)
                again.append(repeated - ended)
                bound.append(parts)
    return handler, processor, again, bound
