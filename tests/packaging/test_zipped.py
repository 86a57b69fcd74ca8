"""The zip's bytes."""

import os
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fanlight.errors import ConfigError
from tools.packaging.contents import folder
from tools.packaging.zipped import Entry, packed, write_zip

FILES = {"b/ü.txt": b"text " * 100, "a.bin": bytes(range(256)), "b/empty": b""}


def entries() -> list[Entry]:
    return [packed(path, "test", data) for path, data in FILES.items()]


@pytest.fixture
def any_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_any_unzip_reads_it(tmp_path: Path) -> None:
    """Every file is there, whole, in the order of its path, with fixed time and permissions."""
    write_zip(tmp_path / "new" / "a.zip", entries())

    with zipfile.ZipFile(tmp_path / "new" / "a.zip") as read:
        listed = [(i.filename, i.date_time, i.external_attr >> 16) for i in read.infolist()]
        contents = {name: read.read(name) for name in read.namelist()}
    midnight = (1980, 1, 1, 0, 0, 0)
    assert listed == [(name, midnight, 0o100644) for name in sorted(FILES)]
    assert contents == FILES


def test_what_does_not_shrink_is_stored() -> None:
    """A file is deflated only where that makes it smaller."""
    assert {entry.path: entry.method for entry in entries()} == {
        "b/ü.txt": zipfile.ZIP_DEFLATED,
        "a.bin": zipfile.ZIP_STORED,
        "b/empty": zipfile.ZIP_STORED,
    }


@pytest.mark.usefixtures("any_umask")
def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    """Order, times, permissions and umask play no part."""
    roots = [tmp_path / "one", tmp_path / "two"]
    for root, names in zip(roots, (list(FILES), list(FILES)[::-1]), strict=True):
        for number, name in enumerate(names):
            path = root / "code" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(FILES[name])
            path.chmod(0o600 if root == roots[0] else 0o777)
            os.utime(path, (number, number))
    zips = [tmp_path / "1.zip", tmp_path / "2.zip"]
    write_zip(zips[0], folder(roots[0], "code", "c"))
    write_zip(zips[1], list(folder(roots[1], "code", "c"))[::-1])

    assert zips[0].read_bytes() == zips[1].read_bytes()
    assert [path.stat().st_mode & 0o777 for path in zips] == [0o644, 0o644]


def test_one_path_twice_is_refused(tmp_path: Path) -> None:
    """Two libraries that bring one file are named, and nothing is written."""
    twice = [packed("a.py", "one 1", b"1"), packed("a.py", "two 2", b"2")]

    with pytest.raises(ConfigError, match=r"a\.py is in both one 1 and two 2"):
        write_zip(tmp_path / "a.zip", twice)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_the_old_zip(tmp_path: Path) -> None:
    """Ctrl-C half way through leaves what was there before, and no scrap beside it."""

    def interrupted() -> bytes:
        raise KeyboardInterrupt

    path = tmp_path / "a.zip"
    path.write_bytes(b"the old one")
    with pytest.raises(KeyboardInterrupt):
        write_zip(path, [*entries(), replace(packed("z", "test", b"z"), body=interrupted)])

    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.zip", b"the old one")]


def test_a_damaged_download_is_noticed(tmp_path: Path) -> None:
    """An entry whose bytes are not those its checksum names is refused, and nothing is left."""
    wrong = replace(packed("a", "test", b"abc"), body=lambda: b"abd")

    with pytest.raises(ConfigError, match=r"download of test is damaged \(a: .*delete its file"):
        write_zip(tmp_path / "a.zip", [wrong])
    assert list(tmp_path.iterdir()) == []
