"""Wheels and sources into entries."""

import io
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from fanlight.errors import ConfigError
from tools.packaging.contents import folder, library
from tools.packaging.zipped import Entry


def wheel(path: Path, files: dict[str, bytes], mode: int = 0o644) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            made.writestr(info, data, zipfile.ZIP_DEFLATED)
    return path


def sources(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as made:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            made.addfile(info, io.BytesIO(data))
    return path


def content(entry: Entry) -> bytes:
    body = entry.body()
    if entry.method == zipfile.ZIP_DEFLATED:
        return zlib.decompress(body, -zlib.MAX_WBITS)
    return body


def test_a_wheel_is_laid_out_as_installed(tmp_path: Path) -> None:
    """Modules from the data folder come to the top; commands and the installer's files do not."""
    file = wheel(tmp_path / "some_lib-1.2-py3-none-any.whl", {
        "some_lib/__init__.py": b"x = 1\n" * 9,
        "some_lib-1.2.data/purelib/extra.py": b"",
        "some_lib-1.2.data/scripts/some-command": b"#!python",
        "some_lib-1.2.dist-info/RECORD": b"",
        "some_lib-1.2.dist-info/METADATA": b"Name: some-lib",
    })  # fmt: skip

    made = list(library(file))
    assert {entry.path: content(entry) for entry in made} == {
        "some_lib/__init__.py": b"x = 1\n" * 9,
        "extra.py": b"",
        "some_lib-1.2.dist-info/METADATA": b"Name: some-lib",
    }
    assert {entry.component for entry in made} == {"some-lib 1.2"}


@pytest.mark.parametrize(("mode", "expected"), [(0o600, 0o644), (0o775, 0o755)])
def test_permissions_are_one_of_two(tmp_path: Path, mode: int, expected: int) -> None:
    """Everyone may read; what its owner may run, everyone may."""
    file = wheel(tmp_path / "a-1-py3-none-any.whl", {"a.so": b"1"}, mode)

    assert [entry.mode for entry in library(file)] == [expected]


def test_sources_give_their_package(tmp_path: Path) -> None:
    """The package, its licence and its metadata are taken; setup and examples are not."""
    file = sources(tmp_path / "oss2-2.0.tar.gz", {
        "oss2-2.0/PKG-INFO": b"Name: oss2",
        "oss2-2.0/LICENSE": b"MIT",
        "oss2-2.0/setup.py": b"raise SystemExit",
        "oss2-2.0/examples/a.py": b"",
        "oss2-2.0/oss2/api.py": b"pass",
        "oss2-2.0/oss2/tests/test_api.py": b"",
    })  # fmt: skip

    assert {entry.path: content(entry) for entry in library(file)} == {
        "oss2-2.0.dist-info/METADATA": b"Name: oss2",
        "oss2-2.0.dist-info/licenses/LICENSE": b"MIT",
        "oss2/api.py": b"pass",
    }


@pytest.mark.parametrize("path", ["../a.py", "/a.py", "a/../../b.py"])
def test_a_wheel_that_leaves_its_folder_is_refused(tmp_path: Path, path: str) -> None:
    """A path that unpacks elsewhere is never written into a package."""
    file = wheel(tmp_path / "a-1-py3-none-any.whl", {path: b""})

    with pytest.raises(ConfigError, match="leaves its folder"):
        list(library(file))


@pytest.mark.parametrize("name", ["a-1-py3-none-any.whl", "a-1.tar.gz"])
def test_a_file_cut_short_is_named(tmp_path: Path, name: str) -> None:
    """What cannot be read is named, with what to do about it."""
    (tmp_path / name).write_bytes(b"PK\3\4")

    with pytest.raises(ConfigError, match=f"{name} is damaged .* delete it"):
        list(library(tmp_path / name))


def test_caches_and_hidden_files_stay_behind(tmp_path: Path) -> None:
    """Of our own folders, only what is part of the code goes into the zip."""
    for name in ("own/a.py", "own/data.json", "own/__pycache__/a.pyc", "own/.DS_Store", "b.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")

    assert [e.path for e in folder(tmp_path, "own", "c")] == ["own/a.py", "own/data.json"]
