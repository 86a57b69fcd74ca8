"""Dead letters: which images they name, and when they may go."""

from typing import Any

import pytest

from fanlight.document import to_bytes
from fanlight.place import MAX_KEY_BYTES, Place, result_key
from fanlight.result import Source
from fanlight.store import Meta
from tests.fakes import MemoryStore, answer_as
from tools.letters import LETTER_LIMIT, Letter, clear, letters, listed, named, parsed
from tools.places import Side
from tools.plan import Check

IMAGES, RESULTS = Place("pictures", "in/"), Place("answers", "out/")
FAILED = Place("answers", "failed/")


def letter(key: str | None, bucket: str = "pictures") -> dict[str, Any]:
    return {
        "schema": "fanlight.failure/1",
        "request_id": "r",
        "function": "f",
        "condition": "c",
        "attempts": 4,
        "source": None if key is None else {"bucket": bucket, "key": key},
        "suspected": True,
        "error": {"type": "OSError", "message": "broken\npipe"},
        "event": {},
    }


class World:
    """Images, results and dead letters in memory."""

    def __init__(self) -> None:
        self.pictures, self.answers = MemoryStore("pictures"), MemoryStore("answers")
        self.sides = Side(self.pictures, IMAGES), Side(self.answers, RESULTS)
        self.failed = Side(self.answers, FAILED)

    def image(self, name: str, *, done: bool) -> None:
        self.pictures.put(f"in/{name}", b"image", if_absent=False)
        meta = self.pictures.objects[f"in/{name}"].meta
        if done:
            source = Source("pictures", meta.key, meta.version, meta.etag, meta.size)
            document = to_bytes(answer_as("m")(source, b"7"))
            self.answers.put(result_key(name, RESULTS), document, if_absent=False)

    def file(self, name: str, document: dict[str, Any]) -> str:
        place = f"failed/2026-11-26/{name}.json"
        self.answers.put(place, to_bytes(document), if_absent=False)
        return place

    def left(self) -> list[str]:
        return [meta.key for meta in self.answers.list("failed/")]


@pytest.fixture
def world() -> World:
    """One image done, one not, and one gone; two letters about the first two, and others."""
    made = World()
    made.image("done.png", done=True)
    made.image("bad\x00.png", done=False)
    for name, key in (("1", "in/done.png"), ("2", "in/done.png"), ("3", "in/bad\x00.png"),
                      ("4", "in/bad\x00.png"), ("5", "in/gone.png"), ("6", None),
                      ("7", "else/a.png"), ("8", "in/\ud800.png"),
                      ("8x", "in/" + "x" * 2000)):  # fmt: skip
        made.file(name, letter(key))
    made.file("9", letter("in/done.png", bucket="another"))
    made.answers.put("failed/2026-11-26/note.json", b"[]", if_absent=False)
    made.answers.put("failed/readme.txt", b"", if_absent=False)
    return made


def test_every_image_that_letters_name_is_looked_at_once(world: World) -> None:
    """Those of this place, whatever their number of letters and whatever is in their keys."""
    found = list(named(*world.sides, world.failed))

    assert [(check.key, check.state) for check in found] == [
        ("in/bad\x00.png", "missing"),
        ("in/done.png", "classified"),
        ("in/gone.png", "gone"),
    ]


def test_letters_go_when_their_images_are_settled(world: World) -> None:
    """Both letters of the image that has its result; every other one stays, and is counted."""
    counts = clear(*world.sides, world.failed)

    assert counts == {"cleared": 2, "unsettled": 2, "gone": 1, "nameless": 1}
    assert world.left() == [
        *(f"failed/2026-11-26/{name}.json" for name in ("3", "4", "5", "6", "7", "8", "8x", "9")),
        "failed/2026-11-26/note.json",
        "failed/readme.txt",
    ]
    assert result_key("done.png", RESULTS) in world.answers.objects


