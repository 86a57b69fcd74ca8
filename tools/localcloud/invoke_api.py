"""The platform's InvokeFunction, for the functions of a template.

alibabacloud-fc20230330 works against it unchanged. Sources: "InvokeFunction" (2023-03-30), whose
errors are `{RequestId, Code, Message}`, and "Error handling" (Python runtime), which names the
header X-Fc-Error-Type, both in the Function Compute reference; and "Error codes" there, which has
the codes and the messages' sense.
"""

import json
import logging
import re
import time
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from tools.localcloud.acs3 import ApiError, ApiRequest, verify
from tools.localcloud.credentials import Keyring
from tools.localcloud.deliveries import Throttled
from tools.localcloud.instance import Answer
from tools.localcloud.invoker import Invoker
from tools.localcloud.meddling import REFUSAL
from tools.localcloud.oss_request import headers_of
from tools.localcloud.server import WsgiServer
from tools.localcloud.waiting import Delivery

if TYPE_CHECKING:  # the interface exists for type checkers only
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MAX_PAYLOAD = {"Sync": 32 * 1024**2, "Async": 128 * 1024}
"""Bytes an event may have. Source: "Limits" in the Function Compute documentation."""

_PATH = re.compile("/2023-03-30/functions/([^/]+)/invocations")
_QUALIFIER = "LATEST"

logger = logging.getLogger(__name__)

_Response = tuple[int, dict[str, str], bytes]


class InvokeEndpoint:
    """InvokeFunction on 127.0.0.1, for the holders of `keys`."""

    def __init__(
        self,
        invokers: Mapping[str, Invoker],
        accept: Callable[[Delivery], None],
        keys: Keyring,
        port: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`invokers`: by the names of their functions. `port`: 0 takes any that is free.

        `accept`: puts an asynchronous invocation where it is safe, before it is answered.
        `clock`: seconds since 1970, by which signatures are stale and credentials expire.
        """
        self._invokers, self._accept = invokers, accept
        self._keys, self._clock = keys, clock
        self._server = WsgiServer(self._serve, port)

    @property
    def url(self) -> str:
        """The endpoint to give to the SDK; meaningful once started."""
        return self._server.url

    def start(self) -> None:
        """Accept connections. Raises OSError if the port is taken."""
        self._server.start()

    def stop(self) -> None:
        """Close the port and every connection."""
        self._server.stop()

    def _serve(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        request_id = str(uuid.uuid4())
        try:
            if REFUSAL in environ:
                raise environ[REFUSAL]
            status, headers, body = self._invoke(_from_environ(environ), request_id)
        except ApiError as error:
            status, headers, body = _refusal(error, request_id)
        except Exception:
            logger.exception("error while answering %(REQUEST_METHOD)s %(RAW_URI)s", environ)
            fault = ApiError(500, "InternalServerError", "an internal error has occurred")
            status, headers, body = _refusal(fault, request_id)
        start_response(
            f"{status} {HTTPStatus(status).phrase}",
            [("X-Fc-Request-Id", request_id), *headers.items()],
        )
        return [body]

    def _invoke(self, request: ApiRequest, request_id: str) -> _Response:
        match = _PATH.fullmatch(request.path)
        if request.method != "POST" or match is None:
            supported = "POST /2023-03-30/functions/{name}/invocations"
            message = f"'{request.path}' against '{request.method}' is not supported: {supported}"
            raise ApiError(404, "PathNotSupported", f"{message} is")
        verify(request, self._keys, self._clock())
        invoker = self._named(unquote(match[1]), request.query.get("qualifier", _QUALIFIER))
        kind = _choice(request, "x-fc-invocation-type", "Sync", "Async")
        log = _choice(request, "x-fc-log-type", "None", "Tail")
        if len(request.body) > MAX_PAYLOAD[kind]:
            message = f"payload size exceeds maximum allowed size ({MAX_PAYLOAD[kind]} bytes)"
            raise ApiError(400, "EntityTooLarge", message)
        if kind == "Async":
            self._accept(Delivery(invoker.function.name, request.body, request_id))
            return 202, {}, b""
        try:
            answer = invoker.call(request.body, request_id)
        except Throttled as error:
            message = f"the reserved concurrency of {error} is exceeded, please retry later"
            raise ApiError(429, "ResourceExhausted", message) from None
        return _answered(answer, with_log=log == "Tail")

    def _named(self, name: str, qualifier: str) -> Invoker:
        if name not in self._invokers:
            known = ", ".join(self._invokers)
            message = f"function '{name}' does not exist; the template has {known}"
            raise ApiError(404, "FunctionNotFound", message)
        if qualifier != _QUALIFIER:
            code = "VersionNotFound" if qualifier.isdecimal() else "AliasNotFound"
            message = f"'{qualifier}' of function '{name}' does not exist; {_QUALIFIER} does"
            raise ApiError(404, code, message)
        return self._invokers[name]


def _from_environ(environ: "WSGIEnvironment") -> ApiRequest:
    return ApiRequest(
        method=environ["REQUEST_METHOD"],
        path=environ["RAW_URI"].partition("?")[0],
        query=dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True)),
        headers=headers_of(environ),
        body=environ["wsgi.input"].read(),
    )


def _choice(request: ApiRequest, header: str, default: str, other: str) -> str:
    value = request.headers.get(header, default)
    if value not in (default, other):
        message = f"{header} must be {default} or {other}, not '{value}'"
        raise ApiError(400, "InvalidArgument", message)
    return value


def _answered(answer: Answer, *, with_log: bool) -> _Response:
    headers = {"Content-Type": "application/octet-stream"}
    if not answer.ok:
        headers["X-Fc-Error-Type"] = "UnhandledInvocationError"
    if with_log:
        headers["X-Fc-Log-Result"] = b64encode(answer.log).decode()
    return 200, headers, answer.payload.encode()


def _refusal(error: ApiError, request_id: str) -> _Response:
    document = {"RequestId": request_id, "Code": error.code, "Message": error.message}
    return error.status, {"Content-Type": "application/json"}, json.dumps(document).encode()
