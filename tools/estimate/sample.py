"""A short measurement of the real function, here, on some of the images it is to work on.

The function runs as the local cloud runs it, in instances that are processes of their own, beside
an OSS endpoint in another one. An event's time is the handler's, without what this machine's
platform takes to hand it over and to freeze the instance again; that is told beside it.
"""

import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from fanlight.errors import FanlightError
from tools.bench.cloud import BUCKET, KEYS, REGION, OssProcess
from tools.bench.machine import this_machine
from tools.bench.report import Report, Row
from tools.bench.stats import spread
from tools.estimate.measured import SAMPLE
from tools.events import oss_event
from tools.localcloud.instance import Answer, Instance, default_python
from tools.template import Function, from_source, project_template, read_template

UNIT = "milliseconds, and megabytes"
COLUMNS = ("event", "processor", "between", "cold start", "peak MB", "log MB", "keys")

STARTS = 3
"""Cold starts of each instance that are measured, after one that is not."""
SECONDS = 3.0
"""Of events, at least, and every image once."""
_MEMORY_MB = 32768
"""The platform's most: what an image takes is to be seen, not forbidden."""
_WARM_UP = 2
"""Events of an instance that are not counted, after its first."""


@dataclass(frozen=True)
class Picture:
    """An image's bytes, and how its name ends."""

    ending: str
    data: bytes


@dataclass
class _Told:
    """What the function prints: how long it took for each key, and how many bytes it logs."""

    ms: list[float] = field(default_factory=list)
    logged: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, _function: str, line: str) -> None:
        """See `tools.localcloud.instance.OnLine`."""
        try:
            entry = json.loads(line)
        except ValueError:
            entry = {}
        with self.lock:
            self.logged += len(line) + 1
            if isinstance(entry, dict) and entry.get("message") == "key":
                self.ms.append(float(entry["ms"]))


class Watched(Instance):
    """An instance that tells what it has taken of processors and of memory."""

    def processor(self) -> float | None:
        """Seconds of processors since it began, its ended children's too; None without a /proc.

        It stands still between requests. Source: proc(5), fields 14 to 17 of stat.
        """
        try:
            stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

    def peak(self) -> float | None:
        """Bytes of memory at the most so far; None without a /proc."""
        self._usage.exceeded()
        return self._usage.peak_mb * 1024**2 or None


@dataclass
class _Site:
    """Where it is measured: a function, an endpoint, and names that were not used before."""

    function: Function
    cloud: OssProcess
    told: _Told
    pictures: Sequence[Picture]
    keys: int
    used: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> Watched:
        """A new instance, not initialized yet."""
        extra = {"FC_REGION": REGION, "FC_ACCOUNT_ID": "0"}
        return Watched(self.function, extra, default_python(), self.told)

    def events(self, count: int) -> list[bytes]:
        """So many events of `keys` new images each; images take turns."""
        bucket = self.cloud.bucket()
        made = []
        for _ in range(count):
            records = []
            for _ in range(self.keys):
                with self.lock:
                    number, self.used = self.used, self.used + 1
                picture = self.pictures[number % len(self.pictures)]
                key = f"input/{number:06}{picture.ending}"
                bucket.put_object(key, picture.data)
                records += oss_event(BUCKET, key)["events"]
            made.append(json.dumps({"events": records}).encode())
        return made


def measure(
    pictures: Sequence[Picture], bundle: Path, *, instances: int = 1, keys: int = 1,
    seconds: float = SECONDS,
) -> Report:  # fmt: skip
    """Cold starts and warm events of so many instances at a time, with `keys` images an event.

    FanlightError when the function fails. What an image is refused for is a result.
    """
    with OssProcess() as cloud, ThreadPoolExecutor(instances) as pool, ExitStack() as stack:
        template = from_source(read_template(project_template()))
        function = next(one for one in template.functions if one.triggers)
        settings = cloud.settings(bundle)
        names = {name: value for name, value in settings.items() if name.startswith("FANLIGHT_")}
        function = replace(function, triggers=(), memory_mb=_MEMORY_MB, environment=names)
        site = _Site(function, cloud, _Told(), pictures, keys)
        cold: list[float] = []
        warm: list[Watched] = []
        for number in range(STARTS + 1):
            for instance in warm:
                instance.kill()
            began = list(pool.map(partial(_begun, site, stack), range(instances)))
            warm = [instance for instance, _ in began]
            cold += [took for _, took in began] if number else []
        return _report(site, pool, warm, cold, seconds)


def _begun(site: _Site, stack: ExitStack, _number: int) -> tuple[Watched, float]:
    """A new instance, and the seconds to its first answer less those of its second."""
    first, second = site.events(2)
    began = time.perf_counter()
    instance = site.start()
    stack.callback(instance.kill)
    _asked(instance, first)
    cold = time.perf_counter()
    _asked(instance, second)
    return instance, max(1e-6, cold - began - (time.perf_counter() - cold))


def _asked(instance: Watched, event: bytes) -> None:
    answer: Answer = instance.invoke("sample", event, KEYS)
    if not answer.ok:
        raise FanlightError(f"the function failed on a sample of the images: {answer.payload}")


def _report(
    site: _Site, pool: ThreadPoolExecutor, warm: Sequence[Watched], cold: list[float],
    seconds: float,
) -> Report:  # fmt: skip
    """Measure the warm events, and put all of it into a report."""
    for _ in range(_WARM_UP):
        list(pool.map(_asked, warm, site.events(len(warm))))
    before = [instance.processor() for instance in warm]
    site.told.ms.clear()
    logged = site.told.logged
    walls: list[float] = []
    least = -(-len(site.pictures) // site.keys)
    while len(walls) < least or sum(walls) < seconds * len(warm):
        events = iter(site.events(max(len(warm) * 8, least)))
        for took in pool.map(lambda one, events=events: _serve(one, events, site.lock), warm):
            walls += took
    spent = [(instance.processor() or 0.0) - (began or 0.0)
             for instance, began in zip(warm, before, strict=True)]  # fmt: skip
    between = max(1e-6, spread(walls).median - spread(site.told.ms).median / 1000)
    if site.keys > 1:  # keys of one event overlap: their times do not add up to the event's
        between = 1e-6
    events_ms = [1000 * max(1e-6, wall - between) for wall in walls]
    share = sum(spent) / (sum(events_ms) / 1000) if before[0] is not None else 1.0
    peaks = [peak for instance in warm if (peak := instance.peak())]
    columns = {
        "event": events_ms,
        "processor": [share * one for one in events_ms],
        "between": [1000 * between],
        "cold start": [1000 * one for one in cold],
        **({"peak MB": [peak / 1e6 for peak in peaks]} if peaks else {}),
        "log MB": [(site.told.logged - logged) / len(walls) / 1e6],
        "keys": [float(site.keys)],
    }
    name = (f"{len(site.pictures)} images, {len(warm)} instance{'s' * (len(warm) > 1)} at a time, "
            f"{site.keys} an event")  # fmt: skip
    return Report(SAMPLE, this_machine(), COLUMNS, [Row(name, columns)], unit=UNIT, times=1)


def _serve(instance: Watched, events: Iterator[bytes], lock: threading.Lock) -> list[float]:
    """One instance's events, one after the other, and the seconds of each."""
    took: list[float] = []
    while True:
        with lock:
            event = next(events, None)
        if event is None:
            return took
        began = time.perf_counter()
        _asked(instance, event)
        took.append(time.perf_counter() - began)
