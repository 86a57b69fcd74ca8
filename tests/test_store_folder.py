"""A folder as a store: what a bucket promises, and that no key leads outside it."""

import os
import shutil
import tempfile
import time
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fanlight.errors import ConfigError, KeyRefused
from fanlight.ordered import AT_ONCE
from fanlight.place import Place, result_key
from fanlight.store import Meta, Object
from fanlight.store_folder import FolderStore

BODY = b"123456789"
ETAG = f"{zlib.crc32(BODY):08X}-{len(BODY)}"
SECRET = b"not for you"

as_root = pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with something secret beside it."""
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/secret").write_bytes(SECRET)
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture(params=[True, False], ids=["escaped", "plain"])
def store(root: Path, request: pytest.FixtureRequest) -> FolderStore:
    return FolderStore(root, escaped=request.param)


def outside(root: Path) -> dict[str, bytes]:
    """Every file beside the folder."""
    return {
        path.relative_to(root.parent).as_posix(): path.read_bytes()
        for path in root.parent.rglob("*")
        if path.is_file() and not path.is_symlink() and not path.is_relative_to(root)
    }


def test_what_is_put_is_what_is_got(store: FolderStore, root: Path) -> None:
    """An object has the same key, size and version in head, get and list; get tells its ETag."""
    assert store.put("in/识别 a.png", BODY, if_absent=False)

    meta = store.head("in/识别 a.png")
    assert meta is not None
    assert meta == Meta("in/识别 a.png", 9, "", meta.version)
    assert store.get("in/识别 a.png", 9) == Object(Meta(meta.key, 9, ETAG, meta.version), BODY)
    assert list(store.list("")) == [meta]
    assert store.name == root.as_uri()


def test_when_it_was_written_is_told_alike(store: FolderStore, root: Path) -> None:
    """The file's own time, in head, get and list."""
    store.put("a", BODY, if_absent=False)
    os.utime(root / "a", (1_000_000_000.25, 1_000_000_000.25))

    listed, known, read = next(store.list("")), store.head("a"), store.get("a", 9)

    assert known is not None
    assert read is not None
    assert {listed.modified, known.modified, read.meta.modified} == {1_000_000_000.25}


def test_a_missing_key_is_none(store: FolderStore) -> None:
    """Neither a missing file nor a folder, nor what lies below a file, is an object."""
    store.put("folder/file", BODY, if_absent=False)

    for key in ("missing", "missing/file", "folder", "folder/file/below", "x" * 300):
        store.delete(key) if key != "folder" else None
        assert (store.head(key), store.get(key, 9)) == (None, None)
    assert [meta.key for meta in store.list("")] == ["folder/file"]


def test_a_root_that_is_not_there_is_an_empty_store(tmp_path: Path) -> None:
    """Nothing is made by looking; the first write makes the folder."""
    store = FolderStore(tmp_path / "not/yet", escaped=True)

    assert (store.head("a"), store.get("a", 1), list(store.list(""))) == (None, None, [])
    assert not (tmp_path / "not").exists()
    assert store.put("a", b"", if_absent=True)
    assert [meta.key for meta in store.list("")] == ["a"]


def test_too_many_bytes_are_not_read(store: FolderStore) -> None:
    """Over the limit an object comes without its bytes; at the limit, with them."""
    store.put("a", BODY, if_absent=False)
    meta = store.head("a")
    at_limit = store.get("a", 9)

    assert meta is not None
    assert store.get("a", 8) == Object(meta, None)
    assert at_limit is not None
    assert at_limit.data == BODY


def test_a_folder_that_was_removed_is_made_again(store: FolderStore, root: Path) -> None:
    """What was there at the last write need not be there at the next."""
    store.put("a/b/c", BODY, if_absent=False)
    shutil.rmtree(root)

    assert store.put("a/b/d", BODY, if_absent=True) is True
    assert [meta.key for meta in store.list("")] == ["a/b/d"]


def test_put_if_absent_leaves_what_is_there(store: FolderStore) -> None:
    """The second write that must not replace says so, and changes nothing."""
    assert store.put("a", b"first", if_absent=True) is True
    assert store.put("a", b"other", if_absent=True) is False

    found = store.get("a", 9)
    assert found is not None
    assert found.data == b"first"


def test_one_of_many_first_writers_wins(root: Path) -> None:
    """However many write at the same moment, exactly one is told that it did."""
    store = FolderStore(root, escaped=True)
    barrier = Barrier(8)

    def write(number: int) -> bool:
        barrier.wait()
        return store.put("a/b/c", str(number).encode() * 1000, if_absent=True)

    for _ in range(20):
        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(write, range(8)))
        found = store.get("a/b/c", 10_000)

        assert won.count(True) == 1
        assert found is not None
        assert found.data == str(won.index(True)).encode() * 1000
        store.delete("a/b/c")
    assert list(root.rglob("%t*")) == []


