"""What is fuzzed: functions that take any bytes and raise only where a promise is broken.

usage: python -m tools.prove.targets TARGET FILE...

Runs a target once on each file, as a crash that the fuzzer kept is looked at again.
"""

import io
import json
import sys
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from fanlight import event
from fanlight.bundle import Bundle, Input
from fanlight.config import Config, Limits
from fanlight.document import to_bytes
from fanlight.errors import ConfigError, EventError, KeyRefused, Rejected
from fanlight.failure import letters
from fanlight.image import decode, read_header
from fanlight.place import result_key
from fanlight.preprocess import min_side, to_tensor
from fanlight.unzip import unpack
from tools.models import MODELS
from tools.samples import pictures

EVENTS = Path(__file__).parents[2] / "events"
LIMITS = Limits(max_pixels=16_000_000)
"""A quarter of what a function accepts by default, whose worst case is known to pass 1 GB."""

_SETTINGS_BYTES = 4096
"""All variables of a function together: a limit of the platform."""

_SETTINGS = {
    "FANLIGHT_INPUT": "oss://fanlight-demo/input/digits/",
    "FANLIGHT_OUTPUT": "oss://fanlight-demo/output/digits/",
    "FANLIGHT_MODEL": "oss://fanlight-demo/models/m.zip#sha256=" + "0" * 64,
    "FC_REGION": "cn-hangzhou",
}


@dataclass(frozen=True)
class Target:
    """`once` takes any bytes; it returns, or raises what nobody promised. `seeds` start a run."""

    once: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    longest: int
    """Bytes of the longest input that is tried."""
    words: tuple[bytes, ...] = ()
    """What chance would seldom put together, and a format knows."""


def events(data: bytes) -> None:
    """Settings as `NAME=value` lines, an empty line, an event; else an event and usual settings."""
    settings, found, body = data.partition(b"\n\n")
    environ, place = dict(_SETTINGS), None
    if found and len(settings) < _SETTINGS_BYTES:
        lines = settings.decode("utf-8", "surrogateescape").replace("\0", "").splitlines()
        environ |= {line.partition("=")[0]: line.partition("=")[2] for line in lines}
    try:
        config = Config.from_environ(environ)
    except ConfigError:
        config = Config.from_environ(_SETTINGS)
    place = config.input
    try:
        records = tuple(event.parse(body if found else data))
    except EventError as error:
        records = error.records
    for record in records:
        event.why_ignored(record, place)
        relative = place.relative(record.key)
        if relative is not None:
            with suppress(KeyRefused):
                result_key(relative, config.output).encode()


def images(data: bytes) -> None:
    """An upload, as far as the network's door."""
    with suppress(Rejected):
        header = read_header(data, LIMITS)
        pixels = decode(data, header, min_side(_digits()))
        if pixels.dtype != np.uint8 or pixels.size > 4 * LIMITS.max_pixels:
            raise AssertionError(f"{header} became {pixels.dtype} {pixels.shape}")
        tensor = to_tensor(pixels, _digits())
        if not np.isfinite(tensor).all():
            raise AssertionError(f"{header} became a tensor that is not finite")


def zips(data: bytes) -> None:
    """A bundle's zip: unpacked whole in its folder, or refused, and nothing outside."""
    with tempfile.TemporaryDirectory() as scratch:
        archive, folder = Path(scratch, "model.zip"), Path(scratch, "model")
        archive.write_bytes(data)
        try:
            unpack(archive, folder)
        except ConfigError:
            expected = {archive}
        else:
            expected = {archive, folder}
        if (found := set(Path(scratch).iterdir())) != expected:
            raise AssertionError(f"{sorted(found)} is there instead of {sorted(expected)}")


def failures(data: bytes) -> None:
    """What the platform sends of an invocation that failed: one letter at least, that is JSON."""
    found = letters(data)
    if not found:
        raise AssertionError("the failure is lost: there is no letter")
    for letter in found:
        json.loads(to_bytes(letter))


