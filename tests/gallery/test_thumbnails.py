"""Thumbnails: what the model saw, small, and a reason where there is none."""

import faulthandler
import io
import os
import signal
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from fanlight.config import Limits
from fanlight.errors import ConfigError
from fanlight.image import Header, Pixels
from fanlight.place import Place
from fanlight.store import Meta, Object, always
from fanlight.store import Wanted as Ask
from fanlight.store_folder import FolderStore
from tests.gallery.documents import picture
from tools.gallery.thumbnails import SIDE, Thumbnail, Wanted, shrunk, thumbnails
from tools.places import Access, Side

CRASH = b"crash"


def made(folder: Path, *keys: str) -> list[Thumbnail]:
    """Thumbnails of files, none of which has another version than wanted."""
    side = Side.images(str(folder), Access())
    return list(thumbnails([Wanted(key) for key in keys], side))


def opened(thumbnail: Thumbnail) -> Image.Image:
    """It, decoded by another library than made the pixels."""
    return Image.open(io.BytesIO(b64decode(thumbnail.webp)), formats=["WEBP"])


def crashing(data: bytes, limits: Limits) -> tuple[Header, Pixels]:
    """A decoder that ends its process when it meets a certain picture."""
    if data.endswith(CRASH):
        faulthandler.disable()  # pytest's own would fill the log with a crash that is wanted
        os.kill(os.getpid(), signal.SIGSEGV)
    return shrunk(data, limits)


@pytest.mark.parametrize(
    ("size", "small"),
    [((300, 200), (240, 160)), ((30, 20), (30, 20)), ((5000, 3), (240, 1)), ((2, 900), (1, 240))],
)
def test_a_thumbnail_fits_and_is_never_enlarged(
    tmp_path: Path, size: tuple[int, int], small: tuple[int, int]
) -> None:
    """The longer side has `SIDE` pixels at most, and none has less than one."""
    picture(tmp_path, "a.png", *size)

    (thumbnail,) = made(tmp_path, "a.png")

    assert max(small) <= SIDE
    assert opened(thumbnail).size == small
    assert thumbnail.small == (max(size) <= 64)


def test_a_photograph_is_turned_as_the_model_sees_it(tmp_path: Path) -> None:
    """A JPEG that is to be turned by 90 degrees has its top where a person has it."""
    pixels = np.zeros((400, 800, 3), np.uint8)
    pixels[:, :400] = 255  # stored: white at the left; turned clockwise: white at the top
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif)

    (thumbnail,) = made(tmp_path, "a.jpg")

    shown = np.asarray(opened(thumbnail).convert("L"))
    assert shown.shape == (240, 120)
    assert shown[:110].min() > 240
    assert shown[130:].max() < 15


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    """As the model gets it: the black that nobody sees does not come out."""
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((100, 100, 4), np.uint8))

    (thumbnail,) = made(tmp_path, "a.png")

    assert np.asarray(opened(thumbnail).convert("L")).min() > 250


def test_none_of_the_upload_is_in_it(tmp_path: Path) -> None:
    """What a camera or an attacker wrote beside the picture stays where it is."""
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    Image.new("RGB", (64, 64)).save(tmp_path / "a.jpg", exif=exif)
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes() + b"<script>")

    (thumbnail,) = made(tmp_path, "a.jpg")

    assert b"where I live" in (tmp_path / "a.jpg").read_bytes()
    assert b"where I live" not in b64decode(thumbnail.webp)
    assert b"<script>" not in b64decode(thumbnail.webp)
    assert not opened(thumbnail).getexif()


def test_each_has_its_place_or_its_reason(tmp_path: Path) -> None:
    """Thumbnails come in order; a picture that cannot be shown says why and costs no other."""
    picture(tmp_path, "a.png")
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "cut.png").write_bytes(picture(tmp_path, "b.png").read_bytes()[:60])
    keys = ["a.png", "gone.png", "text.png", "cut.png", "../a.png", "", "\ud800", "b.png"] * 10

    found = made(tmp_path, *keys)

    codes = ["", "gone", "not_an_image", "corrupt", "unread", "elsewhere", "unread", ""]
    assert [one.code for one in found] == codes * 10
    assert [bool(one.webp) for one in found] == [not code for code in codes] * 10
    assert all(one.message for one in found if one.code)


def test_a_key_outside_of_the_prefix_is_not_read(tmp_path: Path) -> None:
    """A result may name any key of the bucket; only the images' prefix is looked into."""
    picture(tmp_path, "secret/a.png")
    store = FolderStore(tmp_path, escaped=False)

    (found,) = thumbnails([Wanted("secret/a.png")], Side(store, Place("b", "images/")))

    assert found == Thumbnail(code="elsewhere", message="it is not under oss://b/images/")


def test_what_the_classifier_would_not_take_is_not_read(tmp_path: Path) -> None:
    """A file of any size may lie there: what is too large costs neither memory nor a decoder."""
    picture(tmp_path, "a.png")
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(Limits().max_bytes + 1)
    read: list[int] = []

    class Counting(FolderStore):
        def get(self, key: str, limit: int, wanted: Ask = always) -> Object | None:
            found = super().get(key, limit, wanted)
            read.append(len(found.data or b"") if found else 0)
            return found

    store = Counting(tmp_path, escaped=False)
    small, large = thumbnails(
        [Wanted("a.png"), Wanted("large.png")], Side(store, Place(store.name, ""))
    )

    assert small.webp
    assert (large.webp, large.code) == ("", "too_many_bytes")
    assert sorted(read) == [0, (tmp_path / "a.png").stat().st_size]


