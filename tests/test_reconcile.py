"""The core: each outcome for one key, over a store in memory."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from fanlight.budget import Budget
from fanlight.document import to_bytes
from fanlight.errors import KeyRefused, TransientError
from fanlight.place import Place
from fanlight.reconcile import ATTEMPTS, RESULT_LIMIT, Beside, Outcome, Read, Reconciler
from fanlight.result import from_bytes
from fanlight.store import Meta, Object, Wanted, always
from fanlight.together import beside
from tests.fakes import DIGEST, MemoryStore, answer_as

INPUT, OUTPUT = Place("bucket", "in/"), Place("bucket", "out/")
IMAGE, RESULT = "in/x.png", "out/x.png.json"
ETAG_OF_FIRST = "8B04D5E3775D298E78455EFC5CA404D5"


def image_first(read: Read) -> Read:
    return cache(read)


def result_first(read: Read) -> Read:
    answer = cache(read)
    answer()
    return answer


BESIDE: dict[str, Beside | None] = {
    "in turn": None,
    "result first": result_first,
    "image first": image_first,
    "on a thread": beside(ThreadPoolExecutor(1)),
}


@pytest.fixture(autouse=True, params=list(BESIDE))
def _how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every promise holds in whatever order the result and the image are read."""
    monkeypatch.setitem(CHOSEN, "beside", BESIDE[request.param])


CHOSEN: dict[str, Beside | None] = {}


def reconciler_of(store: MemoryStore, answer: Any = None, max_bytes: int = 100) -> Reconciler:
    return Reconciler(store, INPUT, store, OUTPUT, answer or answer_as("m"), max_bytes, **CHOSEN)  # type: ignore[arg-type]


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.put(IMAGE, b"first", if_absent=False)
    return store


def result_in(store: MemoryStore) -> dict[str, Any]:
    data = store.objects[RESULT].data
    assert data is not None
    document = from_bytes(data)
    assert document is not None
    return document


def document_of(label: str, version: str, etag: str, size: int) -> dict[str, Any]:
    return {
        "schema": "fanlight.result/1",
        "status": "classified",
        "source": {
            "bucket": "bucket",
            "key": IMAGE,
            "version": version,
            "etag": etag,
            "size": size,
            "format": "png",
            "width": 1,
            "height": 1,
        },
        "model": {"name": "m", "version": "1", "digest": DIGEST},
        "recipe": DIGEST,
        "predictions": [{"index": 0, "label": label, "score": 1.0}],
    }


def test_a_new_image_gets_its_result(store: MemoryStore) -> None:
    """The document is written under the output prefix and comes with the outcome."""
    document = document_of("first", "v1", ETAG_OF_FIRST, 5)

    assert reconciler_of(store).reconcile(IMAGE) == Outcome(IMAGE, "classified", RESULT, document)
    assert store.objects[RESULT].data == to_bytes(document)


def test_again_changes_nothing(store: MemoryStore) -> None:
    """A result that is true is left alone, whichever model made it, and the image is not read."""
    reconciler_of(store).reconcile(IMAGE)
    writes = store.writes

    assert reconciler_of(_NoImages(store), answer_as("other")).reconcile(IMAGE) == Outcome(
        IMAGE, "unchanged", RESULT
    )
    assert store.writes == writes


class _NoImages(MemoryStore):
    """The same objects, of which the bytes of no image may be read."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__()
        self.objects = store.objects

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Any:
        found = super().get(key, limit, wanted)
        assert key != IMAGE or found is None or found.data is None
        return found


def test_an_overwritten_image_gets_a_new_result(store: MemoryStore) -> None:
    """A result of another version is replaced."""
    reconciler_of(store).reconcile(IMAGE)
    store.put(IMAGE, b"second", if_absent=False)

    outcome = reconciler_of(store).reconcile(IMAGE)

    assert outcome.status == "classified"
    assert result_in(store) == outcome.document
    assert result_in(store)["predictions"][0]["label"] == "second"


@pytest.mark.parametrize(
    "junk",
    [b"", b"{", b"null", b"{}", b'{"schema": "fanlight.result/0"}', b"x" * (RESULT_LIMIT + 1)],
)
def test_an_unreadable_result_is_replaced(store: MemoryStore, junk: bytes) -> None:
    """What is no result, under a result's key, counts as none and is written over."""
    store.put(RESULT, junk, if_absent=False)

    assert reconciler_of(store).reconcile(IMAGE).status == "classified"
    assert result_in(store)["predictions"][0]["label"] == "first"


