"""Keys reconciled together: the same results as one by one, however they change meanwhile."""

import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from weakref import WeakSet

import pytest

from fanlight.answer import Answerer, Choices
from fanlight.config import Limits
from fanlight.errors import FanlightError, TransientError
from fanlight.image import Header, Pixels
from fanlight.model import Model
from fanlight.place import Place
from fanlight.reconcile import Outcome, Reconciler
from fanlight.result import Source
from fanlight.store import Object, Wanted, always
from fanlight.store_folder import FolderStore
from tools.models import MODELS
from tools.plan import New
from tools.samples import FOLDER, pictures
from tools.together import MOST_BYTES, AnswersAhead, ReadAhead, together

DIGIT = (FOLDER / "7-00000.png").read_bytes()
OTHER = (FOLDER / "0-00003.png").read_bytes()


@pytest.fixture(scope="module")
def answerer() -> Answerer:
    return Answerer(Model.load(MODELS / "digits", 1), Choices(Limits(max_bytes=1_000_000)))


class Folders:
    """Images and results in folders, and what reconciles them."""

    def __init__(self, root: Path, answerer: Answerer) -> None:
        self.images = FolderStore(root / "in", escaped=False)
        self.results = FolderStore(root / "out", escaped=True)
        self.reconciler = Reconciler(
            self.images, Place("in", ""), self.results, Place("out", ""), answerer, 1_000_000
        )

    def fill(self, contents: dict[str, bytes]) -> None:
        for key, data in contents.items():
            self.images.put(key, data, if_absent=False)

    def written(self) -> dict[str, bytes | None]:
        found = [self.results.get(meta.key, 1 << 20) for meta in self.results.list("")]
        return {one.meta.key: one.data for one in found if one}


def reconcile(reconciler: Reconciler, key: str) -> Outcome | Exception:
    try:
        return reconciler.reconcile(key)
    except (FanlightError, ValueError) as error:
        return error


def told(found: list[Outcome | Exception]) -> list[str]:
    return [one.status if isinstance(one, Outcome) else repr(one) for one in found]


def test_results_are_those_of_one_by_one(tmp_path: Path, answerer: Answerer) -> None:
    """Good, bad and missing images, and keys that can have no result: equal outcomes and bytes."""
    contents = {path.name: path.read_bytes() for path in pictures()} | {
        "a.png": b"no picture", "b.png": b"", "c.png": b"0" * 1_000_001, "d/e.png": DIGIT,
    }  # fmt: skip
    keys = [*contents, "missing.png", "x" * 1020 + ".png", "../out"]
    both = Folders(tmp_path / "a", answerer), Folders(tmp_path / "b", answerer)
    for folders in both:
        folders.fill(contents)
        folders.images.name = folders.results.name = "the same"
    # The same files, so that their versions are the same as well.
    both[1].reconciler.__dict__["images"] = both[0].images

    expected = [reconcile(both[0].reconciler, key) for key in keys]
    found = together(both[1].reconciler, keys, reconcile)

    assert told(found) == told(expected)
    assert both[1].written() == both[0].written()
    assert len(both[0].written()) == len(contents)
    assert told(together(both[1].reconciler, keys, reconcile))[:3] == ["unchanged"] * 3


class Meanwhile:
    """An answer that lets something happen when it is asked for, once for each key."""

    def __init__(self, folders: Folders, happens: Callable[[str], object]) -> None:
        self.folders, self.happens, self.seen = folders, happens, set[str]()

    def __call__(self, reconciler: Reconciler, key: str) -> Outcome | Exception:
        if key not in self.seen:
            self.seen.add(key)
            self.happens(key)
        return reconcile(reconciler, key)


