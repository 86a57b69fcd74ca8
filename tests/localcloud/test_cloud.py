"""The local cloud whole: real oss2 uploads, the project's template, real function instances."""

import json
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import jsonschema
import numpy as np
import oss2
import pytest

import fanlight
from fanlight.document import to_bytes
from tools.events import oss_event
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.options import Options
from tools.localcloud.waiting import Load
from tools.processes import stat_of
from tools.template import Template, from_source, project_template, read_template

BUCKET = "fanlight-demo"
SCHEMAS = Path(fanlight.__file__).parent


def digit_one() -> bytes:
    """A stroke as wide as a pen's, which is a one to anybody."""
    page = np.full((200, 160), 240, np.uint8)
    cv2.line(page, (80, 40), (80, 160), 20, 14)
    return bytes(cv2.imencode(".png", page)[1])


def digit_zero() -> bytes:
    """A ring, which is a nought."""
    page = np.full((200, 160), 240, np.uint8)
    cv2.ellipse(page, (80, 100), (35, 55), 0, 0, 360, 20, 14)
    return bytes(cv2.imencode(".png", page)[1])


def bomb() -> bytes:
    """The header of a PNG of 65,535 x 65,535 pixels, and nothing behind it."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 65_535, 65_535, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + b"\0" * 4


class Lines:
    """What functions print: their JSON lines, and anything else that should not be there."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.other: list[str] = []

    def __call__(self, function: str, line: str) -> None:
        try:
            self.entries.append(json.loads(line))
        except ValueError:
            self.other.append(line)

    def outcomes(self, key: str) -> list[str]:
        return [e["outcome"] for e in self.entries if e["message"] == "key" and e["key"] == key]


class Running:
    """A cloud, what its functions say, and a client of its bucket."""

    def __init__(self, cloud: LocalCloud, lines: Lines) -> None:
        self.cloud, self.lines = cloud, lines
        auth = oss2.AuthV4(cloud.keys.access_key_id, cloud.keys.access_key_secret)
        self.bucket = oss2.Bucket(auth, cloud.endpoint.url, BUCKET, region="cn-hangzhou")

    def result(self, name: str) -> dict[str, Any]:
        data = self.bucket.get_object(f"output/digits/{name}.json").read()
        document: dict[str, Any] = json.loads(data)
        schema = json.loads((SCHEMAS / "result.schema.json").read_text())
        jsonschema.validate(document, schema)
        return document

    def letters(self) -> list[dict[str, Any]]:
        found = []
        for item in oss2.ObjectIteratorV2(self.bucket, prefix="failed/"):
            found.append(json.loads(self.bucket.get_object(item.key).read()))
            schema = json.loads((SCHEMAS / "failure.schema.json").read_text())
            jsonschema.validate(found[-1], schema)
        return found


@pytest.fixture(scope="module", params=["python3.12", "python3.10"])
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    lines = Lines()
    template = from_source(read_template(project_template()))
    options = Options(instances=1, runtime=request.param, on_line=lines, first_pause=0.05)
    with LocalCloud(template, options) as cloud:
        yield Running(cloud, lines)
    assert lines.other == []


def test_an_upload_becomes_a_result(running: Running) -> None:
    """A picture put below the input prefix has its result below the output prefix."""
    put = running.bucket.put_object("input/digits/a/one.png", digit_one())

    assert running.cloud.drain()
    document = running.result("a/one.png")
    assert document["status"] == "classified"
    assert document["predictions"][0]["label"] == "1"
    assert document["source"]["key"] == "input/digits/a/one.png"
    assert document["source"]["etag"] == put.etag


def test_an_overwrite_changes_the_result(running: Running) -> None:
    """After an overwrite the result is that of the new picture."""
    running.bucket.put_object("input/digits/over.png", digit_one())
    running.cloud.drain()
    before = running.result("over.png")
    running.bucket.put_object("input/digits/over.png", digit_zero())

    assert running.cloud.drain()
    after = running.result("over.png")
    assert [d["predictions"][0]["label"] for d in (before, after)] == ["1", "0"]


