"""Unpacking: what is in the zip, nothing outside the folder, and every trick refused by name."""

import errno
import io
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight import unzip
from fanlight.errors import ConfigError, DamagedZip, NoRoom, UnsafeZip, ZipBomb
from fanlight.unzip import check_room, unpack

Entries = dict[str, bytes]


def zipped(entries: Entries, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(name), data, compression)
    return out.getvalue()


def with_mode(name: str, mode: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        archive.writestr(entry, b"/etc/passwd")
    return out.getvalue()


def tree(folder: Path) -> Entries:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def unpacked(data: bytes, root: Path) -> Entries:
    root.mkdir(exist_ok=True)
    archive = root / "model.zip"
    archive.write_bytes(data)
    unpack(archive, root / "model")
    return tree(root / "model")


def refused(data: bytes, root: Path) -> ConfigError:
    """The error; nothing but the archive is left behind, inside the folder or out of it."""
    with pytest.raises(ConfigError) as caught:
        unpacked(data, root / "inner")
    assert set(tree(root)) == {"inner/model.zip"}
    return caught.value


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_is_unpacked_whole(tmp_path: Path, compression: int) -> None:
    """Files, folders in folders and empty files come out as they went in."""
    entries = {"model.json": b"{}", "a/b/c.bin": bytes(range(256)) * 999, "a/empty": b""}

    assert unpacked(zipped(entries, compression), tmp_path) == entries


def test_a_folder_entry_is_no_file(tmp_path: Path) -> None:
    """Entries that end with a slash are folders, as zip tools write them."""
    assert unpacked(zipped({"a/": b"", "a/x": b"1"}), tmp_path) == {"a/x": b"1"}


@pytest.mark.parametrize(
    "name",
    ["../x", "a/../../x", "/etc/x", "a//x", "./x", "a/./x", "..", "C:/x", "C:x", "a\\..\\..\\x",
     "a\0b", "\\\\server\\x"],
)  # fmt: skip
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    """A zip slip in any spelling ends the unpacking before a byte is written."""
    # zipfile itself would write another name for some of these, so the name is put in by hand.
    stand_in = "Q" * len(name)
    data = zipped({"good": b"1", stand_in: b"evil"}).replace(stand_in.encode(), name.encode())

    error = refused(data, tmp_path)

    assert isinstance(error, UnsafeZip)
    assert str(error) == f"model.zip: {name!r} would lead out of its folder"


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    """Only plain files are written: a link could point anywhere."""
    error = refused(with_mode("weights", kind | 0o777), tmp_path)

    assert isinstance(error, UnsafeZip)
    assert "'weights' is a link or a device" in str(error)


def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    """Which of two would count cannot be known."""
    data = zipped({"aa": b"1", "bb": b"2"}).replace(b"bb", b"aa")

    assert str(refused(data, tmp_path)) == "model.zip: 'aa' stands in it twice"


def test_a_file_that_is_a_folder_too_is_refused(tmp_path: Path) -> None:
    """A name cannot be both on a disk."""
    error = refused(zipped({"a": b"1", "a/b": b"2"}), tmp_path)

    assert str(error) == "model.zip: 'a' is a file and a folder"


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_only_deflate_is_inflated(tmp_path: Path, compression: int) -> None:
    """Of the others zipfile does not bound what comes out by what an entry says."""
    error = refused(zipped({"zeros": bytes(10_000)}, compression), tmp_path)

    assert isinstance(error, UnsafeZip)
    assert "packed in a way that is not read; use deflate" in str(error)


def test_a_long_name_is_refused(tmp_path: Path) -> None:
    """No disk takes it, and a thousand folders in one another would take long to make."""
    assert isinstance(refused(zipped({"a/" * 600 + "x": b""}), tmp_path), UnsafeZip)


def test_a_disk_that_fills_up_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the room ends half-way, the error names the setting, and nothing is left."""

    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("fanlight.unzip.shutil.copyfileobj", full)

    error = refused(zipped({"weights": b"1"}), tmp_path)

    assert isinstance(error, NoRoom)
    assert str(error).endswith("disk is full; set diskSize: 10240 in template.yml")


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    """What packs a hundred times over is no model; nothing of it is unpacked."""
    error = refused(zipped({"zeros": bytes(80_000_000)}), tmp_path)

    assert isinstance(error, ZipBomb)
    assert str(error) == "model.zip would unpack to 80 MB, over 100 times its own size"


def test_too_many_entries_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A zip of a great many empty files would fill the disk's index, not its room."""
    monkeypatch.setattr(unzip, "MOST_ENTRIES", 10)

    assert isinstance(refused(zipped({f"f{n}": b"" for n in range(11)}), tmp_path), ZipBomb)


def test_an_entry_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    """More bytes than an entry says are never written, and the lie is an error."""
    data = bytearray(zipped({"big": bytes(1000)}))
    for signature, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        at = data.index(signature) + offset
        data[at : at + 4] = struct.pack("<I", 10)

    assert isinstance(refused(bytes(data), tmp_path), DamagedZip)


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flipped(data: bytes) -> bytes:
    return data[:60] + bytes([data[60] ^ 255]) + data[61:]


def encrypted(data: bytes) -> bytes:
    changed = bytearray(data)
    changed[6] |= 1
    changed[data.index(b"PK\1\2") + 8] |= 1
    return bytes(changed)


@pytest.mark.parametrize("spoil", [cut, flipped, encrypted, lambda _data: b"no zip", lambda _: b""])
def test_a_damaged_zip_is_told(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    """Cut, changed, encrypted, or no zip at all: one error with the zip's name."""
    error = refused(spoil(zipped({"weights.bin": bytes(range(256)) * 8})), tmp_path)

    assert isinstance(error, DamagedZip)
    assert str(error).startswith("model.zip is damaged: ")


def test_room_is_asked_for_before_it_is_used(tmp_path: Path) -> None:
    """Too small a disk is an error that names the setting to change."""
    with pytest.raises(NoRoom) as caught:
        check_room(10**15, tmp_path, "unpacking model.zip")

    assert str(caught.value).startswith("unpacking model.zip needs 1000000000 MB of the instance's")
    assert str(caught.value).endswith("set diskSize: 10240 in template.yml")


def with_long_offset(archive: bytes, offset: int) -> bytes:
    """A zip of one entry, its local header said to be at `offset`, in 64 bits.

    Source: PKWARE's APPNOTE.TXT, 4.3.12 and 4.5.3.
    """
    at, end = archive.index(b"PK\x01\x02"), archive.index(b"PK\x05\x06")
    entry, extra = bytearray(archive[at:end]), struct.pack("<HHQ", 1, 8, offset)
    struct.pack_into("<H", entry, 30, len(extra))
    struct.pack_into("<I", entry, 42, 0xFFFFFFFF)
    tail = bytearray(archive[end:])
    struct.pack_into("<I", tail, 12, len(entry) + len(extra))
    return archive[:at] + bytes(entry) + extra + bytes(tail)


@pytest.mark.parametrize("offset", [2**63, 2**64 - 1])
def test_an_entry_that_is_said_to_be_far_away_is_damage(tmp_path: Path, offset: int) -> None:
    """Python refuses to look there with an error that is no kind of zip error."""
    assert isinstance(refused(with_long_offset(zipped({"a": b"a"}), offset), tmp_path), DamagedZip)


def test_a_64_bit_offset_is_followed(tmp_path: Path) -> None:
    """A zip whose only oddity is that it uses 64 bits is a good one."""
    assert unpacked(with_long_offset(zipped({"a": b"a"}), 0), tmp_path) == {"a": b"a"}


@given(
    names=st.lists(
        st.text(st.sampled_from("ab./\\:"), min_size=1, max_size=8), unique=True, max_size=6
    )
)
def test_no_name_leads_out(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    """Whatever entries are called, either all of them are inside the folder or none is."""
    root = tmp_path_factory.mktemp("zip")
    archive = root / "model.zip"
    archive.write_bytes(zipped({name: name.encode() for name in names}))
    try:
        unpack(archive, root / "model")
        inside = {name for name in names if not name.endswith("/")}
    except ConfigError:
        inside = set()

    assert set(tree(root)) == {"model.zip", *(f"model/{name}" for name in inside)}
