"""The fc engine against the local cloud, over HTTP, through the official clients."""

import json
import socket
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import oss2
import pytest
from click.testing import CliRunner

from fanlight.answer import Choices
from fanlight.errors import ConfigError, StaleCredentials
from fanlight.store import Meta
from fanlight.store_folder import FolderStore
from tests.fc.test_sender import Platform
from tools import engine
from tools.commands.run import command
from tools.engine_fc import Lane, run
from tools.fc.batches import batches
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.options import Options
from tools.localcloud.server import WsgiServer
from tools.models import MODELS
from tools.places import Access, Side
from tools.prove.fragile import CRASH, KILL, fragile
from tools.template import from_source, project_template, read_template

BUCKET, INPUT, OUTPUT, FAILED = "fanlight-demo", "input/digits/", "output/digits/", "failed/"


def drawn(way: str) -> bytes:
    page = np.full((100, 80), 240, np.uint8)
    if way == "1":
        cv2.line(page, (40, 20), (40, 80), 20, 8)
    else:
        cv2.ellipse(page, (40, 50), (18, 28), 0, 0, 360, 20, 8)
    return bytes(cv2.imencode(".png", page)[1])


ONE, NOUGHT = drawn("1"), drawn("0")


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """The slower lane, whose decoder crashes on some bytes; no trigger runs anything."""
    folder = tmp_path_factory.mktemp("code")
    template = from_source(read_template(project_template()))
    named = {function.resource: function for function in template.functions}
    lane, letters = named["digits-backfill"], named["deadletter"]
    functions = (
        fragile(lane, folder, retries=1),
        fragile(lane, folder, name="idle", handler="fragile.idle", initializer=None),
        fragile(lane, folder, name="broken", environment={}, retries=0),
        letters,
    )
    options = Options(instances=2, first_pause=0.01)
    with LocalCloud(replace(template, functions=functions), options) as running:
        yield running