def test_the_same_event_twice_is_one_classification(running: Running) -> None:
    """A duplicate delivery finds nothing to do, and the log says `unchanged`."""
    key = "input/digits/twice.png"
    running.bucket.put_object(key, digit_one())
    running.cloud.drain()
    event = json.dumps(oss_event(BUCKET, key)).encode()
    running.cloud.invoke_async("fanlight-digits", event)

    assert running.cloud.drain()
    assert running.lines.outcomes(key) == ["classified", "unchanged"]


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("empty.png", b"", "empty"),
        ("text.png", b"this is no picture", "not_an_image"),
        ("cut.png", digit_one()[:-20], "corrupt"),
        ("bomb.png", bomb(), "too_many_pixels"),
    ],
    ids=["empty", "text", "cut", "bomb"],
)
def test_what_is_no_picture_is_rejected(
    running: Running, name: str, data: bytes, code: str
) -> None:
    """A file that can have no answer gets a result that says why, and no retry."""
    running.bucket.put_object(f"input/digits/{name}", data)

    assert running.cloud.drain()
    assert running.result(name)["reason"]["code"] == code
    assert running.lines.outcomes(f"input/digits/{name}") == ["rejected"]


def test_same_names_do_not_collide(running: Running) -> None:
    """The same name with another extension, or in another folder, has a result of its own."""
    keys = ["same.png", "same.bmp", "x/same.png"]
    for key in keys:
        running.bucket.put_object(f"input/digits/{key}", digit_one())

    assert running.cloud.drain()
    found = [running.result(key)["source"]["key"] for key in keys]
    assert found == [f"input/digits/{key}" for key in keys]


def test_outside_the_prefix_nothing_happens(running: Running) -> None:
    """An upload elsewhere invokes nothing."""
    before = len(running.lines.entries)
    running.bucket.put_object("elsewhere/one.png", digit_one())

    assert running.cloud.drain()
    assert len(running.lines.entries) == before


def test_a_malformed_event_becomes_a_dead_letter(running: Running) -> None:
    """What no retry can mend is filed under the failed prefix, with the event itself."""
    before = running.letters()
    running.cloud.invoke_async("fanlight-digits", b'{"events": []}')

    assert running.cloud.drain()
    (letter,) = [found for found in running.letters() if found not in before]
    assert letter["error"] == {"type": "EventError", "message": "the event holds no record"}
    assert (letter["source"], letter["attempts"]) == (None, 4)
    assert letter["event"] == {"events": []}


def test_the_first_request_logs_its_cold_start(running: Running) -> None:
    """An instance tells once what its start took: imports, model load, inference, warm-up."""
    running.bucket.put_object("input/digits/first.png", digit_one())
    running.cloud.drain()

    starts = [entry for entry in running.lines.entries if entry["message"] == "cold start"]

    assert len(starts) == 1
    parts = ("imports_ms", "model_load_ms", "first_inference_ms", "warm_up_ms")
    assert all(starts[0][name] > 0 for name in parts)
    assert "warm_up_failed" not in starts[0]
    assert starts[0]["request_id"]


def _broken(tmp_path: Path, code: str, timeout: float = 5) -> Template:
    (tmp_path / "broken.py").write_text(code)
    template = from_source(read_template(project_template()))
    classify, *_, deadletter = template.functions
    classify = replace(classify, code=tmp_path, handler="broken.handler", initializer=None,
                       pre_stop=None, timeout=timeout, retries=1)  # fmt: skip
    return replace(template, functions=(classify, deadletter))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("def handler(event, context):\n    raise KeyError('x')", "KeyError"),
        ("import os\ndef handler(event, context):\n    os._exit(3)", "ProcessExited"),
        ("import time\ndef handler(event, context):\n    time.sleep(60)", "FunctionTimedOut"),
        ("def handler(event, context)\n    pass", "UserCodeSyntaxError"),
        ("def other(event, context):\n    pass", "HandlerNotFound"),
    ],
)
def test_a_failing_function_ends_in_a_suspected_letter(
    tmp_path: Path, code: str, kind: str
) -> None:
    """Exception, crash, timeout, syntax error, bad name: retried, then filed as suspected."""
    timeout = 1.0 if kind == "FunctionTimedOut" else 30.0
    template = _broken(tmp_path, code, timeout)
    with LocalCloud(template, Options(instances=1, first_pause=0.01)) as cloud:
        running = Running(cloud, Lines())
        running.bucket.put_object("input/digits/x.png", b"x")

        assert cloud.drain()
        (letter,) = running.letters()

    assert letter["error"]["type"] == kind
    assert (letter["suspected"], letter["attempts"]) == (True, 2)
    assert letter["source"] == {"bucket": BUCKET, "key": "input/digits/x.png"}


