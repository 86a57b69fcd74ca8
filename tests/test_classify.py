"""The entry points, in this process, against the local OSS endpoint, under both contracts."""

import faulthandler
import importlib
import io
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import oss2
import pytest
from PIL import Image, ImageDraw

import classify
import deadletter
from fanlight import result
from fanlight.connections import SIZE
from fanlight.errors import ConfigError, EventError
from fanlight.reconcile import THREADS
from fanlight.work import Unfinished
from tests.fakes import fragile
from tests.relay import relayed
from tools.events import oss_event
from tools.localcloud import oss

CODE = Path(__file__).parents[1] / "functions"
SCHEMA = json.loads(Path(result.__file__).with_name("result.schema.json").read_bytes())
ONE, TEXT = "input/一 1.png", "input/photo.jpg"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[oss.OssEndpoint]:
    known = [
        oss.Credentials("STS.id", "hidden", "token"),
        oss.Credentials("STS.id2", "hidden2", "token2"),
    ]
    with oss.OssEndpoint(known) as endpoint:
        endpoint.create_bucket("pictures")
        yield endpoint


@pytest.fixture
def bucket(endpoint: oss.OssEndpoint) -> Iterator[oss2.Bucket]:
    """Holds a picture of a one, and a text that calls itself a photo."""
    auth = oss2.StsAuth("STS.id", "hidden", "token", auth_version=oss2.AUTH_VERSION_4)
    bucket = oss2.Bucket(auth, endpoint.url, "pictures", region="cn-hangzhou")
    bucket.put_object(ONE, drawn_one())
    bucket.put_object(TEXT, b"I am not a photo")
    yield bucket
    for found in list(oss2.ObjectIteratorV2(bucket)):
        bucket.delete_object(found.key)


@pytest.fixture(params=["attributes", "environment"])
def context(
    request: pytest.FixtureRequest, endpoint: oss.OssEndpoint, monkeypatch: pytest.MonkeyPatch
) -> SimpleNamespace:
    """What the platform hands over: credentials on the context, or in the environment."""
    settings = {
        "FANLIGHT_INPUT": "oss://pictures/input/",
        "FANLIGHT_OUTPUT": "oss://pictures/output/",
        "FANLIGHT_FAILED": "oss://pictures/failed/",
        "FANLIGHT_MODEL": "models/digits",
        "FANLIGHT_OSS_ENDPOINT": endpoint.url,
        "FC_FUNC_CODE_PATH": str(CODE),
        "FC_REGION": "cn-hangzhou",
    }
    keys = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "STS.id",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "hidden",
        "ALIBABA_CLOUD_SECURITY_TOKEN": "token",
    }
    context = SimpleNamespace(request_id="request-1", function=SimpleNamespace(timeout=60))
    for name in keys:
        monkeypatch.delenv(name, raising=False)
    if request.param == "environment":
        settings |= keys
    else:
        context.credentials = SimpleNamespace(
            access_key_id="STS.id", access_key_secret="hidden", security_token="token"
        )
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return context


@pytest.fixture
def function() -> Any:
    """The module as a new instance has it."""
    return importlib.reload(classify)


def drawn_one() -> bytes:
    image = Image.new("L", (120, 120), 255)
    ImageDraw.Draw(image).line((60, 20, 60, 100), fill=0, width=12)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def large_one() -> bytes:
    with Image.open(io.BytesIO(drawn_one())) as image:
        out = io.BytesIO()
        image.resize((2400, 2400)).save(out, "PNG")
    return out.getvalue()


def event_of(*keys: str) -> bytes:
    records = [oss_event("pictures", key)["events"][0] for key in keys]
    return json.dumps({"events": records}).encode()


def without_times(summary: dict[str, Any]) -> dict[str, Any]:
    for outcome in summary["outcomes"]:
        assert outcome.pop("ms") >= 0
    return summary


