"""The folder that keeps a local cloud's state, for one cloud at a time."""

import fcntl
import os
import shutil
from pathlib import Path

from fanlight.errors import ConfigError

_MARK = b"the state of a fanlight local cloud\n"
"""In the lock file: what is beside it is a local cloud's own, to be emptied and replaced."""


class DataFolder:
    """Made and locked by `lock`; the lock ends with `release` or with the process, however."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @property
    def objects(self) -> Path:
        """The folder of the buckets."""
        return self.path / "oss"

    @property
    def queue(self) -> Path:
        """The file of the asynchronous invocations."""
        return self.path / "queue.sqlite"

    @property
    def instances(self) -> Path:
        """The disks of the instances; empty when the folder has just been locked."""
        return self.path / "instances"

    def lock(self) -> None:
        """ConfigError if another process has it, if it holds something else or is not writable."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            others = [path for path in self.path.iterdir() if path.name != "lock"]
            if others and not self._marked():
                raise ConfigError(
                    f"{self.path} holds something else; name a new folder for --data, or an "
                    "empty one"
                )
            # Not inherited, so an instance that outlives the cloud holds no lock.
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigError(f"{self.path}: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            message = "is in use by another local cloud; stop it or name another folder"
            raise ConfigError(f"{self.path} {message}") from None
        self._lock = descriptor
        os.pwrite(descriptor, _MARK, 0)
        # What instances left behind whose cloud was killed: they died with it.
        shutil.rmtree(self.instances, ignore_errors=True)
        self.instances.mkdir(exist_ok=True)

    def _marked(self) -> bool:
        try:
            return (self.path / "lock").read_bytes() == _MARK
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let another cloud have it. Does nothing if not locked."""
        descriptor, self._lock = self._lock, None
        if descriptor is not None:
            os.close(descriptor)
