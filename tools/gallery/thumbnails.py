"""Small pictures of images, made in parallel and given in order.

Uploads are hostile: they are decoded within the classifier's limits, in children that may crash or
hang, and what reaches the page has been encoded anew.
"""

import io
import os
import signal
import sys
import threading
from base64 import b64encode
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import cv2
import numpy as np
from PIL import Image

from fanlight import image
from fanlight.apart import Apart
from fanlight.budget import Budget, Share
from fanlight.config import Limits
from fanlight.cores import cores
from fanlight.errors import ConfigError, FanlightError, Rejected
from fanlight.image import Decode, Header, Pixels, read_header, too_many_bytes
from fanlight.preprocess import on_white
from fanlight.reconcile import THREADS
from fanlight.store import Meta, Object
from tools.places import Side

SIDE = 240
"""Pixels of the longer side: a card is 150 to 200 wide, on screens of twice the density."""

_QUALITY, _METHOD = 70, 2
"""Of libwebp, whose methods, 0 to 6, trade time for size."""

_ICON = 64
"""Pixels. What is smaller is shown enlarged, each pixel a square."""

_MOST_BYTES = 256 * 1024
"""Of a thumbnail: a child that has gone wrong may answer anything."""

_SECONDS = 20.0
"""For one image."""

_LOOK = 0.1
"""Seconds of waiting at a time for a decoder that is given up."""

_AHEAD = 4 * THREADS
"""Images begun before the first of them has been given."""


@dataclass(frozen=True)
class Wanted:
    """An image: its key, and the version that its result speaks of if that stands in `bucket`."""

    key: str
    bucket: str = ""
    version: str = ""


@dataclass(frozen=True)
class Thumbnail:
    """A WebP as base64, or why there is none: a code, for programs, and a message.

    `small`: it is as large as the image, and neither is more than an icon. `changed`: the object is
    not the one any more that its result speaks of.
    """

    webp: str = ""
    code: str = ""
    message: str = ""
    small: bool = False
    changed: bool = False


def thumbnails(
    wanted: Iterable[Wanted | Thumbnail], images: Side, decode: Decode | None = None
) -> Generator[Thumbnail, None, None]:
    """One for each that is wanted, in order; a Thumbnail among them is given back as it is.

    Of what is wanted, `_AHEAD` are taken at most before the first is given. Closed early, it waits
    neither for decoding nor for reading, which may be repeated for minutes. ConfigError when the
    images' store refuses; what is wrong with one image, or with its decoding, is in its Thumbnail.
    `decode`: as `shrunk`, which is the default.
    """
    with ExitStack() as stack:
        decoders = stack.enter_context(_decoders(cores(), decode or shrunk))
        maker = _Maker(images, decoders, Limits(), Budget(), threading.Event())
        pool = ThreadPoolExecutor(THREADS)
        stack.callback(maker.stop)
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        begun: deque[Future[Thumbnail]] = deque()
        for one in wanted:
            begun.append(pool.submit(maker, one))
            if len(begun) >= _AHEAD:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()


@contextmanager
def _decoders(count: int, decode: Decode) -> Iterator["_Decoders"]:
    """Children to decode in, one for each core; without Linux this process, which may crash.

    They are started before there are threads: a fork takes over the locks that others hold.
    """
    decoders = _Decoders(count, [], SimpleQueue())
    with ExitStack() as stack:
        for _ in range(count):
            decoder: Decode = decode
            if sys.platform == "linux":
                child = stack.enter_context(closing(_Child(decode, lambda: _SECONDS)))
                child(_dot(), Limits())
                decoders.children.append(child)
                decoder = child
            decoders.free.put(decoder)
        yield decoders


class _Child(Apart):
    def interrupt(self) -> None:
        """End what another thread has decoded now, if anything: there it is DecoderEnded."""
        child = self._child
        if child:
            with suppress(ProcessLookupError):
                os.kill(child.process, signal.SIGKILL)


@dataclass(frozen=True)
class _Decoders:
    count: int
    children: list[_Child]
    free: "SimpleQueue[Decode]"


@dataclass(frozen=True)
class _Maker:
    images: Side
    decoders: _Decoders
    limits: Limits
    budget: Budget
    stopped: threading.Event

    def __call__(self, one: Wanted | Thumbnail) -> Thumbnail:
        if isinstance(one, Thumbnail):
            return one
        if self.images.place.relative(one.key) is None:
            return Thumbnail(code="elsewhere", message=f"it is not under {self.images.place}")
        try:
            with self.budget.share() as share:
                return self._made(one, self._read(one, share))
        except ConfigError:
            raise
        except Rejected as reason:
            return Thumbnail(code=reason.code, message=reason.message)
        except FanlightError as error:
            return Thumbnail(code="unread", message=str(error))
        except Exception as error:  # noqa: BLE001 - one image must not end an export
            return Thumbnail(code="unread", message=f"{type(error).__name__}: {error}")

    def stop(self) -> None:
        """Decode no more, give up what is decoded now, and wait until that is so."""
        self.stopped.set()
        given_back: list[Decode] = []
        while len(given_back) < self.decoders.count:
            for child in self.decoders.children:
                child.interrupt()
            with suppress(Empty):
                given_back.append(self.decoders.free.get(timeout=_LOOK))
        for decoder in given_back:  # for threads that are to see that they are not to decode
            self.decoders.free.put(decoder)

    def _read(self, one: Wanted, share: Share) -> Object | None:
        def taken(meta: Meta) -> bool:
            share.take(meta.size)
            return True

        return self.images.store.get(one.key, self.limits.max_bytes, taken)

    def _made(self, one: Wanted, found: Object | None) -> Thumbnail:
        if found is None:
            return Thumbnail(code="gone", message="there is no such object any more")
        if found.data is None:
            raise too_many_bytes(found.meta.size, self.limits)
        decoder = self.decoders.free.get()
        try:
            if self.stopped.is_set():
                return Thumbnail(code="unread", message="nobody waits for it")
            header, webp = decoder(found.data, self.limits)
        finally:
            self.decoders.free.put(decoder)
        if webp.size > _MOST_BYTES:
            return Thumbnail(code="unread", message="the decoder process gave no thumbnail")
        changed = one.bucket == self.images.store.name and one.version != found.meta.version
        small = max(header.width, header.height) <= _ICON
        return Thumbnail(b64encode(webp.tobytes()).decode(), small=small, changed=changed)


def shrunk(data: bytes, limits: Limits) -> tuple[Header, Pixels]:
    """A `Decode` whose pixels are not: they are the bytes of a WebP, `SIDE` at its longer side.

    The image is decoded as it is for the model: upright, what is transparent on white. A JPEG is
    decoded at the smallest scale that leaves twice the size.
    """
    header = read_header(data, limits)
    short, long = sorted((header.width, header.height))
    pixels = on_white(image.decode(data, header, max(1, round(2 * SIDE * short / long))))
    height, width = pixels.shape[:2]
    if (scale := SIDE / max(width, height)) < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    webp = io.BytesIO()
    Image.fromarray(pixels).save(webp, "WEBP", quality=_QUALITY, method=_METHOD)
    return header, np.frombuffer(webp.getvalue(), np.uint8)


def _dot() -> bytes:
    """A picture that any decoder gets done."""
    return cv2.imencode(".png", np.zeros((1, 1), np.uint8))[1].tobytes()
