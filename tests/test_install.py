"""Zips from OSS onto the disk, through the real client: checked, in parts, once."""

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import oss2
import pytest

from fanlight import install as installing
from fanlight.archive import Archive
from fanlight.errors import (
    ConfigError,
    DamagedZip,
    NoRoom,
    TransientError,
    UnsafeZip,
    WrongDigest,
)
from fanlight.install import install
from fanlight.retry import Retry
from fanlight.store_oss import Credentials, OssStore
from tools.localcloud import oss

KEYS = oss.Credentials("id", "secret")
KEY = "models/m.zip"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[oss.OssEndpoint]:
    with oss.OssEndpoint([KEYS]) as endpoint:
        endpoint.create_bucket("models")
        yield endpoint


@pytest.fixture
def bucket(endpoint: oss.OssEndpoint) -> oss2.Bucket:
    return oss2.Bucket(oss2.AuthV4("id", "secret"), endpoint.url, "models", region="cn-hangzhou")


@pytest.fixture
def opened(endpoint: oss.OssEndpoint) -> installing.OpenStore:
    def open_store(name: str) -> OssStore:
        return OssStore(
            name, endpoint=endpoint.url, region="cn-hangzhou",
            credentials=Credentials("id", "secret"), retry=Retry.lasting(2),
        )  # fmt: skip

    return open_store


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def put(bucket: oss2.Bucket, data: bytes, key: str = KEY) -> Archive:
    bucket.put_object(key, data)
    return Archive("models", key, hashlib.sha256(data).hexdigest())


def left(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir()) if root.exists() else []


def test_a_zip_is_installed_once(
    bucket: oss2.Bucket, opened: installing.OpenStore, tmp_path: Path
) -> None:
    """The second time nothing is asked of OSS: the folder is named by the zip's digest."""
    archive = put(bucket, zipped(a=b"1", b=b"2"))

    folder = install(archive, opened, tmp_path)
    bucket.delete_object(KEY)
    again = install(archive, opened, tmp_path)

    assert folder == again == tmp_path / archive.sha256
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a": b"1", "b": b"2"}
    assert left(tmp_path) == [archive.sha256]


def test_parts_make_the_whole(
    bucket: oss2.Bucket,
    opened: installing.OpenStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A zip that takes many ranged reads, the last one short, is the same byte for byte."""
    monkeypatch.setattr(installing, "PART", 1000)
    weights = os.urandom(123_457)

    folder = install(put(bucket, zipped(weights=weights)), opened, tmp_path)

    assert (folder / "weights").read_bytes() == weights


def test_another_digest_is_never_unpacked(
    bucket: oss2.Bucket, opened: installing.OpenStore, tmp_path: Path
) -> None:
    """An object with other bytes than the setting names is refused, with both digests."""
    right = put(bucket, zipped(a=b"1"))
    wrong = Archive("models", KEY, "0" * 64)

    with pytest.raises(WrongDigest) as caught:
        install(wrong, opened, tmp_path)

    assert str(caught.value) == (
        f"oss://models/{KEY}#sha256={'0' * 64}: the object has sha256={right.sha256}; publish it "
        "again and set what that prints, or set this digest if the object is what you mean to run"
    )
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (zipped(**{"../out": b"1"}), UnsafeZip),
        (zipped(a=b"1" * 100)[:60], DamagedZip),
        (b"", DamagedZip),
    ],
)
def test_a_bad_zip_leaves_nothing(
    bucket: oss2.Bucket,
    opened: installing.OpenStore,
    tmp_path: Path,
    data: bytes,
    kind: type[ConfigError],
) -> None:
    """Even with the digest it should have, a zip that cannot be trusted leaves no file at all."""
    with pytest.raises(kind):
        install(put(bucket, data), opened, tmp_path / "root")

    assert left(tmp_path / "root") == []
    assert left(tmp_path) == ["root"]


def test_a_missing_object_is_told(opened: installing.OpenStore, tmp_path: Path) -> None:
    """The setting is named as it is written, with what to do."""
    missing = Archive("models", "none.zip", "0" * 64)

    with pytest.raises(ConfigError, match=r"^oss://models/none\.zip#.* there is no such object"):
        install(missing, opened, tmp_path)


def test_a_full_disk_is_told_before_the_download(
    bucket: oss2.Bucket,
    opened: installing.OpenStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the zip does not fit, the error names the setting to change."""
    archive = put(bucket, zipped(a=bytes(1000)))
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr("fanlight.unzip.shutil.disk_usage", lambda _path: usage)

    with pytest.raises(NoRoom, match=r"downloading m\.zip needs 1 MB .* diskSize: 10240"):
        install(archive, opened, tmp_path)


def test_an_object_that_changes_while_it_is_read_is_no_mixture(
    bucket: oss2.Bucket, opened: installing.OpenStore
) -> None:
    """A part is only given while the ETag is the one the download began with."""
    put(bucket, b"first")
    store = opened("models")
    meta = store.head(KEY)
    assert meta is not None
    put(bucket, b"other")

    with pytest.raises(TransientError, match="PreconditionFailed"):
        store.read_range(KEY, 0, 5, meta.etag)
