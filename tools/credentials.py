"""Access keys for the command line: the environment's, or those of a source that renews them.

A run can last longer than a temporary key. Keys in the environment of a process stay as they are,
so the sources that hand out new ones are asked through the vendor's own package: an OIDC token, a
profile of the `aliyun` command, an ECS instance's RAM role, an address given by
ALIBABA_CLOUD_CREDENTIALS_URI. Functions have a key for each invocation and need none of this.
"""

import logging
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import Any, NoReturn, TypeVar

from fanlight.errors import ConfigError, StaleCredentials, TransientError, UnknownAccessKey
from fanlight.oss_sdk import oss2
from fanlight.retry import Retry
from fanlight.runtime import credentials as given
from fanlight.store_oss import Credentials
from tools.extras import installing
from tools.patience import Line, Patient

T = TypeVar("T")

_ID, _SECRET = "ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"

RENEWED = (
    "run it again with a new key, and it goes on where it was; what renews keys by itself is a "
    "profile of `aliyun configure`, an ECS instance's RAM role, ALIBABA_CLOUD_CREDENTIALS_URI or "
    f"an OIDC token, while {_ID} is not set"
)
"""What to do about a key that has expired in the middle of a run."""

_NONE = (
    f"no access key was found: export {_ID} and {_SECRET} (and ALIBABA_CLOUD_SECURITY_TOKEN with "
    "a temporary one), or have one that is renewed: a profile of `aliyun configure`, an ECS "
    "instance's RAM role, ALIBABA_CLOUD_CREDENTIALS_URI, or an OIDC token "
    "(ALIBABA_CLOUD_ROLE_ARN, ALIBABA_CLOUD_OIDC_PROVIDER_ARN, ALIBABA_CLOUD_OIDC_TOKEN_FILE). "
    "For the local cloud, use the exports that `fanlight up` prints"
)

_SOURCES = ("ALIBABA_CLOUD_CREDENTIALS_URI", "ALIBABA_CLOUD_OIDC_TOKEN_FILE",
            "ALIBABA_CLOUD_PROFILE", "ALIBABA_CLOUD_ECS_METADATA")  # fmt: skip
"""Variables that name a source, so that it is not for want of one that there is no key."""

_ASKED_AGAIN = 30.0
"""Seconds. The chain keeps a key until 15 minutes before its end, and asks for each that lasts
less each time it is asked itself, which here is for every request."""

_MADE_AGAIN = 10.0
"""Seconds between two chains made anew: one on an ECS instance has a thread that never ends."""

Source = Callable[[], Credentials]
"""Gives the key that is good now, from what it keeps or from where it gets them; may raise."""


class Rotating:
    """Access keys that are renewed. Threads may share it; another process makes its own."""

    def __init__(
        self, source: Callable[[], Source], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`source`: makes a source that remembers nothing."""
        self._make, self._clock, self._lock = source, clock, Lock()
        self._source: Source | None = None
        self._made = self._asked = -math.inf
        self.last: Credentials | None = None
        """What was given last."""

    def __reduce__(self) -> NoReturn:
        raise TypeError("access keys stay in their process")

    def get_credentials(self) -> Any:
        """The key to sign a request with, as oss2 wants it; ConfigError if there was never one."""
        with self._lock:
            if self.last is None or self._clock() - self._asked >= _ASKED_AGAIN:
                self._ask()
            if self.last is None:
                raise ConfigError(_none(os.environ))
            key = self.last
        return oss2.credentials.Credentials(key.access_key_id, key.access_key_secret, key.token)

    def renew(self, refused: Credentials | None) -> bool:
        """Look for another key than one that OSS has refused; whether there is one."""
        with self._lock:
            if self.last == refused:
                self._ask()
            if self.last == refused and self._clock() - self._made >= _MADE_AGAIN:
                self._source = None  # what it remembers is what was refused
                self._ask()
            return self.last != refused

    def _ask(self) -> None:
        """What cannot be had now may be had later: until OSS refuses it, the last key is good."""
        self._asked = self._clock()
        try:
            if self._source is None:
                self._made = self._asked
                self._source = self._make()
            self.last = self._source()
        except ConfigError:
            raise
        except Exception:  # noqa: BLE001, S110 - its text may quote the answer with the key in it
            pass


def _none(environ: Mapping[str, str]) -> str:
    """That there is no key, and which sources were asked for one: their errors are not shown."""
    asked = [name for name in _SOURCES if environ.get(name)]
    if not asked:
        return _NONE
    return (
        f"no access key came from what is set, {' and '.join(asked)}: see that it answers with "
        f"one, or export {_ID} and {_SECRET}"
    )


@dataclass(frozen=True)
class Renewing(Patient):
    """Tries again with a new key what was refused for the key that it was signed with.

    Raises StaleCredentials when no other key has come until the deadline.
    """

    keys: Rotating = field(kw_only=True)

    def __call__(self, operation: Callable[[], T]) -> T:
        """See `Retry`."""
        expired: StaleCredentials | None = None

        def tried() -> T:
            nonlocal expired
            used, expired = self.keys.last, None
            try:
                return operation()
            except StaleCredentials as error:
                if not self.keys.renew(used):  # where it is renewed may itself be a little late
                    expired = error
                raise TransientError(str(error)) from None
            except UnknownAccessKey as error:  # one that was withdrawn, or never was
                if not self.keys.renew(used):
                    raise
                raise TransientError(str(error)) from None

        try:
            return super().__call__(tried)
        except TransientError:
            if expired:
                raise expired from None
            raise


def signing_and_retry(environ: Mapping[str, str], line: Line) -> tuple[Any, Retry]:
    """What an `OssStore` signs with, and how it tries again, for `line.seconds` each time.

    ConfigError says what there could be, where there is no key.
    """

    def deadline() -> float:
        return time.monotonic() + line.seconds

    if environ.get(_ID) or environ.get(_SECRET):
        return given(None, environ), Patient(deadline, line=line)
    keys = rotating()
    keys.get_credentials()  # none at all is told before there is work
    return oss2.ProviderAuthV4(keys), Renewing(deadline, line=line, keys=keys)


def present(environ: Mapping[str, str]) -> Credentials:
    """The key that is good now, for what does not last. ConfigError as above."""
    if environ.get(_ID) or environ.get(_SECRET):
        return given(None, environ)
    keys = rotating()
    keys.get_credentials()
    assert keys.last is not None  # noqa: S101 - it has just been given
    return keys.last


def renewed(refused: Credentials) -> bool:
    """Whether there is another key than one that has expired; the environment's stays as it is."""
    return rotating().last is not None and rotating().renew(refused)


@cache
def rotating() -> Rotating:
    """This process's, over the default chain of alibabacloud-credentials."""
    return Rotating(_chain)


def _chain() -> Source:
    try:
        from alibabacloud_credentials.provider import DefaultCredentialsProvider
    except ImportError:
        raise ConfigError(
            f"{_ID} is not set; export an access key (for the local cloud, what `fanlight up` "
            f"prints), or install what asks for keys that are renewed: {installing('tools')}"
        ) from None
    # It logs to stderr what it was answered, and that may be a key.
    for name in ("credentials", "alibabacloud-tea", "apscheduler"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    provider = DefaultCredentialsProvider()

    def ask() -> Credentials:
        found = provider.get_credentials()
        return Credentials(
            found.get_access_key_id(),
            found.get_access_key_secret(),
            found.get_security_token() or "",
        )

    return ask
