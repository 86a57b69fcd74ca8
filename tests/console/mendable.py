"""A local cloud with a console, whose function fails for some keys until it is mended."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import oss2
import requests

from tools.console.console import Console
from tools.console.watch import Watch
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.options import Options
from tools.template import SOURCE, Template, from_source, project_template, read_template

BUCKET = "fanlight-demo"

_CODE = """
import os
import time

import classify
from classify import initializer, pre_stop

def handler(event, context):
    if b"poison" in event and not os.path.exists("mended"):
        time.sleep(0.6)  # long enough to be drawn
        raise OSError("the disk is full")
    return classify.handler(event, context)
"""


@dataclass
class Running:
    """The cloud, its console and a client of each."""

    cloud: LocalCloud
    console: Console
    watch: Watch
    code: Path

    def __post_init__(self) -> None:
        keys = self.cloud.keys
        auth = oss2.AuthV4(keys.access_key_id, keys.access_key_secret)
        self.bucket = oss2.Bucket(auth, self.cloud.endpoint.url, BUCKET, region="cn-hangzhou")

    def post(self, path: str, body: bytes | IO[bytes] = b"", **query: str) -> requests.Response:
        """As the page does it."""
        headers = {"Origin": self.console.url, "Sec-Fetch-Site": "same-origin"}
        return requests.post(
            self.console.url + path, body, params=query, headers=headers, timeout=30
        )

    def record(
        self, kind: str, wanted: Callable[[dict[str, Any]], bool], seconds: float = 20
    ) -> dict[str, Any]:
        """Wait for a record of the feed."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for record in self.watch.feed.all(kind):
                if wanted(record):
                    return record
            time.sleep(0.02)
        raise AssertionError(f"no such {kind}; there are {self.watch.feed.all(kind)}")

    def mend(self, *, done: bool = True) -> None:
        """From now on nothing fails, or again what did."""
        mark = self.code / "mended"
        mark.touch() if done else mark.unlink(missing_ok=True)


def mendable(folder: Path) -> Template:
    """The project's digits, from a copy of its code that can fail, and its dead letters."""
    for path in SOURCE.iterdir():
        (folder / path.name).symlink_to(path)
    (folder / "mendable.py").write_text(_CODE)
    template = from_source(read_template(project_template()))
    classify, *_, deadletter = template.functions
    classify = replace(
        classify,
        code=folder,
        handler="mendable.handler",
        initializer="mendable.initializer",
        pre_stop="mendable.pre_stop",
        retries=1,
    )
    return replace(template, functions=(classify, deadletter))


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    """With one instance and a console on ports that are free."""
    watch = Watch()
    options = Options(instances=1, first_pause=0.01, on_line=watch.line, on_news=watch.news)
    with LocalCloud(mendable(folder), options) as cloud, Console(cloud, watch) as console:
        yield Running(cloud, console, watch, folder)


@contextmanager
def listening(url: str, place: str = "") -> Iterator[Iterator[dict[str, Any]]]:
    """The messages of the stream at a console's address, each with its `place`."""
    with closing(http.client.HTTPConnection(url.partition("//")[2], timeout=30)) as connection:
        connection.request("GET", "/events", headers={"Last-Event-ID": place} if place else {})
        with connection.getresponse() as answer:
            yield _messages(answer)


def _messages(answer: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    place = ""
    for line in answer:
        if line.startswith(b"id: "):
            place = line[4:].decode().strip()
        elif line.startswith(b"data: "):
            yield {"place": place, **json.loads(line[6:])}
