"""What goes on beside the imports: all at once, errors kept for whoever waits, none of it left."""

import hashlib
import io
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fanlight.archive import Archive
from fanlight.beginning import begun, connect
from fanlight.config import Config
from fanlight.errors import ConfigError, TransientError, WrongDigest
from fanlight.place import Place
from fanlight.reconcile import Reconciler
from fanlight.retry import Retry
from fanlight.store import Meta, Object, Wanted, always
from tests.fakes import MemoryStore, answer_as
from tools.template import SOURCE

PATIENCE = 10.0


def zipped(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, b"content")
    return out.getvalue()


LIBS, MODEL = zipped("some_library.py"), zipped("model.json")


class Bucket:
    """Two zips in memory; before a download gives anything, both must have begun."""

    def __init__(self, together: int) -> None:
        self.objects = {"libs.zip": LIBS, "model.zip": MODEL}
        self.together = threading.Barrier(together)
        self.asked: list[str] = []
        self.reading = 0

    def head(self, key: str) -> Meta | None:
        if key.endswith(".zip"):
            self.together.wait(PATIENCE)
        self.asked.append(key)
        data = self.objects.get(key)
        return None if data is None else Meta(key, len(data), "etag", "v")

    def read_range(self, key: str, start: int, stop: int, etag: str) -> bytes | None:
        self.reading += 1
        time.sleep(0.05)
        self.reading -= 1
        return self.objects[key][start:stop]

    def get(self, key: str, limit: int) -> Object | None:
        self.asked.append(key)
        return None


def archive(key: str, data: bytes) -> Archive:
    return Archive("pictures", key, hashlib.sha256(data).hexdigest())


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Libraries and model in OSS; they go to a disk of this test alone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("sys.path", [*sys.path])
    settings = {
        "FANLIGHT_INPUT": "oss://pictures/input/", "FANLIGHT_OUTPUT": "oss://pictures/output/",
        "FANLIGHT_MODEL": "models/digits", "FC_FUNC_CODE_PATH": str(SOURCE),
        "FC_REGION": "cn-hangzhou",
    }  # fmt: skip
    found = Config.from_environ(settings)
    return replace(found, libs=archive("libs.zip", LIBS), model=archive("model.zip", MODEL))


def opening(bucket: Bucket) -> Callable[..., Any]:
    def open_store(name: str, *, retry: Retry) -> Bucket:
        assert name == "pictures"
        return bucket

    return open_store


def test_downloads_go_on_together(config: Config, tmp_path: Path) -> None:
    """Libraries and model arrive at the same time, the former behind all that is importable."""
    before = list(sys.path)
    with begun(config, opening(Bucket(together=2)), Retry.lasting(0)) as beginning:
        folder = beginning.model()

    assert isinstance(config.model, Archive)
    assert config.libs is not None
    assert folder == tmp_path / "fanlight" / config.model.sha256
    assert (folder / "model.json").read_bytes() == b"content"
    assert sys.path == [*before, str(tmp_path / "fanlight" / config.libs.sha256)]


def test_they_begin_before_they_are_waited_for(config: Config) -> None:
    """While the rest is imported they are under way."""
    bucket = Bucket(together=3)

    with begun(config, opening(bucket), Retry.lasting(0)) as beginning:
        bucket.together.wait(PATIENCE)  # which both downloads have reached, or it breaks
        beginning.model()


def test_an_error_waits_for_who_asks(config: Config) -> None:
    """A zip that is another one stops who waits for the model, and nobody before."""
    wrong = replace(config, model=archive("model.zip", b"another"))

    with (
        begun(wrong, opening(Bucket(together=2)), Retry.lasting(0)) as beginning,
        pytest.raises(WrongDigest, match=r"model\.zip"),
    ):
        beginning.model()


def test_nothing_goes_on_afterwards(config: Config) -> None:
    """An error inside ends the downloads' threads too: an instance may freeze right after."""
    bucket = Bucket(together=2)

    with (
        pytest.raises(ValueError, match="an import failed"),
        begun(config, opening(bucket), Retry.lasting(0)),
    ):
        raise ValueError("an import failed")

    assert bucket.reading == 0
    assert {"libs.zip", "model.zip"} <= set(bucket.asked)


def test_a_model_of_the_package_is_not_waited_for(config: Config) -> None:
    """Its folder is told, and of OSS only what opens the connection is asked."""
    bucket, folder = Bucket(together=1), SOURCE / "models" / "digits"
    local = replace(config, model=folder, libs=None)

    with begun(local, opening(bucket), Retry.lasting(0)) as beginning:
        assert beginning.model() == folder

    assert beginning.connected()
    assert bucket.asked == ["output/.fanlight.json"]


class Failing(Bucket):
    """Answers with an error, or not at all."""

    def __init__(self, error: Exception) -> None:
        super().__init__(together=1)
        self.error = error

    def get(self, key: str, limit: int) -> Object | None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "answered"),
    [(TransientError("no answer"), False), (ConfigError("no permission"), True)],
)
def test_a_connection_that_fails_stops_nothing(
    config: Config, error: Exception, *, answered: bool
) -> None:
    """A refusal is an answer, and leaves a connection; silence is none. Neither is raised."""
    folder = SOURCE / "models" / "digits"
    local = replace(config, model=folder, libs=None)

    with begun(local, opening(Failing(error)), Retry.lasting(0)) as beginning:
        assert beginning.model() == folder

    assert beginning.connected() == answered


def reconciler(store: MemoryStore) -> Reconciler:
    return Reconciler(
        images=store, input=Place("bucket", "input/"), results=store,
        output=Place("bucket", "output/"), answer=answer_as("m"), max_bytes=10,
    )  # fmt: skip


def test_connecting_leaves_nothing_behind() -> None:
    """It asks for what is not there, and writes nothing."""
    store = MemoryStore()
    store.put("input/a.png", b"1", if_absent=False)

    connect(reconciler(store))

    assert list(store.objects) == ["input/a.png"]


@pytest.mark.parametrize("data", [b"", b"1"])
def test_connecting_reads_no_image(data: bytes) -> None:
    """An image that somebody has put there is not for the initializer to read or to answer."""
    store, key = Watched(), "input/.fanlight"
    store.put(key, data, if_absent=False)

    connect(reconciler(store))

    assert list(store.objects) == [key]
    assert store.read == [b""] * len(store.read)


class Watched(MemoryStore):
    """Remembers what bytes were read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[bytes] = []

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Object | None:
        found = super().get(key, limit, wanted)
        self.read.append((found and found.data) or b"")
        return found


def test_connecting_in_vain_stops_nothing() -> None:
    """Whatever is wrong is left to the first image."""

    class Unreadable(MemoryStore):
        def get(self, key: str, limit: int, wanted: Wanted = always) -> Object | None:
            raise RuntimeError("no store")

    connect(reconciler(Unreadable()))
