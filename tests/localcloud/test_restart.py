"""Events on their way when a local cloud stops, and the folder that keeps them."""

import json
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path

import oss2
import pytest

from fanlight.errors import ConfigError
from tests.localcloud.rates import only
from tools.localcloud.chaos import Chaos
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.options import Options
from tools.localcloud.waiting import Load
from tools.template import Function, Template, from_source, project_template, read_template

BUCKET = "fanlight-demo"
HOUR = 3600.0
NOTE = """
import os, pathlib

def handler(event, context):
    path = pathlib.Path(os.environ["NOTES"], context.function.name)
    with path.open("ab") as notes:
        notes.write(event + b"\\n")
"""


def noting(tmp_path: Path, code: str = NOTE) -> Template:
    """Functions a and b, both on uploads and both of `code`, which writes to the folder NOTES."""
    (tmp_path / "notes").mkdir(exist_ok=True)
    (tmp_path / "code.py").write_text(code)
    template = from_source(read_template(project_template()))
    first, *_ = template.functions

    def named(name: str) -> Function:
        return replace(
            first, resource=name, name=name, code=tmp_path, handler="code.handler",
            initializer=None, pre_stop=None, on_failure=None, retries=1,
            environment={**first.environment, "NOTES": str(tmp_path / "notes")},
        )  # fmt: skip

    return replace(template, functions=(named("a"), named("b")))


