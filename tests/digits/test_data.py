import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import FanlightError
from tools.digits import data
from tools.digits.data import FILES, cache_folder, from_idx, load_mnist, read_folder, to_idx

ARRAYS = {
    "train_images": np.arange(3 * 4, dtype=np.uint8).reshape(3, 2, 2),
    "train_labels": np.array([7, 1, 2], np.uint8),
    "test_images": np.zeros((1, 2, 2), np.uint8),
    "test_labels": np.array([9], np.uint8),
}


def tiny(folder: Path, *, packed: bool = False) -> dict[str, tuple[str, str]]:
    """Four tiny idx files in `folder`, and the names and digests that go with them."""
    folder.mkdir(exist_ok=True)
    names = {}
    for array, (name, _) in FILES.items():
        content = to_idx(ARRAYS[array])
        names[array] = (name, hashlib.sha256(content).hexdigest())
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return names


@pytest.mark.parametrize("packed", [False, True])
def test_reads_plain_and_gz(tmp_path: Path, *, packed: bool) -> None:
    """A folder of idx files reads the same whether they are compressed or not."""
    names = tiny(tmp_path, packed=packed)

    found = read_folder(tmp_path, names=names)

    for array, expected in ARRAYS.items():
        np.testing.assert_array_equal(from_idx(found[array]), expected)


def test_refuses_other_content(tmp_path: Path) -> None:
    """A file that is not the published one is refused, by name."""
    tiny(tmp_path)

    with pytest.raises(FanlightError, match="train-images-idx3-ubyte is not the published file"):
        read_folder(tmp_path)


def test_names_a_missing_file(tmp_path: Path) -> None:
    """A folder without a file says which, in both spellings it would take."""
    with pytest.raises(FanlightError, match=r"neither train-images-idx3-ubyte nor .*\.gz"):
        read_folder(tmp_path)


def test_says_what_would_help(tmp_path: Path) -> None:
    """When nothing has the data, one error names each source's failure and the remedy."""
    with pytest.raises(FanlightError) as caught:
        load_mnist(tmp_path / "nowhere")

    text = str(caught.value)
    assert "- the folder:" in text
    assert "Put train-images-idx3-ubyte" in text


def test_tries_sources_in_turn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Sources are asked in turn, the first that works is kept, and the next run needs none."""
    names = tiny(tmp_path / "made")
    asked: list[str] = []

    def source(name: str, *, works: bool) -> Callable[[], dict[str, bytes]]:
        def ask() -> dict[str, bytes]:
            asked.append(name)
            if not works:
                raise FanlightError("not today")
            return read_folder(tmp_path / "made", names=names)

        return ask

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(data, "from_keras", source("keras", works=False))
    monkeypatch.setattr(data, "from_npm", source("npm", works=True))

    mnist = load_mnist()

    assert asked == ["keras", "npm"]
    np.testing.assert_array_equal(mnist.train_images, ARRAYS["train_images"])
    kept = read_folder(tmp_path / "cache" / "fanlight" / "mnist", names=names)
    np.testing.assert_array_equal(from_idx(kept["test_labels"]), ARRAYS["test_labels"])


def test_cache_follows_xdg() -> None:
    """The cache is under XDG_CACHE_HOME where that is set, else under ~/.cache."""
    assert cache_folder({"XDG_CACHE_HOME": "/somewhere"}) == Path("/somewhere/fanlight/mnist")
    assert cache_folder({}) == Path.home() / ".cache" / "fanlight" / "mnist"
    assert cache_folder({"XDG_CACHE_HOME": ""}) == Path.home() / ".cache" / "fanlight" / "mnist"


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_idx_round_trip(shape: list[int], random: object) -> None:
    """Any array of bytes survives being written as idx and read again."""
    array = np.arange(int(np.prod(shape)), dtype=np.uint8).reshape(shape)

    np.testing.assert_array_equal(from_idx(to_idx(array)), array)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x00\x08",
        b"\x00\x00\x0d\x01\x00\x00\x00\x01x",
        to_idx(ARRAYS["test_labels"])[:-1],
    ],
)
def test_refuses_what_is_not_idx(content: bytes) -> None:
    """Files cut short or of another type are refused, not misread."""
    with pytest.raises(FanlightError):
        from_idx(content)