def test_uploads_fan_out_over_instances(tmp_path: Path) -> None:
    """Two instances serve two requests at the same time: each ends once the other has begun."""
    (tmp_path / "met").mkdir()
    code = (
        "import os, time\n"
        "def handler(event, context):\n"
        f"    open({str(tmp_path / 'met')!r} + f'/{{os.getpid()}}', 'w').close()\n"
        f"    while len(os.listdir({str(tmp_path / 'met')!r})) < 2:\n"
        "        time.sleep(0.01)\n"
    )
    with LocalCloud(_broken(tmp_path, code, 30), Options(instances=2)) as cloud:
        running = Running(cloud, Lines())
        for name in "ab":
            running.bucket.put_object(f"input/digits/{name}.png", b"x")
        assert cloud.drain()
        load = cloud.load()

    assert load == Load(unfinished=0, accepted=2, retried=0)


def test_an_unreadable_result_is_replaced(running: Running) -> None:
    """A result that is not JSON counts as absent, and is written anew."""
    running.bucket.put_object("output/digits/mend.png.json", to_bytes({"schema": "other"}))
    running.bucket.put_object("input/digits/mend.png", digit_one())

    assert running.cloud.drain()
    assert running.result("mend.png")["status"] == "classified"


def test_an_instance_that_cannot_start_answers_all_the_same() -> None:
    """A wrong interpreter is an error to whoever waits, not a wait without end."""
    template = from_source(read_template(project_template()))
    with LocalCloud(template, Options(instances=1, python="/no/such/python")) as cloud:
        answer = cloud.invoke("fanlight-digits", b"{}")

    assert not answer.ok
    assert json.loads(answer.payload)["errorType"] == "FileNotFoundError"


def test_a_function_that_closes_its_pipes_is_ended(tmp_path: Path) -> None:
    """An instance that can no longer answer is killed, and said to have exited."""
    code = (
        "import os, time\n"
        "def handler(event, context):\n"
        "    os.closerange(3, 99)\n"
        "    time.sleep(60)"
    )
    with LocalCloud(_broken(tmp_path, code, 20), Options(instances=1)) as cloud:
        answer = cloud.invoke("fanlight-digits", b"{}")

    assert json.loads(answer.payload)["errorType"] == "ProcessExited"  # not FunctionTimedOut


def test_a_good_record_beside_a_bad_one_has_its_result(running: Running) -> None:
    """The event fails and is filed, but what it told of plainly is done."""
    key = "input/digits/beside.png"
    event = oss_event(BUCKET, key)
    event["events"].append({"eventName": "ObjectCreated:PutObject", "oss": {"bucket": {}}})
    running.bucket.put_object(key, digit_one())
    running.cloud.drain()
    running.bucket.delete_object("output/digits/beside.png.json")

    answer = running.cloud.invoke("fanlight-digits", json.dumps(event).encode())

    assert json.loads(answer.payload)["errorType"] == "EventError"
    assert running.result("beside.png")["status"] == "classified"


_TAKES_MEMORY = (
    "    kept = []\n"
    "    for _ in range(100):\n"
    "        kept.append(b'x' * 10_000_000)\n"
    "        time.sleep(0.01)\n"
)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(_TAKES_MEMORY, id="itself"),
        pytest.param(
            "    if os.fork():\n"
            "        os.wait()\n"
            "        return 'done'\n" + _TAKES_MEMORY + "    os._exit(0)\n",
            id="its child",
        ),
    ],
)
def test_memory_is_what_the_template_gives(tmp_path: Path, body: str) -> None:
    """An instance that takes more is ended with the platform's words, and the log says why."""
    code = f"import os, time\ndef handler(event, context):\n{body}    return 'done'"
    lines: list[str] = []
    template = _broken(tmp_path, code, 20)
    small = replace(template.functions[0], memory_mb=128)
    with LocalCloud(
        replace(template, functions=(small, template.functions[1])),
        Options(instances=1, on_line=lambda _name, line: lines.append(line)),
    ) as cloud:  # fmt: skip
        answer = cloud.invoke("fanlight-digits", b"{}")

    document = json.loads(answer.payload)
    assert (answer.ok, document["errorType"]) == (False, "ProcessExited")
    assert "Process exited unexpectedly before completing request" in document["errorMessage"]
    assert any(line.startswith("the process ended: out of memory: ") for line in lines)


def test_nothing_goes_on_between_requests(tmp_path: Path) -> None:
    """A thread that a handler leaves behind stands still until the next request."""
    code = (
        "import os, threading, time\n"
        "ticks = [0]\n"
        "def tick():\n"
        "    while True:\n"
        "        time.sleep(0.01)\n"
        "        ticks[0] += 1\n"
        "threading.Thread(target=tick, daemon=True).start()\n"
        "def handler(event, context):\n"
        "    before = ticks[0]\n"
        "    while ticks[0] == before:\n"
        "        time.sleep(0.01)\n"
        "    return os.getpid()"
    )
    with LocalCloud(_broken(tmp_path, code, 30), Options(instances=1)) as cloud:
        for _ in range(2):
            pid = cloud.invoke("fanlight-digits", b"{}").payload
            until = time.monotonic() + 10
            while _threads(pid) != ["T", "T"] and time.monotonic() < until:
                time.sleep(0.01)
            assert _threads(pid) == ["T", "T"]