@pytest.fixture
def bucket(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> oss2.Bucket:
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", cloud.keys.access_key_id)
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", cloud.keys.access_key_secret)
    auth = oss2.AuthV4(cloud.keys.access_key_id, cloud.keys.access_key_secret)
    return oss2.Bucket(auth, cloud.endpoint.url, BUCKET, region="cn-hangzhou")


def lane(cloud: LocalCloud, part: str, **changes: Any) -> Lane:
    """The lane for a part of the input."""
    access = Access(cloud.endpoint.url, "cn-hangzhou")
    return replace(
        Lane(
            images=Side.images(f"oss://{BUCKET}/{INPUT}{part}/", access),
            results=Side.results(f"oss://{BUCKET}/{OUTPUT}{part}/", access),
            failed=Side.results(f"oss://{BUCKET}/{FAILED}", access),
            function="fanlight-digits-backfill",
            endpoint=cloud.invoke_url,
            access=access,
            concurrency=4,
        ),
        **changes,
    )


def put(bucket: oss2.Bucket, part: str, contents: Iterable[bytes]) -> list[str]:
    keys = []
    for number, content in enumerate(contents):
        keys.append(f"{INPUT}{part}/{number:03}.png")
        bucket.put_object(keys[-1], content)
    return keys


def result(bucket: oss2.Bucket, key: str) -> dict[str, Any]:
    target = OUTPUT + key.removeprefix(INPUT) + ".json"
    document: dict[str, Any] = json.loads(bucket.get_object(target).read())
    return document


def test_images_go_through_the_function(cloud: LocalCloud, bucket: oss2.Bucket) -> None:
    """Sixty images in two events have the outcomes that the local engine would tell of them."""
    keys = put(bucket, "many", [ONE, NOUGHT] * 29 + [b"no picture", ONE])
    bucket.delete_object(keys[-1])
    before = cloud.load().accepted

    outcomes = {outcome["key"]: outcome for outcome in run(lane(cloud, "many"), iter(keys))}

    assert cloud.load().accepted - before == 2
    assert sorted(outcomes) == keys
    first = result(bucket, keys[0])["predictions"][0]
    assert outcomes[keys[0]] == {
        "key": keys[0], "outcome": "classified", "result": f"{OUTPUT}many/000.png.json",
        "label": "1", "score": first["score"],
    }  # fmt: skip
    assert [outcomes[key]["label"] for key in keys[:-2]] == ["1", "0"] * 29
    assert outcomes[keys[-2]] == {
        "key": keys[-2], "outcome": "rejected", "result": f"{OUTPUT}many/058.png.json",
        "reason": "not_an_image",
    }  # fmt: skip
    assert outcomes[keys[-1]]["outcome"] == "gone"


def test_an_image_that_always_fails_is_named_by_its_dead_letter(
    cloud: LocalCloud, bucket: oss2.Bucket
) -> None:
    """Of one event all but the image that crashes its decoder have results, and it its letter."""
    keys = put(bucket, "crash", [ONE, ONE, CRASH, ONE])

    outcomes = {outcome["key"]: outcome for outcome in run(lane(cloud, "crash"), keys)}

    poison = outcomes.pop(keys[2])
    assert {key: outcome["outcome"] for key, outcome in outcomes.items()} == dict.fromkeys(
        [keys[0], keys[1], keys[3]], "classified"
    )
    reason, _, name = poison["reason"].rstrip(")").partition(" (dead letter ")
    assert (poison["outcome"], reason) == (
        "failed",
        "the decoder process ended: signal 11 (SIGSEGV)",
    )
    letter = json.loads(bucket.get_object(name).read())
    assert (letter["source"]["key"], letter["suspected"]) == (keys[2], False)


def test_an_image_that_ends_its_instance_is_found_among_its_neighbours(
    cloud: LocalCloud, bucket: oss2.Bucket
) -> None:
    """Where a failure names no key each is sent again alone, and only the guilty one fails."""
    keys = put(bucket, "dies", [ONE, ONE, ONE])
    keys.append(f"{INPUT}dies/{KILL}.png")
    bucket.put_object(keys[-1], ONE)

    outcomes = {outcome["key"]: outcome for outcome in run(lane(cloud, "dies"), keys)}

    assert [outcomes[key]["outcome"] for key in keys] == ["classified"] * 3 + ["failed"]
    assert outcomes[keys[-1]]["reason"].startswith("ProcessExited: Process exited unexpectedly")


def test_an_image_overwritten_meanwhile_is_sent_again(
    cloud: LocalCloud, bucket: oss2.Bucket
) -> None:
    """A result of what was there before is none: the image goes through the function once more."""
    keys = put(bucket, "over", [ONE, ONE])
    given = lane(cloud, "over", quiet=0.3)
    store = _Overwrites(given.images, bucket, keys[0])

    outcomes = run(replace(given, images=Side(store, given.images.place)), keys)

    assert {outcome["key"]: outcome["label"] for outcome in outcomes} == {
        keys[0]: "0", keys[1]: "1",
    }  # fmt: skip


class _Overwrites:
    """A bucket where an image is overwritten before it is looked at, once it has its result."""

    def __init__(self, side: Side, bucket: oss2.Bucket, key: str) -> None:
        self._store, self._bucket, self._key = side.store, bucket, key
        self.name = side.store.name
        self._done = False

    def head(self, key: str) -> Meta | None:
        target = OUTPUT + key.removeprefix(INPUT) + ".json"
        if key == self._key and not self._done and self._bucket.object_exists(target):
            self._done = True
            self._bucket.put_object(key, NOUGHT)
        return self._store.head(key)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def test_a_run_that_is_stopped_is_finished_by_another_engine(
    cloud: LocalCloud, bucket: oss2.Bucket
) -> None:
    """Closing sends no more; the local engine does what is left, and each image has one result."""
    keys = put(bucket, "half", [ONE] * 120)
    first = next(batches(keys, BUCKET, "cn-hangzhou"))
    before = cloud.load().accepted
    outcomes = run(lane(cloud, "half", concurrency=1), keys)
    some = [next(outcomes) for _ in range(10)]
    outcomes.close()  # type: ignore[attr-defined]
    assert cloud.drain()
    sent = cloud.load().accepted - before

    place = f"oss://{BUCKET}/{INPUT}half/"
    out = f"oss://{BUCKET}/{OUTPUT}half/"
    access = Access(cloud.endpoint.url, "cn-hangzhou")
    job = engine.Job(place, out, MODELS / "digits", Choices(), access)
    rest = Counter(outcome["outcome"] for outcome in engine.run(job, keys, 1))

    assert {outcome["outcome"] for outcome in some} == {"classified"}
    assert sent == 1
    assert rest == {"unchanged": len(first.keys), "classified": 120 - len(first.keys)}
    listed = [item.key for item in oss2.ObjectIteratorV2(bucket, prefix=f"{OUTPUT}half/")]
    assert listed == [OUTPUT + key.removeprefix(INPUT) + ".json" for key in keys]


def test_a_function_that_is_broken_ends_the_run(cloud: LocalCloud, bucket: oss2.Bucket) -> None:
    """After three events that died, with nothing done, no fourth is sent and the cause is told."""
    keys = put(bucket, "broken", [ONE] * 200)
    before = cloud.load().accepted
    outcomes: list[str] = []
    run_of = run(lane(cloud, "broken", function="broken", concurrency=1), keys)

    with pytest.raises(ConfigError, match="broken fails for every event: ConfigError: wrong set"):
        outcomes.extend(outcome["outcome"] for outcome in run_of)

    assert cloud.drain()
    assert cloud.load().accepted - before == 2 * 3  # and the function that files their letters
    assert set(outcomes) == {"failed"}


def test_what_nobody_hears_of_fails_in_the_end(
    cloud: LocalCloud, bucket: oss2.Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    """A function that writes neither result nor letter does not keep a run for ever.

    Long before that it is said what may be wrong.
    """
    keys = put(bucket, "idle", [ONE, ONE])

    given = lane(cloud, "idle", function="idle", quiet=0.2, patience=1.0)
    outcomes = list(run(given, keys))

    said = capsys.readouterr().err.splitlines()[0]
    assert said.partition(" of ")[2] == (
        "1 events on their way: idle is busy, or starting, or does not read "
        f"oss://{BUCKET}/{INPUT}idle/ and write oss://{BUCKET}/{OUTPUT}idle/; its log says which"
    )

    assert [(outcome["key"], outcome["outcome"]) for outcome in outcomes] == [
        (key, "failed") for key in keys
    ]
    for outcome in outcomes:
        assert outcome["reason"].startswith("there is no result, and no dead letter, 1 s after")
        assert "see that the function reads and writes these very places" in outcome["reason"]


def test_a_function_that_does_nothing_ends_the_run(cloud: LocalCloud, bucket: oss2.Bucket) -> None:
    """One that ignores its keys, since it is that of other places, is not asked for ever."""
    keys = put(bucket, "nothing", [ONE] * 200)
    given = lane(cloud, "nothing", function="idle", concurrency=1, patience=0.3)
    before = cloud.load().accepted

    with pytest.raises(ConfigError, match="idle fails for every event: neither a result nor a"):
        list(run(given, keys))

    assert cloud.load().accepted - before == 3


def test_no_more_events_are_on_their_way_than_asked_for(
    cloud: LocalCloud, bucket: oss2.Bucket
) -> None:
    """With one at a time the second is made when the first is done; each key comes out once."""
    keys = put(bucket, "few", [ONE] * 110)
    asked: list[str] = []

    def listed() -> Iterator[str]:
        for key in keys:
            asked.append(key)
            yield key

    outcomes = run(lane(cloud, "few", concurrency=1), listed())
    event = next(batches(keys, BUCKET, "cn-hangzhou"))
    first = [next(outcomes)["key"] for _ in event.keys]

    assert sorted(first) == list(event.keys)
    assert len(asked) == len(event.keys) + 1  # the one that did not fit
    assert sorted([*first, *(outcome["key"] for outcome in outcomes)]) == keys


def test_a_key_that_can_have_no_result_costs_no_event(
    cloud: LocalCloud, bucket: oss2.Bucket
) -> None:
    """It fails with the reason, and its neighbours have their results."""
    (key,) = put(bucket, "long", [ONE])
    refused = f"{INPUT}long/{'a' * 1000}"

    outcomes = {outcome["key"]: outcome for outcome in run(lane(cloud, "long"), [refused, key])}

    assert outcomes[key]["outcome"] == "classified"
    assert outcomes[refused]["outcome"] == "failed"
    assert "OSS allows 1023" in outcomes[refused]["reason"]


def test_the_command_sends_a_deployed_place_through_its_slower_lane(
    cloud: LocalCloud, bucket: oss2.Bucket
) -> None:
    """`run --engine fc` finds the function, the places and the dead letters in the template."""
    keys = put(bucket, "command", [ONE, CRASH, ONE])
    place = f"oss://{BUCKET}/{INPUT}command/"
    options = ["--engine", "fc", "--invoke-endpoint", cloud.invoke_url, "--region", "cn-hangzhou",
               "--endpoint", cloud.endpoint.url]  # fmt: skip

    done = CliRunner().invoke(command, [place, *options], standalone_mode=False)

    assert (done.exception, done.return_value) == (None, 1)
    assert ": 2 classified, 1 failed\n" in done.stdout
    assert f"failed: {keys[1]}: the decoder process ended: signal 11" in done.stderr
    assert result(bucket, keys[2])["predictions"][0]["label"] == "1"


def test_nothing_to_do_sends_nothing(cloud: LocalCloud, bucket: oss2.Bucket) -> None:
    """Without keys there is no event."""
    before = cloud.load().accepted

    assert list(run(lane(cloud, "none"), [])) == []
    assert cloud.load().accepted == before


@pytest.mark.usefixtures("bucket")
def test_a_platform_that_takes_no_event_ends_the_run(cloud: LocalCloud) -> None:
    """After three events that could not be sent, not after all of them, each in minutes."""
    server = WsgiServer(Platform(*[(503, "ServiceUnavailable")] * 1000), 0)
    server.start()
    keys = [f"{INPUT}nowhere/{number:04}.png" for number in range(1000)]
    outcomes: list[dict[str, Any]] = []
    try:
        given = lane(cloud, "nowhere", endpoint=server.url, offered=0.1, concurrency=1)
        with pytest.raises(ConfigError, match=r"no event could be sent: .*is busy"):
            outcomes.extend(run(given, keys))
    finally:
        server.stop()

    assert 100 < len(outcomes) <= 150


@pytest.mark.usefixtures("bucket")
def test_an_endpoint_where_nothing_is_ends_the_run(cloud: LocalCloud) -> None:
    """With the first event, and no image is blamed for it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    given = lane(cloud, "nowhere", endpoint=nobody, offered=0.1, concurrency=1)
    outcomes: list[dict[str, Any]] = []

    with pytest.raises(ConfigError, match=r"no event could be sent: .*check --invoke-endpoint"):
        outcomes.extend(run(given, [f"{INPUT}nowhere/a.png"]))

    assert outcomes == []


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("code", ["InvalidSecurityToken.Expired", "SecurityTokenExpired"])
def test_an_expired_key_ends_the_run(cloud: LocalCloud, code: str) -> None:
    """No image is blamed for it: with a new one, another run goes on."""
    server = WsgiServer(Platform((400, code)), 0)
    server.start()
    try:
        given = lane(cloud, "expired", endpoint=server.url)
        with pytest.raises(StaleCredentials, match="get a new one"):
            list(run(given, [f"{INPUT}expired/a.png"]))
    finally:
        server.stop()


@pytest.mark.usefixtures("bucket")
def test_what_no_event_can_get_through_is_told_at_once(
    cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing function, region or secret, and a folder, are named with what to change."""
    given, keys = lane(cloud, "wrong"), [f"{INPUT}wrong/a.png"]
    folder = Side(FolderStore(tmp_path, escaped=False), given.images.place)

    for change, says in (
        ({"function": "nobody"}, "deploy it"),
        ({"access": Access(cloud.endpoint.url)}, "--region"),
        ({"images": folder}, "--engine local"),
    ):
        with pytest.raises(ConfigError, match=says):
            list(run(replace(given, **change), keys))
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "wrong")
    with pytest.raises(ConfigError, match="ALIBABA_CLOUD_ACCESS_KEY_ID and"):
        list(run(given, keys))
