"""Events given to a function through Function Compute's own client, asynchronously."""

import threading
import time
from collections.abc import Callable
from typing import Any

from fanlight.errors import ConfigError, FanlightError, StaleCredentials, TransientError
from fanlight.retry import Unreachable
from fanlight.store_oss import Credentials
from tools.patience import Line, Patient

PATIENCE = 120.0
"""Seconds for which an event is offered again before its keys count as failed."""

_CONNECT, _READ = 10_000, 20_000
"""Milliseconds without a byte."""

_WITHOUT_PREFIX = ("me-central-1", "cn-shanghai-finance-1", "cn-heyuan-acdr-1",
                   "cn-hangzhou-finance")  # fmt: skip
"""Regions whose endpoint has the older spelling, by the client's own list."""

_KEYS = "ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET"


class Stopped(FanlightError):
    """Nothing more is to be sent."""


def endpoint_of(region: str) -> str:
    """The public endpoint of Function Compute 3.0 in a region, as the official client lists them.

    Not taken from its list: that has a tab behind one of them, and lacks newer regions.
    """
    if region in _WITHOUT_PREFIX:
        return f"{region}.fc.aliyuncs.com"
    return f"fcv3.{region}.aliyuncs.com"


class Sender:
    """Invokes one function. Any thread may use it."""

    def __init__(
        self, function: str, endpoint: str, keys: Callable[[], Credentials],
        renewed: Callable[[Credentials], bool] = lambda _: False, *, patience: float = PATIENCE,
    ) -> None:  # fmt: skip
        """`endpoint`: of the invoke API. `keys`: asked for each event, since keys rotate.

        `renewed`: told a key that has expired, whether there is another. `patience`: seconds for
        which an event is offered again.
        """
        self._function, self._endpoint = function, endpoint
        self._keys, self._renewed = keys, renewed
        self._line = Line(endpoint, "FANLIGHT_FC_ENDPOINT or --invoke-endpoint", patience)
        self._client: tuple[Credentials, Any] | None = None
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Let nobody wait to try again; what is being sent is sent."""
        self._stopping.set()

    def __call__(self, event: bytes) -> str:
        """The request id under which the function was given the event.

        Tried again while the platform is busy or cannot be reached: an event that arrives twice
        finds its work done. Raises TransientError then, ConfigError when no event would be taken,
        which is known soon where nothing has ever answered, and FanlightError when this one is
        refused.
        """
        line = self._line
        retry = Patient(lambda: time.monotonic() + line.seconds, sleep=self._pause, line=line)
        try:
            return retry(lambda: self._send(event))
        except Unreachable as error:
            if line.heard:
                raise
            raise ConfigError(f"no event could be sent: {error}") from None

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise Stopped("stopped while an event was to be sent again")

    def _send(self, event: bytes) -> str:
        from alibabacloud_fc20230330.models import InvokeFunctionHeaders, InvokeFunctionRequest
        from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
        from darabonba.exceptions import UnretryableException
        from darabonba.runtime import RuntimeOptions

        if self._stopping.is_set():
            raise Stopped("stopped before an event was sent")
        key = self._keys()
        try:
            answer = self._opened(key).invoke_function_with_options(
                self._function,
                InvokeFunctionRequest(body=event),
                InvokeFunctionHeaders(x_fc_invocation_type="Async"),
                RuntimeOptions(connect_timeout=_CONNECT, read_timeout=_READ),
            )
        except AlibabaCloudException as error:
            refusal = self._refusal(error)
            if isinstance(refusal, StaleCredentials) and self._renewed(key):
                raise TransientError(str(refusal)) from None
            raise refusal from None
        except UnretryableException as error:
            inner = type(getattr(error, "inner_exception", error)).__name__
            raise Unreachable(
                f"{self._endpoint} cannot be reached ({inner}); check --invoke-endpoint "
                "or FANLIGHT_FC_ENDPOINT"
            ) from None
        return str(answer.headers.get("x-fc-request-id", ""))

    def _opened(self, key: Credentials) -> Any:
        """A client for the keys of now. Two threads may make one each, which harms nobody."""
        from alibabacloud_fc20230330.client import Client
        from alibabacloud_tea_openapi.utils_models import Config

        client = self._client
        if client is None or client[0] != key:
            config = Config(
                access_key_id=key.access_key_id,
                access_key_secret=key.access_key_secret,
                security_token=key.token or None,
                endpoint=self._endpoint,
            )
            self._client = client = key, Client(config)
        return client[1]

    def _refusal(self, error: Any) -> FanlightError:
        """Ours for one of the client's, by status and code: its text can hold what was signed."""
        status, code = int(error.status_code or 0), str(error.code or "")
        where = f"{self._function}: {code or status} (request {error.request_id})"
        if status == 429 or status >= 500:
            return TransientError(f"{where}: the platform is busy")
        if "Expired" in code and "Token" in code:
            return StaleCredentials(f"{where}: the temporary access key has expired; get a new one")
        if advice := self._advice(status, code):
            return ConfigError(f"{where}: {advice}")
        return FanlightError(f"{where}: the platform refused the event")

    def _advice(self, status: int, code: str) -> str:
        """What to change when every event would be refused; empty if it is this one alone."""
        if "TimeStamp" in code:
            return "this machine's clock is wrong; set it"
        if "AccessKey" in code or "Signature" in code or "SecurityToken" in code:
            return f"these are not the keys of a user who is known there; check {_KEYS}"
        if status in (401, 403):
            return (
                f"permission denied; who runs this needs fc:InvokeFunction on {self._function}, "
                "as `fanlight policy --role operator` prints it"
            )
        if status == 404:
            return (
                f"there is no such function at {self._endpoint}; deploy it (`s deploy`), or name "
                "another with --function"
            )
        return ""