class Clock:
    """Stands still until it is told to go on, so that what has a delay waits for good."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def notes(tmp_path: Path, name: str) -> list[bytes]:
    path = tmp_path / "notes" / name
    return path.read_bytes().splitlines() if path.exists() else []


def client(cloud: LocalCloud) -> oss2.Bucket:
    auth = oss2.AuthV4(cloud.keys.access_key_id, cloud.keys.access_key_secret)
    return oss2.Bucket(auth, cloud.endpoint.url, BUCKET, region=cloud.template.region)


def test_an_upload_goes_to_every_function_that_wants_it(tmp_path: Path) -> None:
    """Two triggers that match one upload are two events, of the same object."""
    template = noting(tmp_path)
    with LocalCloud(template) as cloud:
        client(cloud).put_object("input/digits/7.png", b"x")
        assert cloud.drain()

    (told,) = notes(tmp_path, "a")
    assert notes(tmp_path, "b") == [told]
    assert json.loads(told)["events"][0]["oss"]["object"]["key"] == "input/digits/7.png"


def test_what_waits_when_the_cloud_stops_is_run_by_the_next(tmp_path: Path) -> None:
    """Nothing that was accepted is forgotten; what was done is not done again."""
    clock = Clock()
    options = Options(instances=1, data=tmp_path / "data", clock=clock)
    with LocalCloud(noting(tmp_path), options) as cloud:
        cloud.invoke_async("a", b"at once")
        assert cloud.drain()
        for n in range(20):
            cloud.invoke_async("a", b"%d" % n, delay=HOUR)
    assert notes(tmp_path, "a") == [b"at once"]

    clock.now += HOUR
    lines: list[str] = []
    options = replace(options, on_line=lambda _name, line: lines.append(line))
    with LocalCloud(noting(tmp_path), options) as cloud:
        assert cloud.drain()

    assert notes(tmp_path, "a") == [b"at once", *(b"%d" % n for n in range(20))]
    assert lines == ["20 events wait from before"]


def test_a_cloud_that_is_started_again_goes_on(tmp_path: Path) -> None:
    """Without a folder too, what waits when it is stopped is run after the next start."""
    clock = Clock()
    cloud = LocalCloud(noting(tmp_path), Options(instances=1, clock=clock))
    cloud.start()
    cloud.invoke_async("a", b"early", delay=HOUR)
    cloud.stop()
    assert notes(tmp_path, "a") == []
    clock.now += HOUR
    with cloud:
        cloud.invoke_async("a", b"late")
        assert cloud.drain()

    assert notes(tmp_path, "a") == [b"early", b"late"]


def test_without_a_folder_nothing_is_kept(tmp_path: Path) -> None:
    """The next cloud begins with an empty queue."""
    clock = Clock()
    with LocalCloud(noting(tmp_path), Options(clock=clock)) as cloud:
        cloud.invoke_async("a", b"lost", delay=HOUR)
    clock.now += HOUR
    with LocalCloud(noting(tmp_path), Options(clock=clock)) as cloud:
        cloud.invoke_async("a", b"new")
        assert cloud.drain()

    assert notes(tmp_path, "a") == [b"new"]


def test_a_call_to_a_stopped_cloud_is_answered(tmp_path: Path) -> None:
    """Nobody waits without end for an instance that will not come."""
    cloud = LocalCloud(noting(tmp_path))
    with cloud:
        assert cloud.invoke("a", b"now").ok
    answer = cloud.invoke("a", b"too late")

    assert json.loads(answer.payload) == {
        "errorType": "Stopped", "errorMessage": "the local cloud has been stopped",
    }  # fmt: skip


def test_events_of_a_function_that_is_gone_wait_for_it(tmp_path: Path) -> None:
    """They are told of, hold nobody up, and run once the template has the function again."""
    template, clock = noting(tmp_path), Clock()
    lines: list[tuple[str, str]] = []
    options = Options(data=tmp_path / "data", clock=clock,
                      on_line=lambda name, line: lines.append((name, line)))  # fmt: skip
    with LocalCloud(template, options) as cloud:
        cloud.invoke_async("b", b"early", delay=HOUR)
    clock.now += HOUR
    without = replace(template, functions=template.functions[:1])
    with LocalCloud(without, options) as cloud:
        assert cloud.drain()
    assert lines == [("b", "1 event waits from before, but the template has no such function")]

    with LocalCloud(template, options) as cloud:
        assert cloud.drain()

    assert notes(tmp_path, "b") == [b"early"]


def test_a_folder_is_for_one_cloud_at_a_time(tmp_path: Path) -> None:
    """A second one is refused while the first is there, and only then."""
    options = Options(data=tmp_path / "data")
    with (
        LocalCloud(noting(tmp_path), options),
        pytest.raises(ConfigError, match="in use by another local cloud"),
    ):
        LocalCloud(noting(tmp_path), options)
    with LocalCloud(noting(tmp_path), options):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file in its place is said in one line."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="file/data: Not a directory"):
        LocalCloud(noting(tmp_path), Options(data=tmp_path / "file" / "data"))


def test_an_event_that_has_grown_too_old_is_not_tried_again(tmp_path: Path) -> None:
    """Its age goes by the clock on the wall, and counts the time in which no cloud ran."""
    code = NOTE + "    raise RuntimeError('always')\n"
    template, clock = noting(tmp_path, code), Clock()
    options = Options(data=tmp_path / "data", clock=clock, first_pause=0)
    with LocalCloud(template, options) as cloud:
        cloud.invoke_async("a", b"old", delay=HOUR)
    clock.now += template.functions[0].max_age + 1
    with LocalCloud(template, options) as cloud:
        cloud.invoke_async("a", b"new")
        assert cloud.drain()

    assert sorted(notes(tmp_path, "a")) == [b"new", b"new", b"old"]


HANG = """
import os, pathlib, time

def handler(event, context):
    path = pathlib.Path(os.environ["NOTES"], context.function.name)
    first = not path.exists()
    with path.open("ab") as notes:
        notes.write(b"%d\\n" % os.getpid())
    time.sleep(600 if first else 0)
