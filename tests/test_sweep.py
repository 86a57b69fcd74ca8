"""The sweep's entry points: in this process against the local endpoint, and in a local cloud."""

import faulthandler
import importlib
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import oss2
import pytest

import classify
import sweep
from fanlight.errors import ConfigError
from fanlight.result import from_bytes
from tests.fakes import fragile
from tools.events import oss_event
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.options import Options
from tools.localcloud.oss import Credentials, OssEndpoint
from tools.samples import pictures, sample, truth
from tools.template import from_source, project_template, read_template
from tools.timer import Timer

CODE = Path(__file__).parents[1] / "functions"
TIMER = b'{"triggerTime":"2026-01-01T00:00:00Z","triggerName":"hourly","payload":""}'
AFTER = 300


class Clock:
    """The endpoint's, which can be put back so that what is written is old."""

    def __init__(self) -> None:
        self.back = 0.0

    def __call__(self) -> float:
        return time.time() - self.back


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def endpoint(clock: Clock) -> Iterator[OssEndpoint]:
    with OssEndpoint([Credentials("id", "secret")], clock=clock) as endpoint:
        endpoint.create_bucket("pictures")
        yield endpoint


@pytest.fixture
def bucket(endpoint: OssEndpoint, clock: Clock) -> Iterator[oss2.Bucket]:
    """What is put there was put twice AFTER seconds ago, until the clock is told otherwise."""
    clock.back = 2 * AFTER
    auth = oss2.AuthV4("id", "secret")
    bucket = oss2.Bucket(auth, endpoint.url, "pictures", region="cn-hangzhou")
    yield bucket
    clock.back = 0
    for found in list(oss2.ObjectIteratorV2(bucket)):
        bucket.delete_object(found.key)


