"""What requests to OSS travel on: one pool of connections, with nothing in between but urllib3.

oss2 brings a session of `requests`, which takes longer to prepare a request and to wrap its answer
than a small object takes to come. This stands in its place: it is handed requests that are signed
already, holds no credentials, follows no redirect and tries nothing twice.
"""

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import getproxies

import urllib3
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.ssl_ import create_urllib3_context

from fanlight.oss_sdk import oss2

SIZE = 20
"""Idle connections that are kept for each host: one for each request that may be under way."""


def detoured() -> bool:
    """Whether this process is set up to send requests through a proxy: `requests` knows how to."""
    return bool(getproxies().keys() - {"no"})


def _trusting() -> Any:
    """A TLS context that believes whom `requests` would: what the environment names, if it does.

    Source: `Session.merge_environment_settings` of requests.
    """
    named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    path = named or DEFAULT_CA_BUNDLE_PATH
    context = create_urllib3_context()  # which checks certificates and the names in them
    context.load_verify_locations(**{"capath" if Path(path).is_dir() else "cafile": path})
    return context


class Connections:
    """In place of an `oss2.Session`. Threads may share it."""

    def __init__(self, size: int = SIZE) -> None:
        """`size`: see SIZE."""
        self._manager = urllib3.PoolManager(maxsize=size)
        self._pools: dict[str, Any] = {}

    @cached_property
    def _context(self) -> Any:
        """For all connections: to read the certificates takes 12 ms, of each otherwise."""
        return _trusting()

    def do_request(self, request: Any, timeout: Any) -> "Response":
        """Send an `oss2.http.Request`; raises what urllib3 raises when no answer comes.

        ClientError, oss2's, for what HTTP cannot carry. `timeout`: seconds to connect in, and
        seconds without a byte.
        """
        scheme, _, rest = request.url.partition("://")
        host, slash, path = rest.partition("/")
        origin = f"{scheme}://{host}"
        pool = self._pools.get(origin) or self._opened(origin)
        query = f"?{urlencode(request.params)}" if request.params else ""
        # oss2 sets to None what requests would otherwise add.
        headers = {name: value for name, value in request.headers.items() if value is not None}
        try:
            return Response(pool.urlopen(
                request.method, slash + path + query, body=request.data, headers=headers,
                retries=False, redirect=False, assert_same_host=False, preload_content=False,
                timeout=urllib3.Timeout(connect=timeout, read=timeout),
            ))  # fmt: skip
        except urllib3.exceptions.HTTPError:
            raise
        except ValueError:
            # http.client quotes a header that it refuses, be it the one with the token.
            raise oss2.exceptions.ClientError(
                "a header cannot be sent; the access key or its token may have a line break in it"
            ) from None

    def _opened(self, origin: str) -> Any:
        how = {"ssl_context": self._context} if origin.startswith("https:") else {}
        pool = self._pools[origin] = self._manager.connection_from_url(origin, how)
        return pool


class Response:
    """In place of an `oss2.http.Response`, whose `response` is one of `requests`."""

    def __init__(self, raw: Any) -> None:
        self.raw, self.response = raw, self
        self.status, self.headers = raw.status, raw.headers
        self.request_id = raw.headers.get("x-oss-request-id", "")
        if self.status == 204:
            raw.drain_conn()  # there is nothing to read, and oss2 does not: the next may have it

    def read(self, amount: int | None = None) -> bytes:
        """So many bytes of the body, or all that are left."""
        data: bytes = self.raw.read(amount, decode_content=True)
        return data

    def __iter__(self) -> Iterator[bytes]:
        """The body in pieces."""
        return iter(self.raw.stream(decode_content=True))

    def close(self) -> None:
        """Give the connection up, with what was not read."""
        self.raw.close()
        self.raw.release_conn()