def test_a_reader_sees_one_write_or_another(root: Path) -> None:
    """Whoever reads while others write gets one of the contents, whole."""
    store = FolderStore(root, escaped=True)
    store.put("a", b"0" * 50_000, if_absent=False)

    def write(number: int) -> None:
        for _ in range(20):
            store.put("a", str(number).encode() * 50_000, if_absent=False)

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write, number) for number in (1, 2)]
        for _ in range(10):
            found = store.get("a", 50_000)
            assert found is not None
            assert found.data is not None
            assert found.data == found.data[:1] * 50_000
        for writer in writers:
            writer.result()


def test_an_overwrite_within_one_tick_is_seen(root: Path) -> None:
    """Bytes as many as before, written in place right after a read, are another version."""
    store, file = FolderStore(root, escaped=False), root / "a"

    for _ in range(5):
        file.write_bytes(b"first")
        before = store.get("a", 9)
        file.write_bytes(b"other")
        after = store.get("a", 9)

        assert before is not None
        assert after is not None
        assert (before.data, after.data) == (b"first", b"other")
        assert before.meta.version != after.meta.version


def test_a_copied_time_does_not_hide_an_overwrite(root: Path) -> None:
    """A new file with the old one's size and modification time is another version."""
    store, file = FolderStore(root, escaped=False), root / "a"
    file.write_bytes(b"first")
    os.utime(file, ns=(10**18, 10**18))
    before = store.head("a")
    time.sleep(0.02)
    file.write_bytes(b"other")
    os.utime(file, ns=(10**18, 10**18))
    after = store.head("a")

    assert before is not None
    assert after is not None
    assert before.version != after.version