def test_an_image_overwritten_meanwhile_is_read_again(tmp_path: Path, answerer: Answerer) -> None:
    """What was read and answered ahead of an overwrite is not what stands in the end."""
    folders = Folders(tmp_path, answerer)
    folders.fill(dict.fromkeys(["a.png", "b.png", "c.png"], DIGIT))

    def overwrite(key: str) -> None:
        folders.images.put(key, OTHER, if_absent=False)

    found = together(folders.reconciler, ["a.png", "b.png", "c.png"], Meanwhile(folders, overwrite))

    assert told(found) == ["classified"] * 3
    for one in found:
        assert isinstance(one, Outcome)
        assert one.document is not None
        assert one.document["predictions"][0]["label"] == "0"
        present = folders.images.head(one.key)
        assert present is not None
        assert one.document["source"]["version"] == present.version


def test_a_result_that_appears_meanwhile_is_not_replaced(
    tmp_path: Path, answerer: Answerer
) -> None:
    """The first write is put-if-absent, as ever: what another has written is looked at."""
    folders = Folders(tmp_path, answerer)
    folders.fill(dict.fromkeys(["a.png", "b.png"], DIGIT))

    found = together(folders.reconciler, ["a.png", "b.png"],
                     Meanwhile(folders, folders.reconciler.reconcile))  # fmt: skip

    assert told(found) == ["unchanged", "unchanged"]


def test_a_result_that_was_missing_when_listed_may_be_there(
    tmp_path: Path, answerer: Answerer
) -> None:
    """It is not looked for at first, and yet a true one is kept and a false one replaced."""
    folders = Folders(tmp_path, answerer)
    folders.fill(dict.fromkeys(["a.png", "b.png", "c.png"], DIGIT))
    folders.reconciler.reconcile("a.png")
    folders.reconciler.reconcile("b.png")
    folders.images.put("b.png", OTHER, if_absent=False)

    found = together(
        folders.reconciler, [New(key) for key in ("a.png", "b.png", "c.png")], reconcile
    )

    assert told(found) == ["unchanged", "classified", "classified"]
    assert told(together(folders.reconciler, ["a.png", "b.png", "c.png"], reconcile)) == (
        ["unchanged"] * 3
    )


def test_an_image_deleted_meanwhile_starts_over(tmp_path: Path, answerer: Answerer) -> None:
    """Its result may be written, as one by one; the outcome says that it is gone."""
    folders = Folders(tmp_path, answerer)
    folders.fill({"a.png": DIGIT})

    assert told(
        together(folders.reconciler, ["a.png"], Meanwhile(folders, folders.images.delete))
    ) == ["gone"]


def test_a_fault_is_its_own_images_alone(tmp_path: Path, answerer: Answerer) -> None:
    """An error in one answer is raised once, where that answer is asked for."""
    folders = Folders(tmp_path, answerer)
    folders.fill(dict.fromkeys(["a.png", "b.png", "c.png"], DIGIT))
    calls: list[int] = []

    def decode(data: bytes, limits: Limits) -> tuple[Header, Pixels]:
        calls.append(len(data))
        if len(calls) == 2:
            raise TransientError("a fault of the decoder")
        return answerer.model.decode(data, limits)

    folders.reconciler.__dict__["answer"] = answerer.decoding(decode)

    found = together(folders.reconciler, ["a.png", "b.png", "c.png"], reconcile)

    assert told(found) == ["classified", "TransientError('a fault of the decoder')", "classified"]
    assert len(calls) == 3


class Damaged(FolderStore):
    """A folder on a disk that cannot give some of its files."""

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Object | None:
        if key.startswith("b.png"):
            raise OSError(errno.EIO, "Input/output error")
        return super().get(key, limit, wanted)


@pytest.mark.parametrize("damaged", ["images", "results"])
def test_a_file_that_cannot_be_read_costs_no_other(
    tmp_path: Path, answerer: Answerer, damaged: str
) -> None:
    """Whatever the store raises is raised where the file is asked for, as one by one."""
    folders = Folders(tmp_path, answerer)
    folders.fill(dict.fromkeys(["a.png", "b.png", "c.png"], DIGIT))
    folders.reconciler.__dict__[damaged] = {
        "images": Damaged(tmp_path / "in", escaped=False),
        "results": Damaged(tmp_path / "out", escaped=True),
    }[damaged]

    def one(reconciler: Reconciler, key: str) -> str:
        try:
            return reconciler.reconcile(key).status
        except OSError as error:
            return str(error)

    assert together(folders.reconciler, ["a.png", "b.png", "c.png"], one) == [
        "classified",
        "[Errno 5] Input/output error",
        "classified",
    ]