@pytest.mark.skipif(sys.platform != "linux", reason="decoders are apart on Linux only")
def test_a_decoder_that_gives_too_much_gives_nothing(tmp_path: Path) -> None:
    """One that an image has taken over may answer anything; a page is not filled by it."""

    def taken_over(data: bytes, limits: Limits) -> tuple[Header, Pixels]:
        header, pixels = shrunk(data, limits)
        return header, pixels if header.width == 1 else np.zeros(1 << 20, np.uint8)

    picture(tmp_path, "a.png")

    (found,) = thumbnails([Wanted("a.png")], Side.images(str(tmp_path), Access()), taken_over)

    assert found == Thumbnail(code="unread", message="the decoder process gave no thumbnail")


def test_another_version_is_told(tmp_path: Path) -> None:
    """The picture there now may not be the one that was classified."""
    picture(tmp_path, "a.png")
    side = Side.images(str(tmp_path), Access())
    meta = side.store.head("a.png")
    assert meta is not None
    name = side.store.name

    wanted = [Wanted("a.png", name, meta.version), Wanted("a.png", name, "older"),
              Wanted("a.png", "another bucket", "older")]  # fmt: skip

    assert [one.changed for one in thumbnails(wanted, side)] == [False, True, False]


@pytest.mark.skipif(sys.platform != "linux", reason="decoders are apart on Linux only")
def test_a_crash_costs_its_image_alone(tmp_path: Path) -> None:
    """A decoder that ends its process is replaced, and its image says so."""
    bad = picture(tmp_path, "bad.png")
    bad.write_bytes(bad.read_bytes() + CRASH)
    picture(tmp_path, "good.png")
    wanted = [Wanted(key) for key in ["good.png", "bad.png"] * 5]

    found = list(thumbnails(wanted, Side.images(str(tmp_path), Access()), crashing))

    assert [bool(one.webp) for one in found] == [True, False] * 5
    assert {one.message for one in found[1::2]} == {
        "the decoder process ended: signal 11 (SIGSEGV)"
    }


@pytest.mark.skipif(sys.platform != "linux", reason="decoders are processes of their own on Linux")
def test_who_stops_waits_for_no_decoder(tmp_path: Path) -> None:
    """Neither for those at work nor for the images that wait for one."""
    ended = tmp_path / "ended"
    ended.mkdir()

    def slow(data: bytes, limits: Limits) -> tuple[Header, Pixels]:
        header, pixels = shrunk(data, limits)
        if header.width > 1:
            time.sleep(2)
            (ended / f"{os.getpid()}-{time.monotonic_ns()}").touch()
        return header, pixels

    def wanted() -> Iterator[Wanted]:
        yield Wanted("dot.png")
        time.sleep(0.5)  # who asks for a decoder first need not get one first
        yield from [Wanted("slow.png")] * 40

    picture(tmp_path, "dot.png", 1, 1)
    picture(tmp_path, "slow.png", 30, 20)
    making = thumbnails(wanted(), Side.images(str(tmp_path), Access()), slow)
    first = next(making)
    before = set(ended.iterdir())
    making.close()

    assert first.webp
    assert set(ended.iterdir()) == before


def test_who_stops_waits_for_no_store(tmp_path: Path) -> None:
    """One that does not answer is asked again for minutes, and nobody wants to know any more."""
    restored, ended = threading.Event(), threading.Event()

    class Dead(FolderStore):
        def get(self, key: str, limit: int, wanted: Ask = always) -> Object | None:
            if key == "dead.png":
                restored.wait(5)
                ended.set()
            return super().get(key, limit, wanted)

    picture(tmp_path, "a.png")
    store = Dead(tmp_path, escaped=False)
    keys = ["a.png", *["dead.png"] * 40]
    making = thumbnails(map(Wanted, keys), Side(store, Place(store.name, "")))
    first = next(making)
    making.close()
    waited = ended.is_set()
    restored.set()

    assert first.webp
    assert not waited


def test_little_is_taken_ahead(tmp_path: Path) -> None:
    """However many are wanted, only so many are held as are being worked on."""
    taken = 0

    def endless() -> Iterator[Wanted]:
        nonlocal taken
        while True:
            taken += 1
            yield Wanted("gone.png")

    found = thumbnails(endless(), Side.images(str(tmp_path), Access()))
    for _ in range(100):
        next(found)
    found.close()

    assert 100 <= taken <= 200


class Refusing:
    """A store that does not let us in."""

    name = "b"

    def head(self, key: str) -> Meta | None:
        raise NotImplementedError

    def get(self, key: str, limit: int, wanted: Ask = always) -> Object | None:
        raise ConfigError("the role may not read the bucket")

    def put(self, key: str, data: bytes, *, if_absent: bool) -> bool:
        raise NotImplementedError

    def delete(self, key: str) -> None:
        raise NotImplementedError

    def list(self, prefix: str) -> Iterator[Meta]:
        raise NotImplementedError


def test_a_store_that_refuses_ends_it() -> None:
    """A page of ten thousand placeholders would hide that a permission is missing."""
    with pytest.raises(ConfigError, match="may not read"):
        list(thumbnails([Wanted("a.png")] * 3, Side(Refusing(), Place("b", ""))))