"""
LIFE = 4.0
"""Seconds before the kill: enough for a cold start, on a slow machine too."""


def killing(request: str) -> Chaos:
    """Kills the first attempt of that request, late in the time it has."""
    for seed in count():
        fate = Chaos(seed, only(kill=1.0, longest_life=LIFE))
        life = fate.kill_after(fate.request_id(request), 1)
        if life is not None and life > 0.8 * LIFE:
            return Chaos(seed, fate.rates)
    raise AssertionError  # not reached


def test_an_instance_can_be_killed_in_the_middle_of_a_request(tmp_path: Path) -> None:
    """What its handler had begun is begun again, by a new instance."""
    lines: list[str] = []
    template = noting(tmp_path, HANG)
    template = replace(template, functions=template.functions[:1])
    options = Options(instances=1, first_pause=0, chaos=killing(f"a {BUCKET}/input/digits/7.png"),
                      on_line=lambda _name, line: lines.append(line))  # fmt: skip
    with LocalCloud(template, options) as cloud:
        client(cloud).put_object("input/digits/7.png", b"x")
        assert cloud.drain()
        load = cloud.load()

    first, second = notes(tmp_path, "a")
    assert first != second
    assert lines == ["the process ended: status -9"]
    assert load == Load(unfinished=0, accepted=1, retried=1)


def test_disks_that_a_killed_cloud_left_are_removed(tmp_path: Path) -> None:
    """The next cloud of a folder begins with none; its instances' own are below it."""
    with LocalCloud(noting(tmp_path), Options(data=tmp_path / "data")):
        pass
    left = tmp_path / "data" / "instances" / "left"
    left.mkdir()
    code = "import tempfile\ndef handler(event, context):\n    return tempfile.gettempdir()"
    with LocalCloud(noting(tmp_path, code), Options(data=tmp_path / "data")) as cloud:
        place = Path(cloud.invoke("a", b"").payload)

        assert place.parent == left.parent
        assert list(left.parent.iterdir()) == [place]
    assert list(left.parent.iterdir()) == []


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    """What is there already is never taken for a cloud's own, and nothing in it is removed."""
    kept = tmp_path / "data" / "instances" / "a.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")

    with pytest.raises(ConfigError, match="holds something else; name a new folder"):
        LocalCloud(noting(tmp_path), Options(data=tmp_path / "data"))

    assert [path.name for path in (tmp_path / "data").iterdir()] == ["instances"]
    assert kept.read_text() == "mine"


@pytest.mark.parametrize("name", ["queue.sqlite", "oss/index.sqlite"])
def test_a_damaged_file_is_named_and_lets_the_folder_go(tmp_path: Path, name: str) -> None:
    """The error names the file, and the folder can be used again once it is mended."""
    options = Options(data=tmp_path / "data")
    with LocalCloud(noting(tmp_path), options):
        pass
    damaged = tmp_path / "data" / name
    damaged.write_bytes(b"not a database, but long enough to be looked at as one" * 100)

    with pytest.raises(ConfigError, match=f"{name}: file is not a database"):
        LocalCloud(noting(tmp_path), options).__enter__()
    damaged.unlink()

    with LocalCloud(noting(tmp_path), options) as cloud:
        assert cloud.drain()


def test_an_end_that_cannot_be_written_down_is_written_later(tmp_path: Path) -> None:
    """While the queue's file takes nothing the event is run again, and once it does, it is done."""
    with LocalCloud(noting(tmp_path), Options(data=tmp_path / "data")) as cloud:
        with closing(sqlite3.connect(tmp_path / "data" / "queue.sqlite")) as queue:
            queue.execute(
                "CREATE TRIGGER t BEFORE DELETE ON waiting BEGIN SELECT RAISE(ABORT, 'full'); END"
            )
            cloud.invoke_async("a", b"event")
            deadline = time.monotonic() + 60
            while len(notes(tmp_path, "a")) < 2 and time.monotonic() < deadline:
                time.sleep(0.05)
            queue.execute("DROP TRIGGER t")

        assert cloud.drain()
        assert len(notes(tmp_path, "a")) >= 2
