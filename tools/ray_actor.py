"""What one actor of a Ray cluster does: the model loaded once, then keys, a chunk at a time."""

import socket
import tempfile
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fanlight.bundle import Bundle
from fanlight.errors import ConfigError, FanlightError, StaleCredentials
from fanlight.place import SCHEME
from fanlight.unzip import unpack
from tools.engine import Job
from tools.engine_process import Worked, start, work


@dataclass(frozen=True)
class Expected:
    """What a node must agree with, for its results to be those of this machine.

    `digest`: the model's. `recipe`: of the results. `marker`: a file that is in the results'
    folder; None where results go to a bucket.
    """

    fanlight: str
    digest: str
    recipe: str
    marker: Path | None


def installed() -> str:
    """Fanlight's version; empty where it is not installed as a package."""
    try:
        return version("fanlight")
    except PackageNotFoundError:
        return ""


class Actor:
    """A process of its own on some node. It never raises: Ray would log and wrap what it does."""

    def __init__(self, job: Job, packed: bytes, expected: Expected) -> None:
        """`packed`: the zip of the model's bundle, which need not be on the node."""
        self._error: FanlightError | None = None
        try:
            self._start(job, packed, expected)
        except FanlightError as error:
            self._error = _told(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, who runs it is to know
            self._error = _told(FanlightError(f"{type(error).__name__}: {error}"))

    def ready(self) -> FanlightError | None:
        """What is wrong with this node, if anything."""
        return self._error

    def work(self, keys: list[str]) -> Worked | FanlightError:
        """See `engine_process.work`."""
        try:
            return work(keys)
        except FanlightError as error:
            return _told(error)

    @staticmethod
    def _start(job: Job, packed: bytes, expected: Expected) -> None:
        if installed() != expected.fanlight:
            raise ConfigError(
                f"fanlight {installed() or 'of an unknown version'} is here, "
                f"{expected.fanlight or 'an unknown version'} where the run was started; install "
                "the same, with its ray extra, on every node"
            )
        _check_folders(job, expected.marker)
        with tempfile.TemporaryDirectory(prefix="fanlight-") as scratch:
            archive, folder = Path(scratch, "model.zip"), Path(scratch, "model")
            archive.write_bytes(packed)
            unpack(archive, folder)
            bundle = Bundle.read(folder)
            if bundle.digest != expected.digest:
                raise ConfigError("the model did not arrive whole")
            if job.choices.recipe(bundle) != expected.recipe:
                raise ConfigError(
                    "fanlight here would make other results than where the run was started; "
                    "install the same on every node"
                )
            start(replace(job, model=folder))
            work([])  # raises what is wrong with the start


def _check_folders(job: Job, marker: Path | None) -> None:
    if not job.source.startswith(SCHEME) and not Path(job.source).is_dir():
        raise ConfigError(f"{job.source} is not here; {_SHARED}")
    if marker and not marker.exists():
        raise ConfigError(f"{marker.parent} is another folder here, or none; {_SHARED}")


_SHARED = "every node must have the folder at the same path, or let the run be on oss:// places"


def _told(error: FanlightError) -> FanlightError:
    """The same with this node's name, as one of the kinds that can be sent."""
    for kind in (StaleCredentials, ConfigError):
        if isinstance(error, kind):
            return kind(f"node {socket.gethostname()}: {error}")
    return FanlightError(f"node {socket.gethostname()}: {error}")