def test_a_letter_may_spell_its_key_as_a_url() -> None:
    """It is about the image that the function took its event to be about, if that is there."""
    world = World()
    for name, done in (("a b.png", True), ("c+d.png", False), ("c d.png", True)):
        world.image(name, done=done)
    for name, key in (("1", "in/a%20b.png"), ("2", "in%2Fa+b.png"), ("3", "in/c+d.png"),
                      ("4", "in/e%20f.png"), ("5", "else%2Fa.png")):  # fmt: skip
        world.file(name, letter(key))

    found = list(named(*world.sides, world.failed))
    counts = clear(*world.sides, world.failed)

    assert sorted({(check.key, check.state) for check in found}) == [
        ("in/a b.png", "classified"), ("in/c+d.png", "missing"), ("in/e%20f.png", "gone"),
    ]  # fmt: skip
    assert counts == {"cleared": 2, "unsettled": 1, "gone": 1}
    assert [key[-6:] for key in world.left()] == ["3.json", "4.json", "5.json"]


def test_results_below_the_place_of_letters_are_not_read_as_such() -> None:
    """There may be a million of them."""
    world = World()
    world.image("done.png", done=True)
    place = world.file("1", letter("in/done.png"))
    above = Side(world.answers, Place("answers", ""))

    assert [meta.key for meta in listed(above, world.sides[1])] == [place]


class Replaced(MemoryStore):
    """A bucket in which an image is replaced, and fails, while its letters are looked at."""

    world: World

    def head(self, key: str) -> Meta | None:
        if "failed/2026-11-26/later.json" not in self.world.answers.objects:
            self.world.image("done.png", done=False)
            self.world.file("later", letter("in/done.png"))
        return super().head(key)


def test_a_failure_that_comes_meanwhile_keeps_its_letter(world: World) -> None:
    """A letter is deleted for what was seen after it was read, and by its own name."""
    late = Replaced("pictures")
    late.objects, late.writes, late.world = world.pictures.objects, world.pictures.writes, world
    world.pictures = late
    before = world.left()

    counts = clear(Side(late, IMAGES), world.sides[1], world.failed)

    assert counts == {"unsettled": 4, "gone": 1, "nameless": 1}
    assert set(before) < set(world.left())


def test_what_is_read_of_a_letter(world: World) -> None:
    """Its place, its image, the error and how often it was tried; what is no letter is none."""
    found = {one.place: one for one in letters(world.failed, world.sides[1])}

    assert found["failed/2026-11-26/1.json"] == Letter(
        "failed/2026-11-26/1.json", "pictures", "in/done.png", "OSError: broken\npipe", 4,
        suspected=True,
    )  # fmt: skip
    assert found["failed/2026-11-26/6.json"].key == ""
    assert len(found) == 10


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"[" * 100_000, b'{"schema": 1}', b"\xff",
                                  b'{"schema": "fanlight.failure/1", "source": 1, "error": 2}',
                                  to_bytes({**letter("a"), "attempts": "x"}),
                                  to_bytes({**letter("a"), "schema": "other"})])  # fmt: skip
def test_what_is_no_letter_is_passed_over(data: bytes) -> None:
    """Whatever stands under the place of dead letters, it ends nothing."""
    assert parsed("x", data).place == ""


def test_a_letter_may_hold_a_whole_event() -> None:
    """It has more bytes than a result, and counts all the same; beyond its own limit it is none."""
    world = World()
    world.image("done.png", done=True)
    own = letter("in/done.png")
    left = LETTER_LIMIT - len(to_bytes({**own, "event": ""}))
    world.file("1", {**own, "event": "e" * left})
    over = world.file("2", {**own, "event": "e" * (left + 1)})

    assert clear(*world.sides, world.failed) == {"cleared": 1}
    assert world.left() == [over]


def test_a_key_that_can_be_none_is_not_kept_whole() -> None:
    """Many letters are read at the same time, and each could have megabytes of it."""
    found = parsed("x", to_bytes(letter("in/" + "k" * 1_000_000, bucket="b" * 1_000_000)))

    assert (len(found.bucket), len(found.key)) == (MAX_KEY_BYTES + 1, MAX_KEY_BYTES + 1)
    assert not found.names(World().sides[0])


def test_an_image_that_cannot_be_asked_for_is_refused() -> None:
    """A key that HTTP cannot carry is told of, and the others go on."""
    from fanlight.errors import KeyRefused

    class Refusing(MemoryStore):
        def head(self, key: str) -> Meta | None:
            if key == "in/..":
                raise KeyRefused("not a key that can be sent over HTTP")
            return super().head(key)

    world = World()
    world.file("1", letter("in/.."))
    images = Side(Refusing("pictures"), IMAGES)

    assert list(named(images, world.sides[1], world.failed)) == [
        Check("in/..", "refused", "not a key that can be sent over HTTP")
    ]
