"""A server that hands out access keys which soon expire, as ALIBABA_CLOUD_CREDENTIALS_URI wants."""

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread

from tools.localcloud.oss import Credentials, OssEndpoint


class Handing(ThreadingHTTPServer):
    """`handed`: every key that was given, each known to `endpoint` and good for `seconds`."""

    def __init__(self, endpoint: OssEndpoint, seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.endpoint, self.seconds, self.numbers = endpoint, seconds, count(1)
        self.handed: list[Credentials] = []
        self.broken = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/key"

    def hand(self) -> Credentials:
        number = next(self.numbers)
        fields = f"STS.id-{number}", f"hidden-secret-{number}", f"hidden-token-{number}"
        made = Credentials(*fields, expires=time.time() + self.seconds)
        self.endpoint.accept(made)
        self.handed.append(made)
        return made


class _Answers(BaseHTTPRequestHandler):
    server: Handing

    def do_GET(self) -> None:
        made = self.server.hand()
        assert made.expires is not None
        # It tells whole seconds, and not too few: what has expired when it comes is not taken.
        told = time.gmtime(math.ceil(made.expires) + 1)
        body = json.dumps({
            "Code": "Broken" if self.server.broken else "Success",
            "AccessKeyId": made.access_key_id,
            "AccessKeySecret": made.access_key_secret,
            "SecurityToken": made.security_token,
            "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", told),
        }).encode()  # fmt: skip
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        pass


@contextmanager
def handing(endpoint: OssEndpoint, seconds: float) -> Iterator[Handing]:
    """Serve keys that are good for `seconds` each."""
    with Handing(endpoint, seconds) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
