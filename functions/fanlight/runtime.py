"""What differs between Function Compute's Python runtimes, in one place."""

import time
from collections.abc import Mapping
from typing import Any

from fanlight.errors import ConfigError
from fanlight.retry import Retry
from fanlight.store_oss import Credentials

_INITIALIZER = 30.0
"""Seconds for which a request of the initializer is repeated, so that its error can be told."""

_LONGEST_MARGIN = 5.0
"""Seconds kept back from the function's timeout to report what failed."""


def credentials(context: Any, environ: Mapping[str, str]) -> Credentials:
    """Of this invocation: on the context up to Python 3.10, in the environment from 3.12 on.

    They rotate, so they are asked for at each invocation.
    """
    given: Any = getattr(context, "credentials", None)
    if getattr(given, "access_key_id", None):
        return Credentials(given.access_key_id, given.access_key_secret, given.security_token or "")
    try:
        return Credentials(
            environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
            environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
            environ.get("ALIBABA_CLOUD_SECURITY_TOKEN", ""),
        )
    except KeyError as missing:
        raise ConfigError(
            f"{missing.args[0]} is not set; give the function a role, or export an access key"
        ) from None


def initializer_retry() -> Retry:
    """For an initializer, whose own timeout no context tells: template.yml gives it a minute."""
    return Retry.lasting(_INITIALIZER)


def retry(context: Any) -> Retry:
    """For as long as this invocation may last, less what it takes to report a failure."""
    timeout = float(context.function.timeout)
    return Retry.until(time.monotonic() + timeout - min(_LONGEST_MARGIN, timeout / 10))


def memory(environ: Mapping[str, str]) -> int | None:
    """Bytes the function has for all its processes together; None where nothing tells."""
    megabytes = environ.get("FC_FUNCTION_MEMORY_SIZE", "")
    return int(megabytes) * 1024 * 1024 if megabytes.isdecimal() else None