class Counted(FolderStore):
    """A folder that counts how many bytes have been read, and not yet been asked to check."""

    waiting = most = 0

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Object | None:
        found = super().get(key, limit, wanted)
        self.waiting += len(found.data or b"") if found else 0
        self.most = max(self.most, self.waiting)
        return found


def test_images_read_ahead_stay_few(tmp_path: Path, answerer: Answerer) -> None:
    """However many keys there are, no second large image waits beside the first."""
    folders = Folders(tmp_path, answerer)
    large = DIGIT + b"0" * 3_000_000
    keys = [f"{number:02d}.png" for number in range(12)]
    folders.fill(dict.fromkeys(keys, large))
    images = Counted(tmp_path / "in", escaped=False)
    reconciler = Reconciler(
        images, Place("in", ""), folders.results, Place("out", ""), answerer, 4_000_000
    )

    def one(reconciler: Reconciler, key: str) -> str:
        status = reconciler.reconcile(key).status
        images.waiting -= len(large)
        return status

    assert together(reconciler, keys, one) == ["rejected"] * len(keys)
    assert MOST_BYTES <= images.most < MOST_BYTES + len(large)


class Remembering(FolderStore):
    """A folder that knows which of the objects it gave are still in memory."""

    held: "WeakSet[Object]"

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Object | None:
        found = super().get(key, limit, wanted)
        if found:
            self.held.add(found)
        return found


def test_images_that_nobody_asks_for_are_not_kept(tmp_path: Path, answerer: Answerer) -> None:
    """Where somebody else has made the results meanwhile, no image stays for having been read."""
    folders = Folders(tmp_path, answerer)
    keys = [f"{number:02d}.png" for number in range(12)]
    folders.fill(dict.fromkeys(keys, DIGIT + b"0" * MOST_BYTES))
    together(folders.reconciler, keys, reconcile)
    images = Remembering(tmp_path / "in", escaped=False)
    images.held = WeakSet()
    folders.reconciler.__dict__["images"] = images
    most = []

    def one(reconciler: Reconciler, key: str) -> str:
        most.append(len(images.held))
        return reconciler.reconcile(key).status

    assert together(folders.reconciler, keys, one) == ["unchanged"] * len(keys)
    assert max(most) <= 2


def test_what_was_read_is_given_once(tmp_path: Path) -> None:
    """The second time the store itself is asked, and everything else is the store's own."""
    store = FolderStore(tmp_path, escaped=True)
    ahead = ReadAhead(store)
    ahead.ahead("a", 9)
    ahead.put("a", b"1", if_absent=True)

    assert ahead.get("a", 9) is None
    assert ahead.get("a", 9) == store.get("a", 9)
    assert ahead.head("a") == store.head("a")
    assert list(ahead.list("")) == list(store.list(""))
    ahead.delete("a")
    assert ahead.get("a", 9) is None


def test_an_answer_made_ahead_is_for_its_version_alone(answerer: Answerer) -> None:
    """An image that was overwritten in between is answered by what it is now."""
    before, now = (path.read_bytes() for path in pictures()[:2])
    read, found = (Source("b", "a.png", version, "E", 7) for version in ("v1", "v2"))
    ahead = AnswersAhead(answerer, [(read, before)])

    assert ahead(found, now) == answerer(found, now) != answerer(found, before)


def test_small_images_go_in_step_and_large_ones_through(answerer: Answerer) -> None:
    """A plain digit stops three times, a sheet of paper at the network's doors alone."""
    source = FolderStore(FOLDER, escaped=False)

    def stops(name: str) -> int:
        found = source.get(name, 1_000_000)
        assert found is not None
        steps: Iterator[None] = answerer.steps(Source("b", found.meta.key, "v", "", 9), found.data)
        return sum(1 for _ in steps)

    assert (stops("7-00000.png"), stops("pasted-7-00000.jpg")) == (3, 2)
