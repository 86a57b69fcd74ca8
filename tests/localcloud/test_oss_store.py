"""The store itself: what no request of the endpoint reaches, or not at the right moment."""

import gc
import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tools.localcloud.body import Body, crc64, receive
from tools.localcloud.oss_index import OBJECTS, Index, first_after, walk
from tools.localcloud.oss_rows import Record, write
from tools.localcloud.oss_store import Store
from tools.localcloud.oss_types import OssError, Stored

BUCKET = "pictures"
HEADERS = {"content-type": "image/png", "x-oss-meta-of": "a"}
LARGE = 3 * 1024 * 1024


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    store.create_bucket(BUCKET)
    yield store
    store.close()


def refusal(call: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[int, str]:
    with pytest.raises(OssError) as caught:
        call(*arguments, **options)
    return caught.value.status, caught.value.code


def content(store: Store, key: str) -> bytes:
    _, body = store.get(BUCKET, key)
    read = body.read()
    body.close()
    return read


def put(store: Store, key: str, content: bytes) -> Stored:
    body = receive([content], store.arriving)
    try:
        return store.put(BUCKET, key, body, HEADERS, forbid=False)
    finally:
        body.close()


def files(folder: Path) -> int:
    return sum(len(list((folder / name).iterdir())) for name in ("blobs", "arriving"))


@pytest.mark.parametrize("replaced_by", ["small", "large", "nothing", "link"])
def test_a_reader_sees_one_content_whole(store: Store, tmp_path: Path, replaced_by: str) -> None:
    """What was opened is read to its end as it was, whatever takes its place meanwhile."""
    put(store, "x", b"a" * LARGE)

    stored, body = store.get(BUCKET, "x")
    pieces = iter(body)
    read = [next(pieces)]
    if replaced_by == "nothing":
        store.delete(BUCKET, ["x"])
    elif replaced_by == "link":
        store.put_symlink(BUCKET, "x", "y", {}, forbid=False)
    else:
        put(store, "x", b"b" * (10 if replaced_by == "small" else LARGE))
    read += pieces
    body.close()

    assert hashlib.md5(b"".join(read)).hexdigest().upper() == stored.etag
    assert b"".join(read) == b"a" * LARGE
    assert files(tmp_path) == (replaced_by == "large")


def test_no_file_is_left_by_what_is_refused_or_ended(store: Store, tmp_path: Path) -> None:
    """Refused writes, replaced parts, aborted and completed uploads leave only what is named."""
    large = b"a" * LARGE
    put(store, "x", large)
    many, part = store.multipart, b"p" * 102400

    def spooled() -> Body:
        return receive([large], store.arriving)

    for write_of in (
        lambda body: store.put(BUCKET, "x", body, {}, forbid=True),
        lambda body: store.put("gone", "x", body, {}, forbid=False),
        lambda body: many.put_part(BUCKET, "x", "unknown", 1, body),
    ):
        body = spooled()
        assert refusal(write_of, body)[0] in (404, 409)
        body.close()
    upload = many.create(BUCKET, "y", {}, forbid=False)
    etags = [many.put_part(BUCKET, "y", upload, n, Body(part)) for n in (1, 1, 2)]
    assert files(tmp_path) == 3  # x and two parts
    many.complete(BUCKET, "y", upload, [(1, etags[0]), (2, etags[2])], forbid=False)
    upload = many.create(BUCKET, "z", {}, forbid=False)
    many.put_part(BUCKET, "z", upload, 1, Body(part))
    many.abort(BUCKET, "z", upload)

    assert files(tmp_path) == 2
    store.delete(BUCKET, ["x", "y"])
    assert files(tmp_path) == 0


def test_a_folder_belongs_to_one_store(tmp_path: Path) -> None:
    """A second store in the folder is refused until the first lets go of it."""
    first = Store(tmp_path / "new" / "folder")
    with pytest.raises(OSError, match="in use by another"):
        Store(tmp_path / "new" / "folder")
    first.close()

    Store(tmp_path / "new" / "folder").close()


@pytest.mark.parametrize("closed", [True, False])
def test_without_a_folder_nothing_stays(*, closed: bool) -> None:
    """A store without a folder takes its files with it, be it closed or only forgotten."""
    store = Store()
    folder = store.arriving.parent
    assert folder.is_dir()

    if closed:
        store.close()
    del store
    gc.collect()

    assert not folder.exists()


def test_what_no_row_names_is_swept(tmp_path: Path) -> None:
    """Files that a killed process left are removed when the folder is opened, others not."""
    store = Store(tmp_path)
    store.create_bucket(BUCKET)
    put(store, "x", b"a" * LARGE)
    upload = store.multipart.create(BUCKET, "y", {}, forbid=False)
    store.multipart.put_part(BUCKET, "y", upload, 1, Body(b"part"))
    store.close()
    (tmp_path / "blobs" / "without-row").write_bytes(b"x")
    (tmp_path / "arriving" / "half").write_bytes(b"x")

    store = Store(tmp_path)

    assert files(tmp_path) == 2
    assert content(store, "x") == b"a" * LARGE
    assert [part.size for part in store.multipart.parts(BUCKET, "y", upload).entries] == [4]
    store.close()


def test_appending_follows_the_rules_of_oss(store: Store) -> None:
    """An object grows at its end only; length, CRC, ETag and headers are those of the whole."""
    first = store.append(BUCKET, "log", 0, Body(b"one,"), HEADERS)
    second = store.append(BUCKET, "log", 4, Body(b"two"), {"content-type": "text/plain"})

    assert content(store, "log") == b"one,two"
    assert store.head(BUCKET, "log") == second
    assert (second.size, second.crc, second.kind) == (7, crc64(b"one,two"), "Appendable")
    assert second.headers == first.headers == HEADERS
    assert first.etag != second.etag
    with pytest.raises(OssError) as caught:
        store.append(BUCKET, "log", 4, Body(b"late"), {})
    assert (caught.value.status, caught.value.code) == (409, "PositionNotEqualToLength")
    assert caught.value.headers == {"x-oss-next-append-position": "7"}
    assert refusal(store.append, BUCKET, "none", 1, Body(b"x"), {})[1] == "PositionNotEqualToLength"
    put(store, "normal", b"")
    refused = refusal(store.append, BUCKET, "normal", 0, Body(b"x"), {})
    assert refused == (409, "ObjectNotAppendable")


def test_a_copy_of_an_appendable_does_not_grow(store: Store) -> None:
    """It is a Normal object with the MD5 of what was there; only its source can be added to."""
    store.append(BUCKET, "log", 0, Body(b"one"), HEADERS)
    copied = store.copy((BUCKET, "log"), (BUCKET, "copy"), None, forbid=False)
    store.append(BUCKET, "log", 3, Body(b"two"), {})

    assert (content(store, "log"), content(store, "copy")) == (b"onetwo", b"one")
    assert (copied.kind, copied.etag) == ("Normal", hashlib.md5(b"one").hexdigest().upper())
    assert refusal(store.append, BUCKET, "copy", 3, Body(), {})[1] == "ObjectNotAppendable"


def test_what_was_appended_without_its_row_is_not_there(store: Store, tmp_path: Path) -> None:
    """Bytes of an append that was killed before its row are not read, and are written over."""
    store.append(BUCKET, "log", 0, Body(b"one"), {})
    (blob,) = (tmp_path / "blobs").iterdir()
    blob.write_bytes(b"one-was-killed")

    assert content(store, "log") == b"one"
    store.append(BUCKET, "log", 3, Body(b",two"), {})
    assert content(store, "log") == b"one,two"


def test_a_link_gives_what_it_points_to(store: Store) -> None:
    """Reading a link gives its target's content under its own headers; the link is told too."""
    target = put(store, "target", b"body")
    own = {"content-type": "text/plain"}
    link = store.put_symlink(BUCKET, "link", "target", own, forbid=False)
    store.put_symlink(BUCKET, "chain", "link", own, forbid=False)
    store.put_symlink(BUCKET, "lost", "nowhere", own, forbid=False)

    stored, body = store.get(BUCKET, "link")
    assert body.read() == b"body"
    assert stored == store.head(BUCKET, "link")
    assert (stored.etag, stored.size, stored.crc) == (target.etag, target.size, target.crc)
    assert (stored.kind, stored.headers) == ("Symlink", own)
    assert store.symlink(BUCKET, "link") == ("target", link)
    assert refusal(store.symlink, BUCKET, "target") == (400, "NotSymlink")
    assert refusal(store.get, BUCKET, "chain") == (400, "InvalidTargetType")
    assert refusal(store.head, BUCKET, "lost") == (404, "SymlinkTargetNotExist")
    assert refusal(store.put_symlink, BUCKET, "target", "x", {}, forbid=True)[0] == 409
    store.copy((BUCKET, "link"), (BUCKET, "copy"), None, forbid=False)
    assert store.symlink(BUCKET, "copy")[0] == "target"
    kinds = [entry.kind for entry in store.page(BUCKET, "", "", "", 10).entries]
    assert kinds == [*["Symlink"] * 4, "Normal"]


def test_parts_come_in_pages(store: Store) -> None:
    """Each page goes on after the number at which the last one ended."""
    many = store.multipart
    upload = many.create(BUCKET, "x", {}, forbid=False)
    for number in (7, 1, 10000, 3):
        many.put_part(BUCKET, "x", upload, number, Body(b"x" * number))

    pages = [many.parts(BUCKET, "x", upload, after, 2) for after in (0, 3, 10000)]

    assert [[part.key for part in page.entries] for page in pages] == [
        ["1", "3"],
        ["7", "10000"],
        [],
    ]
    assert [page.last for page in pages] == ["3", "", ""]
    assert pages[0].entries[1].size == 3
    assert refusal(many.parts, BUCKET, "y", upload) == (404, "NoSuchUpload")


def test_a_bucket_with_an_upload_is_not_empty(store: Store) -> None:
    """A bucket goes only after its objects and its uploads."""
    upload = store.multipart.create(BUCKET, "x", {}, forbid=False)
    assert refusal(store.delete_bucket, BUCKET) == (409, "BucketNotEmpty")

    store.multipart.abort(BUCKET, "x", upload)
    store.delete_bucket(BUCKET)

    assert store.buckets() == {}


TEXT = st.text(st.sampled_from("ab/é"), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    keys=st.lists(TEXT, max_size=8),
    prefix=st.just("") | TEXT,
    delimiter=st.sampled_from(["", "/", "é"]),
    limit=st.integers(1, 3),
)
def test_uploads_are_listed_as_defined(
    keys: list[str], prefix: str, delimiter: str, limit: int
) -> None:
    """Page by page: uploads by key and id, and common prefixes, each of them once."""
    store = Store()
    store.create_bucket(BUCKET)
    expected = set()
    for key in keys:
        upload = store.multipart.create(BUCKET, key, {}, forbid=False)
        if key.startswith(prefix):
            head, cut, _ = key[len(prefix) :].partition(delimiter or "\uffff")
            expected.add((prefix + head + cut, "" if cut else upload))

    found, after = [], ("", "")
    while True:
        page = store.multipart.uploads(BUCKET, prefix, delimiter, after, limit)
        shown = [(one.key, one.upload) for one in page.uploads] + [(n, "") for n in page.prefixes]
        assert len(shown) <= limit
        found += sorted(shown, key=lambda one: (one[0].encode(), one[1]))
        after = page.last
        if after == ("", ""):
            break
    store.close()

    assert found == sorted(expected, key=lambda one: (one[0].encode(), one[1]))


@pytest.mark.parametrize("place", [("", ""), ("", "/"), ("m/", ""), ("", "9/")])
def test_a_page_costs_the_same_in_any_bucket(tmp_path: Path, place: tuple[str, str]) -> None:
    """SQLite takes no more steps for a page of ten among 20,000 keys than among 2,000."""
    costs = []
    for number in (2_000, 20_000):
        index = Index(tmp_path / f"{number}.sqlite")
        with index.writing() as rows:
            rows.execute("INSERT INTO buckets VALUES (?, 0)", (BUCKET,))
            for n in range(number):
                key = f"{'am'[n % 2]}/{n % 10}/{n:05}"
                write(rows, BUCKET, key, Record(Stored("", 0, 0, 0, {}), content=b""))
        steps: list[None] = []
        with index.reading() as rows:
            rows.set_progress_handler(partial(steps.append, None), 1)
            names = walk(rows, OBJECTS, BUCKET, place, first_after("a/2/", place))
            shown = [name for name, _ in zip(names, range(10), strict=False)]
            rows.set_progress_handler(None, 0)
        index.close()
        assert shown
        costs.append(len(steps))

    assert costs[1] <= costs[0] * 1.1
