"""What it gives to have OSS make pictures smaller, over a slow link."""

import socket
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from fanlight.answer import Answerer, Choices
from fanlight.errors import FanlightError
from fanlight.model import Model
from fanlight.preprocess import min_side
from fanlight.result import Source
from fanlight.retry import Retry
from fanlight.store_oss import Credentials, OssStore
from fanlight.store_resized import ResizedStore
from tools.bench.cloud import BUCKET, KEYS, REGION, OssProcess
from tools.bench.machine import this_machine
from tools.bench.report import Comparison, Report, Row
from tools.bench.stats import alternating, ratios

MEGABITS = (10, 50)
COLUMNS = ("fetch", "answer", "total")
_PIECE = 16 * 1024
_PATIENCE = 60.0

Progress = Callable[[], None]


class SlowLink:
    """Passes connections on to an endpoint; what comes back has `megabits` a second to share.

    Only bandwidth is limited: nothing is added to the time of a round trip.
    """

    def __init__(self, url: str, megabits: float) -> None:
        found = urlsplit(url)
        self._to = (found.hostname or "127.0.0.1", found.port or 80)
        self._rate = megabits * 1e6 / 8
        self._lock, self._free = threading.Lock(), 0.0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> "SlowLink":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(self._to)
                for pair in ((near, far, 0.0), (far, near, self._rate)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, rate: float) -> None:
        with suppress(OSError):  # either side has gone
            while piece := source.recv(_PIECE):
                if rate:
                    self._wait(len(piece) / rate)
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)

    def _wait(self, seconds: float) -> None:
        """Until the line has carried what it was given, this included."""
        with self._lock:
            self._free = max(self._free, time.perf_counter()) + seconds
            until = self._free
        time.sleep(max(0.0, until - time.perf_counter()))


@dataclass(frozen=True)
class Taken:
    """Of one picture: seconds by column, bytes that came, and its best label."""

    seconds: Mapping[str, float]
    bytes: int
    label: str


class Line:
    """One way of getting pictures, and a model that looks at them."""

    def __init__(self, store: OssStore, answerer: Answerer) -> None:
        self._store, self._answerer = store, answerer

    def __call__(self, key: str) -> Taken:
        """FanlightError for a picture that is not classified."""
        began = time.perf_counter()
        found = self._store.get(key, self._answerer.limits.max_bytes)
        fetched = time.perf_counter()
        if found is None or found.data is None:
            raise FanlightError(f"{key} is not there, or too large")
        meta = found.meta
        source = Source(self._store.name, meta.key, meta.version, meta.etag, meta.size)
        document = self._answerer(source, found.data)
        ended = time.perf_counter()
        if document["status"] != "classified":
            raise FanlightError(f"{key} was rejected: {document['reason']['message']}")
        seconds = {"fetch": fetched - began, "answer": ended - fetched, "total": ended - began}
        return Taken(seconds, len(found.data), document["predictions"][0]["label"])


def lines(url: str, model: Model) -> dict[str, Line]:
    """Over the endpoint at `url`: as stored, and resized."""

    def store(kind: Callable[..., OssStore], **more: int) -> OssStore:
        return kind(
            BUCKET, endpoint=url, region=REGION, retry=Retry.lasting(_PATIENCE),
            credentials=Credentials(
                KEYS.access_key_id, KEYS.access_key_secret, KEYS.security_token
            ), **more,
        )  # fmt: skip

    side = min_side(model.bundle.input)
    return {
        "as stored": Line(store(OssStore), Answerer(model, Choices())),
        "resized": Line(store(ResizedStore, side=side), Answerer(model, Choices(oss_resize=True))),
    }


def resize(
    cloud: OssProcess, model: Model, pictures: Mapping[str, bytes], rounds: int, progress: Progress
) -> Report:
    """Every picture over each link, both ways by turns; a first one that connects is not counted.

    ValueError without a picture.
    """
    if not pictures:
        raise ValueError("there is no picture to send")
    for key, data in pictures.items():
        cloud.bucket().put_object(key, data)
    time.sleep(1)  # see store_resized: what is a second old is not waited for
    rows, comparisons, agreed = [], [], ""
    for megabits in MEGABITS:
        with SlowLink(cloud.url, megabits) as link:
            found = lines(link.url, model)
            taken: dict[str, list[Taken]] = {way: [] for way in found}
            for line in found.values():
                line(next(iter(pictures)))
            for _ in range(rounds):
                for key in pictures:
                    for way in alternating(list(found), 1):
                        taken[way].append(found[way](key))
                        progress()
        rows += [
            Row(f"{megabits} Mbit/s, {way}",
                {column: [one.seconds[column] for one in several] for column in COLUMNS})
            for way, several in taken.items()
        ]  # fmt: skip
        comparisons.append(Comparison(
            f"as stored / resized, {megabits} Mbit/s",
            ratios(*([one.seconds["total"] for one in several] for several in taken.values())),
        ))  # fmt: skip
        agreed = agreement(list(taken.values()), len(pictures))
    return Report("resize", this_machine(), ("link", *COLUMNS), rows, comparisons,
                  notes=(agreed, _NOTE))  # fmt: skip


def agreement(ways: Sequence[Sequence[Taken]], pictures: int) -> str:
    """A line on bytes and labels of the first round; `ways`: as stored, and resized."""
    pairs = list(zip(*ways, strict=True))[:pictures]
    equal = sum(a.label == b.label for a, b in pairs)
    sizes = (
        statistics.median(one.bytes for one in several) for several in zip(*pairs, strict=True)
    )
    whole, smaller = (f"{size / 1e3:,.0f} KB" for size in sizes)
    return f"{equal} of {len(pairs)} labels are the same; a picture is {whole}, resized {smaller}"


_NOTE = (
    "The endpoint here resizes on this machine, in place of OSS; fetch has the time of it. "
    "OSS bills image processing beside the request."
)
