"""The first event, played before it comes, with a bucket that is not there.

All that an event of one image runs is run, oss2 included: code is read from the disk, and Python
has learnt which of its ways are taken. No request leaves the process, and nothing is written.
"""

import io
import json
import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from typing import Any

import urllib3

from fanlight.connections import Response
from fanlight.log import Log
from fanlight.place import RESULT_SUFFIX
from fanlight.reconcile import Reconciler
from fanlight.work import handle

_TURNS = 3
"""Times that the event is handled. Python speeds code up only after it has run a few times."""

_KEY = ".fanlight.png"
_PATIENCE = 60.0
"""Seconds that the event is told are left; none of them is waited for."""

_OLDER = 10.0
"""Seconds since the picture was stored: what has just been written is waited for."""


def rehearse(reconciler_on: Callable[[Any], Reconciler], picture: bytes) -> None:
    """Handle an event for `picture`, an encoded image. `reconciler_on`: for given connections.

    Never raises: what is wrong shows with the first image, and is told there.
    """
    with suppress(Exception):
        reconciler = reconciler_on(_Imagined(picture))
        place = reconciler.input
        record = {
            "eventName": "ObjectCreated:PutObject", "eventSource": "acs:oss",
            "oss": {"bucket": {"name": place.bucket}, "object": {"key": place.prefix + _KEY}},
        }  # fmt: skip
        event = json.dumps({"events": [record]}).encode()
        for _ in range(_TURNS):
            handle(event, reconciler, Log("", io.StringIO()), lambda: _PATIENCE)


class _Imagined:
    """In place of `Connections`: a bucket that holds one picture under any key, and no result."""

    def __init__(self, picture: bytes) -> None:
        now = time.time()
        self._picture = picture
        self._headers = {
            "Content-Length": str(len(picture)), "ETag": '"00000000000000000000000000000000-1"',
            "Date": formatdate(now, usegmt=True),
            "Last-Modified": formatdate(now - _OLDER, usegmt=True),
        }  # fmt: skip

    def do_request(self, request: Any, timeout: Any) -> Response:
        """See `Connections.do_request`."""
        path = request.url.partition("?")[0]
        status, body, headers = 200, b"", self._headers
        if request.method == "PUT":
            headers = {"ETag": self._headers["ETag"]}
        elif path.endswith(RESULT_SUFFIX):
            status, headers = 404, {}
            body = b"<Error><Code>NoSuchKey</Code></Error>"
        elif request.method == "GET":
            body = self._picture
        return Response(
            urllib3.HTTPResponse(io.BytesIO(body), headers, status, preload_content=False)
        )