def test_an_image_that_is_gone_leaves_its_result(store: MemoryStore) -> None:
    """A deleted image keeps its result; one that never was gets none."""
    reconciler_of(store).reconcile(IMAGE)
    store.delete(IMAGE)
    before = dict(store.objects)

    assert reconciler_of(store).reconcile(IMAGE) == Outcome(IMAGE, "gone", RESULT)
    assert reconciler_of(store).reconcile("in/y.png") == Outcome(
        "in/y.png", "gone", "out/y.png.json"
    )
    assert store.objects == before


def test_too_many_bytes_are_answered_without_them(store: MemoryStore) -> None:
    """An image over the limit is answered all the same, from what is known without reading it."""
    outcome = reconciler_of(store, max_bytes=4).reconcile(IMAGE)

    assert outcome.document == document_of("too big", "v1", ETAG_OF_FIRST, 5)


class _Restless(MemoryStore):
    """A bucket whose image is overwritten each time after it was read, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times
        self.put(IMAGE, b"first", if_absent=False)

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Any:
        found = super().get(key, limit, wanted)
        if key == IMAGE and self.times:
            self.times -= 1
            self.put(IMAGE, f"still {self.times}".encode(), if_absent=False)
        return found


def test_an_image_overwritten_meanwhile_is_read_again() -> None:
    """However often but the last time the image changes while it is read, the end is true."""
    store = _Restless(ATTEMPTS - 1)

    assert reconciler_of(store).reconcile(IMAGE).status == "classified"
    assert result_in(store)["predictions"][0]["label"] == "still 0"


def test_starting_over_is_bounded() -> None:
    """An image that changes at every look is given up after five tries, to be tried later."""
    store = _Restless(100)

    with pytest.raises(TransientError) as caught:
        reconciler_of(store).reconcile(IMAGE)

    assert str(caught.value) == "in/x.png changed 5 times while it was read; try again later"
    assert store.times == 95


class _Vanishing(MemoryStore):
    """A bucket whose image is deleted right after it was read."""

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Any:
        found = super().get(key, limit, wanted)
        if key == IMAGE:
            self.delete(IMAGE)
        return found


def test_an_image_deleted_meanwhile_is_gone() -> None:
    """Deleted while it is read, an image ends as gone, not as an error."""
    store = _Vanishing()
    store.put(IMAGE, b"first", if_absent=False)

    assert reconciler_of(store).reconcile(IMAGE) == Outcome(IMAGE, "gone", RESULT)


class _Raced(MemoryStore):
    """A bucket where another instance writes the result just before this one does."""

    def put(self, key: str, data: bytes, *, if_absent: bool) -> bool:
        if key == RESULT and if_absent and key not in self.objects:
            other = data.replace(b'"name": "m"', b'"name": "other"')
            super().put(key, other, if_absent=False)
        return super().put(key, data, if_absent=if_absent)


def test_a_result_that_appears_meanwhile_is_not_replaced() -> None:
    """Losing the race for the first write is no failure: the winner's true result stands."""
    store = _Raced()
    store.put(IMAGE, b"first", if_absent=False)

    assert reconciler_of(store).reconcile(IMAGE) == Outcome(IMAGE, "unchanged", RESULT)
    assert result_in(store)["model"]["name"] == "other"


@pytest.mark.parametrize("spelled", ["in/a%20b%2Bc.png", "in/a+b%2Bc.png"])
def test_a_key_that_travelled_encoded_is_found(spelled: str) -> None:
    """Where there is no object of a key as spelled, the one it encodes is reconciled."""
    store = MemoryStore()
    store.put("in/a b+c.png", b"x", if_absent=False)

    outcome = reconciler_of(store).reconcile_spelled(spelled)

    assert (outcome.key, outcome.status) == ("in/a b+c.png", "classified")
    assert outcome.result_key == "out/a b+c.png.json"


def test_a_key_as_spelled_comes_first() -> None:
    """An object whose raw key looks encoded is the one that is meant."""
    store = MemoryStore()
    store.put("in/a%20b.png", b"raw", if_absent=False)
    store.put("in/a b.png", b"decoded", if_absent=False)

    assert reconciler_of(store).reconcile_spelled("in/a%20b.png").key == "in/a%20b.png"
    assert list(store.objects) == ["in/a%20b.png", "in/a b.png", "out/a%20b.png.json"]


def test_an_encoded_key_never_leads_out_of_the_prefix() -> None:
    """Decoding does not reach what is not under the input prefix."""
    store = MemoryStore()
    store.put("other/x.png", b"x", if_absent=False)

    assert reconciler_of(store).reconcile_spelled("in/%2E").status == "gone"
    assert reconciler_of(store).reconcile_spelled("other%2Fx.png").status == "gone"
    assert list(store.objects) == ["other/x.png"]


def test_a_prefix_may_be_encoded_too() -> None:
    """Where the whole key travelled encoded, slashes and all, its object is found."""
    store = MemoryStore()
    store.put("in/a b.png", b"x", if_absent=False)

    outcome = reconciler_of(store).reconcile_spelled("in%2Fa+b.png")

    assert (outcome.key, outcome.status) == ("in/a b.png", "classified")