@cache
def _digits() -> Input:
    return Bundle.read(MODELS / "digits").input


def _event_files() -> list[bytes]:
    return [path.read_bytes() for path in sorted(EVENTS.glob("*.json"))]


def _events() -> list[bytes]:
    settings = "".join(f"{name}={value}\n" for name, value in _SETTINGS.items()).encode()
    deep = b"[" * 10_000
    return [*_event_files(), deep, *(settings + b"\n" + data for data in _event_files()[-3:])]


def _images() -> list[bytes]:
    """The smallest samples, and small pictures in every format, grey, coloured, deep and turned."""
    samples = sorted((path.read_bytes() for path in pictures()), key=len)[:12]
    page = np.full((24, 20), 240, np.uint8)
    cv2.line(page, (10, 4), (10, 20), 20, 3)
    colour = cv2.cvtColor(page, cv2.COLOR_GRAY2BGRA)
    made = [
        bytes(cv2.imencode(extension, picture, parameters)[1])
        for extension in (".png", ".jpg", ".webp", ".bmp", ".tiff", ".gif")
        for picture in (page, colour[..., :3], colour)
        for parameters in ([], _progressive(extension))
    ]
    deep = page.astype(np.uint16) << 8
    made += [bytes(cv2.imencode(extension, deep)[1]) for extension in (".png", ".tiff")]
    return list(dict.fromkeys(samples + made))


def _progressive(extension: str) -> list[int]:
    return [cv2.IMWRITE_JPEG_PROGRESSIVE, 1] if extension == ".jpg" else []


def _zips() -> list[bytes]:
    return [
        _zipped({"model.json": b"{}", "labels.txt": b"a\nb\n", "sub/model.tflite": b"x" * 200}, how)
        for how in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    ] + [_zipped({"../out": b"x", "/abs": b"y"}, zipfile.ZIP_STORED), _zipped({}, 0)]


def _zipped(entries: dict[str, bytes], how: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(name), data, how)
    return out.getvalue()


def _failures() -> list[bytes]:
    """Each sample event under a failure that names its keys, and one that names none."""
    unfinished = {"counts": {"failed": 1}, "failed": [{"key": "input/digits/a.png", "error": "x"}]}
    answers = [
        {"errorType": "Unfinished", "errorMessage": json.dumps(unfinished)},
        {"errorType": "FunctionTimedOut", "errorMessage": "timed out after 60 seconds"},
    ]
    context = {"requestId": "1-62f9-abc", "functionArn": "acs:fc:cn-hangzhou:1:functions/classify",
               "condition": "RetriesExhausted", "approximateInvokeCount": 4}  # fmt: skip
    return [
        json.dumps(
            {
                "requestContext": context,
                "requestPayload": data.decode("utf-8", "replace"),
                "responsePayload": answer,
            }
        ).encode()
        for data in _event_files()
        for answer in answers
    ]


_JSON = (
    b"\\ud800",
    b"\\u0000",
    b"1e999",
    b"NaN",
    b"-1",
    b"null",
    b"[" * 60,
    b"{}",
    b"%2F",
    b"..",
)
_MARKS = (
    b"Exif\0\0",
    b"IDAT",
    b"IEND",
    b"acTL",
    b"VP8X",
    b"ALPH",
    b"\xff\xda",
    b"\xff\xc2",
    b"\xff\xff",
)
_NAMES = (b"../", b"/", b"\\", b"\0", b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6", b"\xff" * 8)

TARGETS = {
    "events": Target(events, _events, 16384, _JSON),
    "failures": Target(failures, _failures, 16384, _JSON),
    "images": Target(images, _images, 16384, _MARKS),
    "zips": Target(zips, _zips, 8192, _NAMES),
}


def main(arguments: list[str]) -> int:
    """Run from the command line."""
    if len(arguments) < 2 or arguments[0] not in TARGETS:
        print(__doc__)
        return 2
    for name in arguments[1:]:
        TARGETS[arguments[0]].once(Path(name).read_bytes())
        print(f"{name}: as promised")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