def test_a_listing_has_files_in_order_and_nothing_else(root: Path) -> None:
    """Links, pipes, folders and temporary files are no objects; the order is that of the paths."""
    for name in ("b", "a/c", "a.b", "a/b", "%t12-3", "a/%t12-3"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(BODY)
    (root / "empty").mkdir()
    (root / "link").symlink_to(root / "b")
    (root / "way-out").symlink_to(root.parent / "elsewhere")
    os.mkfifo(root / "pipe")
    store = FolderStore(root, escaped=True)

    assert [meta.key for meta in store.list("")] == ["a.b", "a/b", "a/c", "b"]
    assert [meta.key for meta in store.list("a/")] == ["a/b", "a/c"]
    assert "%t12-3" in {meta.key for meta in FolderStore(root, escaped=False).list("")}
    assert (store.head("pipe"), store.get("pipe", 9)) == (None, None)


def test_a_large_folder_is_listed_like_a_small_one(root: Path) -> None:
    """More files than are sorted in memory come in order too, folders among them, and each once."""
    names = {f"{number:05d}" for number in range(AT_ONCE + 10)}
    for name in names:
        (root / name).touch()
    for name in ("00007.d/b", "00007.d/a", "00007.d.c", "00007-"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
        names.add(name)

    assert [meta.key for meta in FolderStore(root, escaped=False).list("")] == sorted(names)


def test_no_room_to_sort_is_no_empty_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no temporary file can be made, a large folder is an error, and never passed over."""
    for number in range(AT_ONCE):
        (root / f"{number}").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(root / "missing"))
    store = FolderStore(root, escaped=False)

    with pytest.raises(ConfigError, match=r"No such file .* name another place with TMPDIR"):
        list(store.list(""))
    assert store.unreadable == {}


def test_names_that_are_no_text_are_listed(root: Path) -> None:
    """A file name may be any bytes; its key finds it again."""
    (root / os.fsdecode(b"\xff\xfe.png")).write_bytes(BODY)
    store = FolderStore(root, escaped=False)

    (meta,) = store.list("")

    assert os.fsencode(meta.key) == b"\xff\xfe.png"
    assert store.head(meta.key) == meta


def test_folders_seen_are_not_all_held(root: Path) -> None:
    """What is known of thousands of folders is forgotten now and then, which changes no answer."""
    keys = [f"{'x' * 150}/{number:04d}/a" for number in range(3000)]
    for key in keys:
        (root / key).parent.mkdir(parents=True)
        (root / key).touch()
    store = FolderStore(root, escaped=False)

    tracemalloc.start()
    found = [bool(store.head(key)) for key in keys]
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    assert all(found)
    assert held < 600_000  # all of them would take a megabyte
    assert [meta.key for meta in store.list("")] == keys


KEYS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100),
    st.text(st.sampled_from("./%\\a\0"), min_size=1),
)
CLIMBING = [
    "../secret",
    "in/../../secret",
    "in/../secret",
    "..",
    ".",
    "a/./b",
    "//secret",
    "a//b",
    "/etc/passwd",
    "a/",
    "\0",
]


@pytest.mark.parametrize("key", CLIMBING)
def test_keys_that_climb_are_refused_where_names_are_plain(root: Path, key: str) -> None:
    """Where a key is a path as it stands, one that is not plainly inside is refused by name."""
    store = FolderStore(root, escaped=False)

    for call in (
        lambda: store.head(key),
        lambda: store.get(key, 100),
        lambda: store.put(key, BODY, if_absent=False),
        lambda: store.delete(key),
    ):
        with pytest.raises(KeyRefused, match="is not the path of a file in a folder"):
            call()
    assert outside(root) == {"secret": SECRET, "elsewhere/secret": SECRET}
    assert list(root.iterdir()) == []


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(key=KEYS)
@example(key="../secret")
@example(key="in/../../secret")
@example(key="/etc/passwd")
@example(key="..")
@example(key="a//b")
@example(key="\0")
@example(key="x" * 1023)
@example(key="%t1")
def test_any_key_stays_inside_where_names_are_escaped(root: Path, key: str) -> None:
    """Where names are escaped every result's key is kept, under its own name, inside the folder."""
    store, key = FolderStore(root, escaped=True), key + ".json"

    assert store.put(key, BODY, if_absent=True)
    found = store.get(key, 9)
    assert found is not None
    assert found.data == BODY
    assert [meta.key for meta in store.list("")] == [key]
    assert outside(root) == {"secret": SECRET, "elsewhere/secret": SECRET}
    store.delete(key)
    assert list(store.list("")) == []


def test_a_link_is_never_followed(store: FolderStore, root: Path) -> None:
    """Neither a file nor a folder that is a link leads reads, writes or deletes outside."""
    (root / "file").symlink_to(root.parent / "secret")
    (root / "folder").symlink_to(root.parent / "elsewhere")
    (root / "new").symlink_to(root.parent / "made-through-a-link")

    for key in ("file", "folder/secret", "new"):
        assert (store.head(key), store.get(key, 100)) == (None, None)
    for key in ("folder/secret", "folder/made"):
        with pytest.raises(KeyRefused, match=r"a link in .* leads elsewhere"):
            store.put(key, BODY, if_absent=False)
    store.delete("folder/secret")
    assert store.put("file", BODY, if_absent=True) is False
    assert store.put("file", BODY, if_absent=False) is True  # in place of the link
    store.put("new", BODY, if_absent=False)
    store.delete("new")

    assert outside(root) == {"secret": SECRET, "elsewhere/secret": SECRET}
    assert (root / "file").read_bytes() == BODY
    assert not (root / "file").is_symlink()


def test_a_deep_link_makes_no_folders_outside(store: FolderStore, root: Path) -> None:
    """A refused write leaves nothing behind where the link leads, not even a folder."""
    (root / "folder").symlink_to(root.parent / "elsewhere")

    with pytest.raises(KeyRefused):
        store.put("folder/deep/file", BODY, if_absent=False)

    assert sorted(path.name for path in (root.parent / "elsewhere").iterdir()) == ["secret"]


def test_a_root_reached_through_a_link_is_fine(root: Path, tmp_path: Path) -> None:
    """The folder that was named may itself be a link: that was the user's choice."""
    (tmp_path / "alias").symlink_to(root)
    store = FolderStore(tmp_path / "alias", escaped=False)

    assert store.put("a/b", BODY, if_absent=True)
    assert (root / "a/b").read_bytes() == BODY


def test_the_longest_result_key_is_kept_and_a_longer_one_named(root: Path) -> None:
    """A result's key may have 1,023 bytes in a folder as in a bucket, and one more is an error."""
    store, place = FolderStore(root, escaped=True), Place(root.as_uri(), "")
    longest = result_key("x" * 1018, place)

    assert store.put(longest, BODY, if_absent=True)
    assert [meta.key for meta in store.list("")] == [longest]
    with pytest.raises(KeyRefused, match="1025 bytes"):
        result_key("x" * 1020, place)


def test_a_name_too_long_for_a_file_is_an_error_when_written(root: Path) -> None:
    """Where names are plain, one the file system cannot hold is named, not lost."""
    with pytest.raises(ConfigError, match="File name too long"):
        FolderStore(root, escaped=False).put("x" * 300, BODY, if_absent=True)


@as_root
def test_a_file_that_may_not_be_read_is_refused_by_name(root: Path) -> None:
    """Permission denied on one file is that key's error, with what to do."""
    (root / "a").write_bytes(BODY)
    (root / "a").chmod(0)

    with pytest.raises(KeyRefused, match="permission denied; let this user read and write it"):
        FolderStore(root, escaped=False).get("a", 9)