@pytest.fixture
def context(endpoint: OssEndpoint, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    settings = {
        "FANLIGHT_INPUT": "oss://pictures/in/",
        "FANLIGHT_OUTPUT": "oss://pictures/out/",
        "FANLIGHT_MODEL": "models/digits",
        "FANLIGHT_OSS_ENDPOINT": endpoint.url,
        "FANLIGHT_SWEEP_AFTER": str(AFTER),
        "FC_FUNC_CODE_PATH": str(CODE),
        "FC_REGION": "cn-hangzhou",
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "id",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ALIBABA_CLOUD_SECURITY_TOKEN", raising=False)
    importlib.reload(classify)
    return SimpleNamespace(request_id="request-1", function=SimpleNamespace(timeout=60))


def put(bucket: oss2.Bucket, *names: str) -> None:
    for name in names:
        bucket.put_object(f"in/{name}", sample(name))


def classified(context: SimpleNamespace, *names: str) -> None:
    """As their events do it."""
    records = [oss_event("pictures", f"in/{name}")["events"][0] for name in names]
    classify.handler(json.dumps({"events": records}).encode(), context)


def labels(bucket: oss2.Bucket) -> dict[str, str]:
    """Each result's name and its first label, or its reason."""
    found = {}
    for item in oss2.ObjectIteratorV2(bucket, prefix="out/"):
        document = from_bytes(bucket.get_object(item.key).read())
        assert document is not None, item.key
        told = document.get("reason", {}).get("code") or document["predictions"][0]["label"]
        found[item.key.removeprefix("out/")] = told
    return found


def test_what_no_event_told_of_is_found(context: SimpleNamespace, bucket: oss2.Bucket) -> None:
    """Lost uploads, lost overwrites, results that lie and results that are none are all mended."""
    put(bucket, "7-00000.png", "1-00002.png", "2-00001.png", "changed.png", "gone.png")
    classified(context, "1-00002.png", "2-00001.png", "changed.png", "gone.png")
    bucket.put_object("in/changed.png", b"no picture any more")
    bucket.delete_object("in/gone.png")
    lie = json.loads(bucket.get_object("out/1-00002.png.json").read())
    lie["source"]["version"], lie["predictions"][0]["label"] = "another", "9"
    bucket.put_object("out/1-00002.png.json", json.dumps(lie))
    bucket.put_object("in/unread.png", sample("7-00000.png"))
    bucket.put_object("out/unread.png.json", b"{}")

    summary = sweep.handler(TIMER, context)

    places = [summary.pop("from"), summary.pop("to")]
    assert summary == {
        "images": 5,
        "orphaned": 1,
        "young": 0,
        "missing": 1,
        "reconciled": {"classified": 1},
        "checked": {"classified": 2, "rejected": 1, "unchanged": 1},
        "failed": [],
        "listed": True,
        "whole": True,
    }
    assert all(place.startswith("in/") for place in places)
    told = labels(bucket)
    assert told.pop("gone.png.json") == labels_of("gone.png")
    assert told == {
        "1-00002.png.json": "1",
        "2-00001.png.json": "2",
        "7-00000.png.json": "7",
        "changed.png.json": "not_an_image",
        "unread.png.json": "7",
    }
    assert sweep.handler(TIMER, context)["checked"] == {"unchanged": 5}


def labels_of(name: str) -> str:
    """The digit in the sample picture that stands for a name."""
    (path,) = [path for path in pictures() if path.read_bytes() == sample(name)]
    return str(truth(path.name))


def test_what_has_just_landed_is_left_to_its_event(
    context: SimpleNamespace, bucket: oss2.Bucket, clock: Clock
) -> None:
    """A new image and an overwrite of now are passed over; a time far ahead is no such moment."""
    put(bucket, "old.png", "changed.png")
    classified(context, "changed.png")
    clock.back = 0
    put(bucket, "new.png", "changed.png")
    clock.back = -2 * AFTER
    put(bucket, "ahead.png")
    clock.back = 0

    summary = sweep.handler(TIMER, context)

    assert (summary["images"], summary["young"], summary["missing"]) == (4, 1, 2)
    assert (summary["reconciled"], summary["checked"]) == ({"classified": 2}, {})
    assert set(labels(bucket)) == {"old.png.json", "ahead.png.json", "changed.png.json"}


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
def test_an_image_that_crashes_its_decoder_costs_itself_alone(
    context: SimpleNamespace, bucket: oss2.Bucket
) -> None:
    """Its neighbours get their results, the sweep ends well, and the next one tries it again."""
    faulthandler.disable()  # pytest's own would tell of a crash that is wanted
    names = [f"{number}.png" for number in range(12)]
    put(bucket, *names)
    bucket.put_object("in/5.png", b"crash")
    sweep.initializer(context)
    instance = classify._instance
    assert instance is not None
    instance.answerer = instance.answerer.decoding(fragile(instance.answerer.decode))

    first, second = sweep.handler(TIMER, context), sweep.handler(TIMER, context)

    crashed = {"key": "in/5.png", "reason": "the decoder process ended: signal 11 (SIGSEGV)"}
    assert first["reconciled"] == {"classified": 11, "failed": 1}
    assert first["failed"] == second["failed"] == [crashed]
    assert (second["reconciled"], second["checked"]) == ({"failed": 1}, {"unchanged": 11})
    assert set(labels(bucket)) == {f"{name}.json" for name in names if name != "5.png"}


def test_a_listing_goes_on_from_the_bookmark(context: SimpleNamespace, bucket: oss2.Bucket) -> None:
    """What comes before it is listed too where there is time, and the round is over then."""
    put(bucket, "1-00002.png", "2-00001.png", "7-00000.png")
    classified(context, "2-00001.png")
    bucket.put_object("out/.sweep", json.dumps({"after": "in/2-00001.png"}))
    sweep.initializer(context)

    summary = sweep.handler(TIMER, context)

    mark = json.loads(bucket.get_object("out/.sweep").read())
    bucket.delete_object("out/.sweep")
    assert mark == {"after": ""}
    assert (summary["images"], summary["reconciled"]) == (3, {"classified": 2})
    assert labels(bucket) == {
        "1-00002.png.json": "1", "2-00001.png.json": "2", "7-00000.png.json": "7",
    }  # fmt: skip


def test_without_time_nothing_is_begun(context: SimpleNamespace, bucket: oss2.Bucket) -> None:
    """A sweep that ends early says so and has failed at nothing."""
    put(bucket, "7-00000.png")
    sweep.initializer(context)
    context.function.timeout = 0.001

    summary = sweep.handler(TIMER, context)

    assert (summary["whole"], summary["reconciled"], summary["failed"]) == (False, {}, [])
    assert labels(bucket) == {}


def test_a_wrong_setting_fails_the_sweep(
    context: SimpleNamespace, bucket: oss2.Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong for every key is raised, so that the platform counts an error."""
    monkeypatch.setenv("FANLIGHT_INPUT", "oss://pictures-gone/in/")

    with pytest.raises(ConfigError, match="pictures-gone"):
        sweep.handler(TIMER, context)
    assert labels(bucket) == {}


def test_a_sweep_beside_events_does_each_key_once_at_last(
    context: SimpleNamespace, bucket: oss2.Bucket
) -> None:
    """Both work on the same keys at the same time, and each ends with one true result."""
    names = [f"{number}.png" for number in range(24)]
    put(bucket, *names)
    sweep.initializer(context)

    with ThreadPoolExecutor(3) as pool:
        events = [pool.submit(classified, context, *part) for part in (names[:12], names[12:])]
        summary = pool.submit(sweep.handler, TIMER, context).result()
        for event in events:
            event.result()

    assert summary["failed"] == []
    assert set(labels(bucket)) == {f"{name}.json" for name in names}
    assert sweep.handler(TIMER, context)["checked"] == {"unchanged": 24}


def test_a_timer_of_the_template_sweeps() -> None:
    """In a local cloud, held to its policy, it finds an upload that no trigger told of."""
    template = from_source(read_template(project_template()))
    digits, sweeper = (
        next(f for f in template.functions if f.resource == name)
        for name in ("digits", "digits-sweep")
    )
    often = replace(
        sweeper,
        timers=(Timer("often", "@every 1s", enabled=True, payload=""),),
        environment=sweeper.environment | {"FANLIGHT_SWEEP_AFTER": "1"},
    )
    lines: list[str] = []
    options = Options(on_line=lambda _function, line: lines.append(line))
    with LocalCloud(
        replace(template, functions=(replace(digits, triggers=()), often)), options
    ) as cloud:
        auth = oss2.AuthV4(cloud.keys.access_key_id, cloud.keys.access_key_secret)
        bucket = oss2.Bucket(auth, cloud.endpoint.url, "fanlight-demo", region="cn-hangzhou")
        bucket.put_object("input/digits/7-00000.png", sample("7-00000.png"))
        until = time.monotonic() + 30
        while not bucket.object_exists("output/digits/7-00000.png.json"):
            assert time.monotonic() < until, lines
            time.sleep(0.1)

    told = [json.loads(line) for line in lines if '"key"' in line]
    assert [(line["key"], line["label"]) for line in told if line["message"] == "key"] == [
        ("input/digits/7-00000.png", "7")
    ]
