import hashlib
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from fanlight.config import Limits
from fanlight.errors import ConfigError
from tools.localcloud import oss
from tools.places import Access, Side
from tools.training.assemble import INPUT
from tools.training.pictures import Pictures, Scan
from tools.training.train import SPEC

PNG = bytes(cv2.imencode(".png", np.zeros((9, 9, 3), np.uint8))[1])


def test_the_spec_is_that_of_the_bundle() -> None:
    """Pictures are prepared for training as model.json says, which is for EfficientNet-Lite0."""
    assert (SPEC.width, SPEC.height, SPEC.channels, SPEC.keep) == (224, 224, 3, INPUT["keep"])
    assert (list(SPEC.mean), list(SPEC.std)) == ([127.0] * 3, [128.0] * 3)


def test_reads_a_folder_and_sorts_its_files(tmp_path: Path) -> None:
    """An empty class is seen; text is passed over; what should be a picture and is none is told."""
    for name, data in {
        "a/1.png": PNG, "a/notes.txt": b"text", "b/broken.jpg": b"no picture", "b/empty": b"",
        "b/large.png": PNG + b"\0" * 2_000,
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    (tmp_path / "c").mkdir()
    pictures = Pictures(str(tmp_path), Access(), Limits(max_bytes=2_000), SPEC)
    done: list[None] = []

    names = pictures.names()
    files = [name for name in names if not name.endswith("/")]
    scan = pictures.scan(files, 2, lambda: done.append(None))

    assert [name for name in names if name.endswith("/")] == ["a/", "b/", "c/"]
    assert len(done) == len(files) == 5
    assert scan == Scan(
        {"a/1.png": hashlib.sha256(PNG).hexdigest()},
        {
            "b/broken.jpg": "the bytes are not those of an image",
            "b/empty": "the object has no bytes",
            "b/large.png": f"{len(PNG) + 2_000} bytes is more than 2000 (FANLIGHT_MAX_BYTES)",
        },
        ["a/notes.txt"],
    )


def test_a_file_that_vanishes_is_told(tmp_path: Path) -> None:
    """What was listed and is gone ends the training with a word, not with a traceback."""
    pictures = Pictures(str(tmp_path), Access(), Limits(), SPEC)

    with pytest.raises(ConfigError, match=r"a/1\.png vanished"):
        pictures.data("a/1.png")


def test_a_bucket_looks_like_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under an oss:// prefix the same names and bytes are found, and what is beside it is not."""
    secret = os.urandom(8).hex()
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", secret)
    with oss.OssEndpoint([oss.Credentials("id", secret)]) as endpoint:
        endpoint.create_bucket("pictures")
        access = Access(endpoint.url, "cn-hangzhou")
        store = Side.images("oss://pictures/", access).store
        for key in ("shop/a/1.png", "shop/b/", "other/c/2.png"):
            store.put(key, PNG, if_absent=False)

        pictures = Pictures("oss://pictures/shop", access, Limits(), SPEC)

        assert pictures.names() == ["a/1.png", "b/"]
        assert pictures.data("a/1.png") == PNG