def _threads(pid: str) -> list[str]:
    """The state of each thread of a process: T for one that is stopped."""
    stats = (stat_of(folder) for folder in Path(f"/proc/{pid}/task").iterdir())
    return [stat[0] for stat in stats if stat]


def test_an_idle_instance_is_ended(tmp_path: Path) -> None:
    """After a while without requests there is none left; the next request starts one anew."""
    code = "import os\ndef handler(event, context):\n    return str(os.getpid())"
    with LocalCloud(_broken(tmp_path, code), Options(instances=1, idle_after=1.0)) as cloud:
        pids = [cloud.invoke("fanlight-digits", b"{}").payload for _ in range(2)]
        until = time.monotonic() + 10
        while Path(f"/proc/{pids[0]}").exists() and time.monotonic() < until:
            time.sleep(0.05)
        pids.append(cloud.invoke("fanlight-digits", b"{}").payload)

    assert pids[0] == pids[1] != pids[2]


_FRAGILE = """
import ctypes
import sys

sys.path.insert(0, {code!r})
import classify


def initializer(context):
    classify.initializer(context)
    instance = classify._instance
    decode = instance.answerer.decode

    def fragile(data, limits):
        if data.startswith(b"crash"):
            ctypes.string_at(0)
        return decode(data, limits)

    instance.answerer = instance.answerer.decoding(fragile)


handler = classify.handler
"""


def _fragile(tmp_path: Path) -> Template:
    """The project's functions, with a decoder that crashes on some bytes; no trigger calls it."""
    template = from_source(read_template(project_template()))
    classify, *_, deadletter = template.functions
    (tmp_path / "fragile.py").write_text(_FRAGILE.format(code=str(classify.code)))
    (tmp_path / "models").symlink_to(Path(classify.code) / "models")
    classify = replace(classify, code=tmp_path, handler="fragile.handler", pre_stop=None,
                       initializer="fragile.initializer", retries=1, triggers=())  # fmt: skip
    return replace(template, functions=(classify, deadletter))


def _told_of(keys: list[str]) -> bytes:
    records = [oss_event(BUCKET, key)["events"][0] for key in keys]
    return json.dumps({"events": records}).encode()


@pytest.mark.parametrize("runtime", ["python3.12", "python3.10"])
def test_an_image_that_crashes_its_decoder_costs_itself_alone(tmp_path: Path, runtime: str) -> None:
    """Of five images in one event four have results, and the one that crashes has its letter."""
    lines = Lines()
    options = Options(instances=1, runtime=runtime, on_line=lines, first_pause=0.01)
    with LocalCloud(_fragile(tmp_path), options) as cloud:
        running = Running(cloud, lines)
        keys = [f"input/digits/{name}.png" for name in "abcde"]
        for key in keys:
            running.bucket.put_object(key, b"crash" if "c." in key else digit_one())
        cloud.invoke_async("fanlight-digits", _told_of(keys))

        assert cloud.drain()
        results = [running.result(f"{name}.png")["status"] for name in "abde"]
        (letter,) = running.letters()

    assert results == ["classified"] * 4
    assert letter["source"] == {"bucket": BUCKET, "key": "input/digits/c.png"}
    assert (letter["suspected"], letter["attempts"]) == (False, 2)
    assert letter["error"] == {
        "type": "Unfinished",
        "message": "the decoder process ended: signal 11 (SIGSEGV)",
    }
    done, failed = ["classified", "unchanged"], ["failed", "failed"]
    assert [lines.outcomes(key) for key in keys] == [done, done, failed, done, done]
    assert lines.other == []


def test_an_image_that_crashes_alone_ends_its_instance(tmp_path: Path) -> None:
    """Alone in its event it has no neighbour, is decoded without a child, and is suspected."""
    with LocalCloud(_fragile(tmp_path), Options(instances=1, first_pause=0.01)) as cloud:
        running = Running(cloud, Lines())
        running.bucket.put_object("input/digits/c.png", b"crash")
        cloud.invoke_async("fanlight-digits", _told_of(["input/digits/c.png"]))

        assert cloud.drain()
        (letter,) = running.letters()

    assert letter["source"] == {"bucket": BUCKET, "key": "input/digits/c.png"}
    assert (letter["suspected"], letter["error"]["type"]) == (True, "ProcessExited")
