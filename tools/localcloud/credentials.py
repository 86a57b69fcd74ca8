"""The access keys that a local endpoint knows."""

from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True)
class Credentials:
    """An access key; with a security token it is a temporary (STS) one.

    `expires`: when it stops being good, in seconds since 1970; None for never.
    """

    access_key_id: str
    access_key_secret: str
    security_token: str = ""
    expires: float | None = None

    def expired(self, now: float) -> bool:
        """Whether they are no longer good at that time."""
        return self.expires is not None and now >= self.expires


class Keyring:
    """Credentials that may be added while requests are being verified against them."""

    def __init__(self, credentials: Iterable[Credentials] = ()) -> None:
        self._lock = Lock()
        self._known: dict[tuple[str, str], Credentials] = {}
        for one in credentials:
            self.accept(one)

    def accept(self, credentials: Credentials) -> None:
        """Add credentials, or replace those of the same id and security token."""
        with self._lock:
            self._known[credentials.access_key_id, credentials.security_token] = credentials

    def get(self, key_id: str, token: str) -> Credentials | None:
        """The credentials of that id and security token, expired or not."""
        with self._lock:
            return self._known.get((key_id, token))

    def knows(self, key_id: str) -> bool:
        """Whether there are credentials of that id, whatever their token."""
        with self._lock:
            return any(known == key_id for known, _ in self._known)