def test_a_key_without_a_result_key_is_refused(store: MemoryStore) -> None:
    """A key too long for a result is refused before anything is read or written."""
    with pytest.raises(KeyRefused, match="1024 bytes"):
        reconciler_of(store).reconcile("in/" + "x" * 1015)

    assert list(store.objects) == [IMAGE]


class _Slow(MemoryStore):
    """A bucket in which a new upload gets its result while an older image is on its way here."""

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Any:
        found = super().get(key, limit)
        if key == IMAGE and self.writes == 2:
            self.put(IMAGE, b"second", if_absent=False)
            Reconciler(self, INPUT, self, OUTPUT, answer_as("other"), 100).reconcile(IMAGE)
        return found if found is None or wanted(found.meta) else Object(found.meta, None)


def test_an_image_read_before_a_newer_result_does_not_replace_it() -> None:
    """Whoever reads the image first and the result second may have met a newer one: it stays."""
    store = _Slow()
    store.put(IMAGE, b"first", if_absent=False)
    store.put(RESULT, b"no result", if_absent=False)
    reconciler = replace(reconciler_of(store), beside=image_first)

    assert reconciler.reconcile(IMAGE) == Outcome(IMAGE, "unchanged", RESULT)
    assert result_in(store)["model"]["name"] == "other"
    assert store.writes == 4


class _Failing(MemoryStore):
    """A bucket that fails for the result, for the image, or for both."""

    def __init__(self, *keys: str) -> None:
        super().__init__()
        self._keys = keys

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Any:
        if key in self._keys:
            raise TransientError(f"{key} cannot be read")
        return super().get(key, limit, wanted)


@pytest.mark.parametrize("keys", [(RESULT,), (IMAGE,), (RESULT, IMAGE)])
def test_what_fails_is_told_in_any_order(keys: tuple[str, ...]) -> None:
    """The error is that of the result, else that of the image; nothing is written."""
    store = _Failing(*keys)
    store.put(IMAGE, b"first", if_absent=False)

    with pytest.raises(TransientError, match=keys[0]):
        reconciler_of(store).reconcile(IMAGE)

    assert list(store.objects) == [IMAGE]


class _Faulty(MemoryStore):
    """A bucket whose image cannot be read because of a fault of ours."""

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Any:
        if key == IMAGE:
            raise RuntimeError("a fault")
        return super().get(key, limit, wanted)


def test_a_fault_leaves_no_read_behind() -> None:
    """The result that is read beside is waited for: an instance may freeze right after."""
    waited_for = []

    def beside(read: Read) -> Read:
        def answer() -> Object | None:
            waited_for.append(RESULT)
            return read()

        return answer

    with pytest.raises(RuntimeError, match="a fault"):
        replace(reconciler_of(_Faulty()), beside=beside).reconcile(IMAGE)

    assert waited_for == [RESULT]


def test_the_bytes_are_given_back_with_the_answer(store: MemoryStore) -> None:
    """While an image is answered its bytes count; afterwards, and after a failure, they do not."""
    held = []
    budget = Budget()

    def answer(*given: Any) -> dict[str, Any]:
        held.append(budget.used)
        if len(held) == 2:
            raise ZeroDivisionError
        document: dict[str, Any] = answer_as("m")(*given)
        return document

    reconciler = replace(reconciler_of(store, answer), budget=budget)
    reconciler.reconcile(IMAGE)
    store.put(IMAGE, b"second", if_absent=False)
    with pytest.raises(ZeroDivisionError):
        reconciler.reconcile(IMAGE)

    assert (held, budget.used) == ([5, 6], 0)


def test_a_fault_of_the_answer_writes_nothing(store: MemoryStore) -> None:
    """When the model fails, no result is left behind that says otherwise."""

    def broken(*_: object) -> dict[str, Any]:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError):
        reconciler_of(store, broken).reconcile(IMAGE)

    assert store.head(RESULT) is None
    assert store.head(IMAGE) == Meta(IMAGE, 5, ETAG_OF_FIRST, "v1")


def test_a_result_of_another_recipe_is_made_anew_where_asked(store: MemoryStore) -> None:
    """With a recipe named, a true result made otherwise is replaced, one made so is kept."""
    old, new = (reconciler_of(store, answer_as(name)) for name in ("old", "new"))
    old.reconcile(IMAGE)

    same = replace(new, recipe=DIGEST).reconcile(IMAGE)
    other = replace(new, recipe="sha256:" + "1" * 64).reconcile(IMAGE)

    assert (same.status, other.status) == ("unchanged", "classified")
    assert result_in(store)["model"]["name"] == "new"