def stored(bucket: oss2.Bucket, key: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(bucket.get_object(key).read())
    return document


def keys_under(bucket: oss2.Bucket, prefix: str) -> list[str]:
    return [found.key for found in oss2.ObjectIteratorV2(bucket, prefix=prefix)]


def test_a_bad_image_beside_a_good_one(
    function: Any, context: SimpleNamespace, bucket: oss2.Bucket
) -> None:
    """One event with both gives each its result, and a summary of the two."""
    function.initializer(context)

    summary = function.handler(event_of(ONE, TEXT, "elsewhere/x.png"), context)

    one, text = stored(bucket, f"output/{ONE[6:]}.json"), stored(bucket, "output/photo.jpg.json")
    assert without_times(summary) == {
        "counts": {"classified": 1, "ignored": 1, "rejected": 1},
        "outcomes": [
            {
                "key": ONE,
                "outcome": "classified",
                "result": "output/一 1.png.json",
                "label": "1",
                "score": one["predictions"][0]["score"],
            },
            {
                "key": TEXT,
                "outcome": "rejected",
                "result": "output/photo.jpg.json",
                "reason": "not_an_image",
            },
            {
                "key": "elsewhere/x.png",
                "outcome": "ignored",
                "reason": "not under the input prefix input/",
            },
        ],
    }
    for document, key in ((one, ONE), (text, TEXT)):
        jsonschema.validate(document, SCHEMA)
        assert document["source"]["key"] == key
    assert len(one["predictions"]) == 3
    assert text["reason"] == {
        "code": "not_an_image",
        "message": "the bytes are not those of an image",
    }


def test_the_same_event_again_changes_nothing(
    function: Any, context: SimpleNamespace, bucket: oss2.Bucket
) -> None:
    """A duplicate event finds its result true and leaves it byte for byte."""
    function.initializer(context)
    event = event_of(ONE)
    function.handler(event, context)
    before = bucket.get_object(f"output/{ONE[6:]}.json").read()

    summary = function.handler(event, context)

    assert without_times(summary) == {
        "counts": {"unchanged": 1},
        "outcomes": [{"key": ONE, "outcome": "unchanged", "result": "output/一 1.png.json"}],
    }
    assert bucket.get_object(f"output/{ONE[6:]}.json").read() == before


def test_a_handler_without_initializer_makes_up_for_it(
    function: Any,
    context: SimpleNamespace,
    bucket: oss2.Bucket,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where the platform runs no initializer the model is loaded once; the log says how long."""
    function.handler(event_of(ONE), context)
    function.handler(event_of(ONE), context)
    function.pre_stop(context)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["message"] for line in lines] == ["cold start", "key", "key", "stopping"]
    assert sorted(lines[0]) == [
        "fetch_ms",
        "first_inference_ms",
        "imports_ms",
        "message",
        "model_load_ms",
        "request_id",
        "time",
        "warm_up_ms",
    ]
    assert {line["request_id"] for line in lines} == {"request-1"}
    assert "hidden" not in json.dumps(lines)


def test_missing_settings_are_all_named(
    function: Any, context: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An initializer with wrong settings fails with every problem in one message."""
    monkeypatch.delenv("FANLIGHT_INPUT")
    monkeypatch.setenv("FANLIGHT_OUTPUT", "output/")

    with pytest.raises(ConfigError) as caught:
        function.initializer(context)

    assert str(caught.value) == (
        "wrong settings:\n"
        "  FANLIGHT_INPUT is not set; write oss://bucket/prefix/\n"
        "  FANLIGHT_OUTPUT: 'output/' is not a place; write oss://bucket/prefix/"
    )


@pytest.mark.parametrize("context", ["environment"], indirect=True)
def test_missing_credentials_are_named(
    function: Any, context: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function without a role says what it lacks."""
    monkeypatch.delenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET")

    with pytest.raises(ConfigError) as caught:
        function.handler(event_of(ONE), context)

    assert str(caught.value) == (
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET is not set; give the function a role, or export an "
        "access key"
    )


@pytest.mark.parametrize("context", ["environment"], indirect=True)
def test_credentials_may_change_between_invocations(
    function: Any,
    context: SimpleNamespace,
    bucket: oss2.Bucket,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Credentials are those of the invocation, not those the instance began with."""
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "old")
    function.initializer(context)
    with pytest.raises(ConfigError, match="SignatureDoesNotMatch"):
        function.handler(event_of(ONE), context)
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "hidden")

    assert function.handler(event_of(ONE), context)["counts"] == {"classified": 1}


@pytest.mark.parametrize("context", ["environment"], indirect=True)
def test_connections_are_kept_while_credentials_rotate(
    function: Any,
    context: SimpleNamespace,
    bucket: oss2.Bucket,
    endpoint: oss.OssEndpoint,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One image takes two connections, many take one a thread, whichever event they are of."""
    keys = [f"input/{number}.png" for number in range(24)]
    for key in keys:
        bucket.put_object(key, drawn_one())
    with relayed(endpoint.url) as relay:
        monkeypatch.setenv("FANLIGHT_OSS_ENDPOINT", relay.url)
        function.initializer(context)
        for number, key in enumerate(keys[:4]):
            which = "" if number % 2 else "2"
            monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", f"STS.id{which}")
            monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", f"hidden{which}")
            monkeypatch.setenv("ALIBABA_CLOUD_SECURITY_TOKEN", f"token{which}")
            assert function.handler(event_of(key), context)["counts"] == {"classified": 1}
        few = relay.connections
        assert function.handler(event_of(*keys), context)["counts"] == {
            "classified": 20,
            "unchanged": 4,
        }
        most = relay.connections

    assert few <= 2
    assert most <= THREADS <= SIZE


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
def test_an_unchanged_image_is_not_downloaded(
    function: Any,
    context: SimpleNamespace,
    bucket: oss2.Bucket,
    endpoint: oss.OssEndpoint,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a large one there arrives what a connection takes unread; of a small one, all of it."""
    sizes = {"input/large": 16_000_000, "input/small": 1000}
    for key, size in sizes.items():
        bucket.put_object(key, bytes(size))
    function.initializer(context)
    for key in sizes:
        function.handler(event_of(key), context)
    with relayed(endpoint.url) as relay:
        monkeypatch.setenv("FANLIGHT_OSS_ENDPOINT", relay.url)
        function.initializer(context)
        arrived = []
        for key in (*sizes, "input/small"):
            before = relay.received
            assert function.handler(event_of(key), context)["counts"] == {"unchanged": 1}
            arrived.append(relay.received - before)
        opened = relay.connections

    assert arrived[0] < 500_000
    assert max(arrived[1:]) < 5_000
    assert opened <= 3  # two, and one in place of that which has the rest of the large one


MANY = [f"input/{number:02d}.png" for number in range(64)]


def test_of_64_images_a_corrupt_one_is_rejected(
    function: Any, context: SimpleNamespace, bucket: oss2.Bucket
) -> None:
    """Its 63 neighbours have their results."""
    for key in MANY:
        bucket.put_object(key, drawn_one()[:-40] if key == MANY[30] else drawn_one())

    summary = function.handler(event_of(*MANY), context)

    assert summary["counts"] == {"classified": 63, "rejected": 1}
    assert [one["key"] for one in summary["outcomes"]] == MANY
    statuses = [stored(bucket, f"output/{key[6:]}.json")["status"] for key in MANY]
    assert statuses == ["classified"] * 30 + ["rejected"] + ["classified"] * 33


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
def test_of_64_images_one_that_crashes_its_decoder_fails(
    function: Any, context: SimpleNamespace, bucket: oss2.Bucket
) -> None:
    """Its 63 neighbours have their results, and it has none and is named."""
    faulthandler.disable()  # pytest's own would tell of a crash that is wanted
    for key in MANY:
        bucket.put_object(key, b"crash" if key == MANY[30] else drawn_one())
    function.initializer(context)
    answerer = function._instance.answerer
    function._instance.answerer = answerer.decoding(fragile(answerer.decode))

    with pytest.raises(Unfinished) as caught:
        function.handler(event_of(*MANY), context)

    assert json.loads(str(caught.value)) == {
        "counts": {"classified": 63, "failed": 1},
        "failed": [
            {"key": MANY[30], "error": "the decoder process ended: signal 11 (SIGSEGV)"},
        ],
    }
    written = keys_under(bucket, "output/")
    assert written == [f"output/{key[6:]}.json" for key in MANY if key != MANY[30]]


@pytest.mark.parametrize("context", ["environment"], indirect=True)
def test_what_is_left_is_raised_and_filed(
    function: Any, context: SimpleNamespace, bucket: oss2.Bucket
) -> None:
    """A key that cannot have a result is raised with its name, and ends as its dead letter."""
    long = "input/" + "x" * 1014
    event = event_of(ONE, long)

    with pytest.raises(Unfinished) as caught:
        function.handler(event, context)

    error = (
        "the result's key would have 1026 bytes, OSS allows 1023; "
        "shorten the image's key or the output prefix"
    )
    assert json.loads(str(caught.value)) == {
        "counts": {"classified": 1, "failed": 1},
        "failed": [{"key": long, "error": error}],
    }
    failed = {
        "requestContext": {
            "requestId": "failed-1",
            "functionArn": "arn",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 4,
        },
        "requestPayload": json.loads(event),
        "responsePayload": {"errorType": "Unfinished", "errorMessage": str(caught.value)},
    }
    written = deadletter.handler(json.dumps(failed).encode(), context)

    date = time.strftime("%Y-%m-%d", time.gmtime())
    assert written == {"letters": [f"failed/{date}/failed-1-0.json"]}
    assert stored(bucket, written["letters"][0]) == {
        "schema": "fanlight.failure/1",
        "request_id": "failed-1",
        "function": "arn",
        "condition": "RetriesExhausted",
        "attempts": 4,
        "source": {"bucket": "pictures", "key": long},
        "suspected": False,
        "error": {"type": "Unfinished", "message": error},
        "event": json.loads(event),
    }


def test_letters_are_written_once_for_each_key(
    context: SimpleNamespace, bucket: oss2.Bucket
) -> None:
    """A failure that names no key has a letter for each; filed again, they are the same objects."""
    failed = {
        "requestContext": {
            "requestId": "failed-2",
            "functionArn": "arn",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 4,
        },
        "requestPayload": json.loads(event_of(ONE, TEXT)),
        "responsePayload": {"errorType": "FunctionTimedOut", "errorMessage": "timed out"},
    }
    body = json.dumps(failed).encode()

    assert deadletter.handler(body, context) == deadletter.handler(body, context)

    letters = [stored(bucket, key) for key in keys_under(bucket, "failed/")]
    assert [(letter["source"]["key"], letter["suspected"]) for letter in letters] == [
        (ONE, True),
        (TEXT, True),
    ]


def test_an_unreadable_failure_is_filed_under_its_own_request(
    context: SimpleNamespace, bucket: oss2.Bucket
) -> None:
    """What cannot be read is kept, under the id of the request that brought it."""
    written = deadletter.handler(b"not a failure", context)

    assert keys_under(bucket, "failed/") == written["letters"]
    assert written["letters"][0].endswith("/request-1-0.json")
    assert stored(bucket, written["letters"][0])["event"] == "not a failure"


def test_a_malformed_event_is_an_error(function: Any, context: SimpleNamespace) -> None:
    """An event that is none is raised as such, for the platform to give up on."""
    with pytest.raises(EventError, match="the event is not JSON"):
        function.handler(b"hello", context)


def test_oss_makes_pictures_smaller_where_asked(
    function: Any, context: SimpleNamespace, bucket: oss2.Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result is of the stored object, its width and height of what arrived; same label."""
    bucket.put_object(ONE, large_one())
    function.initializer(context)
    function.handler(event_of(ONE), context)
    key = f"output/{ONE[6:]}.json"
    whole = stored(bucket, key)
    bucket.delete_object(key)

    monkeypatch.setenv("FANLIGHT_OSS_RESIZE", "on")
    function.initializer(context)
    function.handler(event_of(ONE), context)

    made = stored(bucket, key)
    assert made["source"] == {**whole["source"], "width": 1000, "height": 1000}
    assert (whole["source"]["width"], whole["source"]["size"]) == (2400, len(large_one()))
    assert made["predictions"][0]["label"] == whole["predictions"][0]["label"] == "1"
    assert made["recipe"] != whole["recipe"]
    jsonschema.validate(made, SCHEMA)
