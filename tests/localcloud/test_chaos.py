"""Faults on demand: decided by the seed alone, bounded, and real on the wire."""

import collections
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import oss2
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import StaleCredentials, TransientError, Unsettled
from fanlight.retry import Retry
from fanlight.store_oss import Credentials, OssStore
from tests.localcloud.rates import only
from tools.localcloud.body import Body
from tools.localcloud.chaos import IN_A_ROW, REQUEST_FAULTS, Chaos, Fault, Rates
from tools.localcloud.chaos_http import Meddler
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.options import Options
from tools.localcloud.oss import Credentials as Accepted
from tools.localcloud.oss import OssEndpoint
from tools.prove.soak import persist
from tools.samples import pictures, sample, truth
from tools.template import from_source, project_template, read_template

PERSON = Accepted("local-id", "local-secret")
ROLE = Accepted("role-id-0", "role-secret", "role-token")
KEY = "input/a.png"
CONTENT = bytes(range(256)) * 200  # 50 KB: more than goes out in one piece

seeds = st.integers(0, 2**32)
names = st.text(max_size=20)


class Scene:
    """An endpoint with chaos, a person's oss2 client and a function's store."""

    def __init__(self, endpoint: OssEndpoint, meddler: Meddler, chaos: Chaos) -> None:
        self.endpoint, self.meddler, self.chaos = endpoint, meddler, chaos
        self.bucket = self.client(PERSON)

    def client(self, who: Accepted) -> oss2.Bucket:
        auth: Any = oss2.AuthV4(who.access_key_id, who.access_key_secret)
        if who.security_token:
            auth = oss2.StsAuth(who.access_key_id, who.access_key_secret, who.security_token,
                                auth_version=oss2.AUTH_VERSION_4)  # fmt: skip
        return oss2.Bucket(auth, self.endpoint.url, "pictures", region="cn-hangzhou",
                           connect_timeout=10)  # fmt: skip

    def store(self, retry: Retry) -> OssStore:
        own = Credentials(PERSON.access_key_id, PERSON.access_key_secret)
        return OssStore("pictures", endpoint=self.endpoint.url, region="cn-hangzhou",
                        credentials=own, retry=retry)  # fmt: skip

    def stored(self) -> bytes | None:
        """What is there in truth."""
        try:
            return self.endpoint._store.get("pictures", KEY)[1].read()
        except Exception:  # noqa: BLE001 - OssError: there is none
            return None

    def put_directly(self, content: bytes = CONTENT) -> None:
        """Write without a request, which could be meddled with."""
        self.endpoint._store.put("pictures", KEY, Body(content), {}, forbid=False)


@contextmanager
def scene(rates: Rates, seed: int = 1, *, everyone: bool = True) -> Iterator[Scene]:
    chaos = Chaos(seed, rates, everyone=everyone)
    meddler = Meddler(chaos)
    with OssEndpoint([PERSON, ROLE], meddle=meddler, clock=chaos.clock) as endpoint:
        endpoint.create_bucket("pictures")
        yield Scene(endpoint, meddler, chaos)


@given(seeds, st.lists(names, min_size=1, max_size=40))
def test_the_same_seed_decides_the_same(seed: int, asked: list[str]) -> None:
    """Whatever the order in which names are asked about, each one's nth meets the same fate."""
    chaos, again = Chaos(seed), Chaos(seed)

    first = {name: [chaos.request(name) for _ in range(asked.count(name))] for name in set(asked)}
    met: dict[str, list[Any]] = {name: [] for name in asked}
    for name in reversed(asked):
        met[name].append(again.request(name))

    assert met == first


@given(seeds, names)
def test_the_same_seed_delivers_and_kills_the_same(seed: int, name: str) -> None:
    """Deliveries, kills and expiries are those of the seed, though no two runs share an id."""
    told = []
    ids = []
    for _ in range(2):
        chaos = Chaos(seed, Rates(duplicate=0.5, delay=0.5, kill=0.5, expire=0.5))
        ids.append(chaos.request_id(name))
        fate = [chaos.kill_after(ids[-1], attempt) for attempt in (1, 2, 3)]
        told.append((chaos.deliveries(name), fate, chaos.good_for(ids[-1]), chaos.counts()))

    assert told[0] == told[1]
    assert ids[0] != ids[1]


def test_other_seeds_decide_otherwise() -> None:
    """A hundred seeds give a first request many fates, each kind of them among these."""
    fates = [Chaos(seed, only(**dict.fromkeys(REQUEST_FAULTS, 0.12))).request("k")
             for seed in range(400)]  # fmt: skip

    assert {fate.kind if fate else None for fate in fates} == {None, *REQUEST_FAULTS}


@given(seeds, names)
def test_nothing_is_hit_for_ever(seed: int, name: str) -> None:
    """Even when all that can fail does, one request in four is left alone, and the last attempt."""
    chaos = Chaos(seed, only(unavailable=1.0, kill=1.0, expire=1.0))

    hit = [chaos.request(name) is not None for _ in range(2 * (IN_A_ROW + 1))]
    assert hit == 2 * ([True] * IN_A_ROW + [False])
    id_ = chaos.request_id(name)
    killed = [chaos.kill_after(id_, attempt) is not None for attempt in range(1, 5)]
    assert killed == [True, True, False, False]
    assert chaos.kill_after(id_, 1, retries=0) is None
    assert [chaos.good_for(id_) is None for _ in range(4)] == [False, False, False, True]
    assert chaos.counts() == {"expire": 3, "kill": 2, "unavailable": 2 * IN_A_ROW}
    assert [fault.kind for fault in chaos.recent()].count("kill") == 2


def test_shares_are_those_of_the_rates() -> None:
    """Of many names about as many are hit as the rate says."""
    chaos = Chaos(7, only(duplicate=0.3, delay=0.2, unavailable=0.25))

    deliveries = [chaos.deliveries(f"k{n}") for n in range(4000)]
    hit = [chaos.request(f"k{n}") for n in range(4000)]

    assert 1100 < sum(len(one) == 2 for one in deliveries) < 1300
    assert 950 < sum(any(0 < delay < 2 for delay in one) for one in deliveries) < 1100
    assert 900 < sum(fault is not None for fault in hit) < 1100


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [("unavailable", 503, "ServiceUnavailable"), ("internal", 500, "InternalError")],
)
def test_refusals_are_those_of_oss(kind: str, status: int, code: str) -> None:
    """oss2 reads status, code and request id, of an answer to HEAD too; a try later succeeds."""
    with scene(only(**{kind: 1.0})) as here:
        here.put_directly()
        for ask in (here.bucket.get_object, here.bucket.head_object):
            for _ in range(IN_A_ROW):
                with pytest.raises(oss2.exceptions.ServerError) as told:
                    ask(KEY)
                error = told.value
                assert (error.status, error.code) == (status, code)
                assert len(error.request_id) == 24
            ask(KEY)
        assert here.chaos.counts() == {kind: 2 * IN_A_ROW}


def test_some_internal_errors_were_carried_out() -> None:
    """Behind a 500 the object may have been written or not; behind a 503 it never is."""
    written = set()
    for seed in range(8):
        with scene(only(internal=1.0), seed) as here:
            with pytest.raises(oss2.exceptions.ServerError):
                here.bucket.put_object(KEY, CONTENT)
            written.add(here.stored() is not None)
    with scene(only(unavailable=1.0)) as here:
        with pytest.raises(oss2.exceptions.ServerError):
            here.bucket.put_object(KEY, CONTENT)
        assert here.stored() is None

    assert written == {True, False}


def test_a_request_is_cut() -> None:
    """The server reads half of the body and hangs up: nothing is written, the client knows."""
    with scene(only(cut_request=1.0)) as here:
        with pytest.raises(oss2.exceptions.RequestError):
            here.bucket.put_object(KEY, CONTENT)
        assert here.stored() is None
        with socket.create_connection(("127.0.0.1", int(here.endpoint.url[-5:]))) as raw:
            raw.settimeout(10)
            raw.sendall(b"PUT /pictures/k HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345")
            assert raw.recv(1) == b""  # half was enough


def test_an_answer_is_lost() -> None:
    """The object is written, and nobody is told."""
    with scene(only(lost=1.0)) as here:
        with pytest.raises(oss2.exceptions.RequestError):
            here.bucket.put_object(KEY, CONTENT)

        assert here.stored() == CONTENT


def test_a_write_lands_late() -> None:
    """Unanswered and not written at first; written later, over what came meanwhile."""
    with scene(only(late=1.0, longest_late=2.0)) as here:
        with pytest.raises(oss2.exceptions.RequestError):
            here.bucket.put_object(KEY, CONTENT)
        assert (here.stored(), here.meddler.late) == (None, 1)
        here.put_directly(b"newer")

        assert here.meddler.settled(10)
        assert here.stored() == CONTENT


def test_an_answer_is_cut() -> None:
    """Half of the body arrives; requests sees a broken connection."""
    with scene(only(cut_response=1.0)) as here:
        here.put_directly()
        url = here.bucket.sign_url("GET", KEY, 60)
        with requests.get(url, stream=True, timeout=10) as answer:
            assert answer.headers["Content-Length"] == str(len(CONTENT))
            got = bytearray()
            with pytest.raises(requests.exceptions.RequestException):
                collections.deque(map(got.extend, answer.iter_content(1)))

        assert got == CONTENT[: len(CONTENT) // 2]


def test_an_answer_is_slow() -> None:
    """The whole body arrives, piece by piece over the time, which it does not fall short of."""
    with scene(only(slow=1.0, longest_slow=0.5)) as here:
        here.put_directly()
        began = time.monotonic()
        content = here.bucket.get_object(KEY).read()
        took = time.monotonic() - began

        assert content == CONTENT
        assert took >= 0.5


def test_the_clock_jumps() -> None:
    """OSS dates objects minutes off, or takes a signature for too old; by the seed."""
    refused, off = [], []
    for seed in range(12):
        with scene(only(clock=1.0, clock_jump=1800), seed) as here:
            try:
                here.bucket.put_object(KEY, CONTENT)
                off.append(here.endpoint._store.head("pictures", KEY).modified - time.time())
            except oss2.exceptions.ServerError as error:
                refused.append(error.code)

    assert set(refused) == {"RequestTimeTooSkewed"}
    assert any(60 < abs(seconds) <= 900 for seconds in off)


def test_a_person_can_be_spared() -> None:
    """With `everyone=False` only the functions' requests meet faults."""
    with scene(only(unavailable=1.0), everyone=False) as here:
        here.bucket.put_object(KEY, CONTENT)
        with pytest.raises(oss2.exceptions.ServerError):
            here.client(ROLE).get_object(KEY)

        assert here.chaos.counts() == {"unavailable": 1}
        assert [fault.name for fault in here.chaos.recent()] == [f"role-id-0 GET /pictures/{KEY}"]


@pytest.mark.parametrize("kind", REQUEST_FAULTS)
def test_our_store_withstands_each_kind(kind: str) -> None:
    """What OssStore reads is whole, what it writes is there; only an overwrite may be unsettled."""
    quickly = Retry(lambda: time.monotonic() + 30, sleep=lambda _: None)
    with scene(only(**{kind: 1.0, "longest_slow": 0.1, "longest_late": 0.1})) as here:
        store = here.store(quickly)
        assert store.put(KEY, CONTENT, if_absent=True) in (True, False)  # an earlier try was it
        here.meddler.settled(10)
        found = store.get(KEY, 1_000_000)
        assert found is not None
        assert found.data == CONTENT
        try:
            store.put(KEY, b"other", if_absent=False)
        except Unsettled:
            assert kind in ("internal", "lost", "late", "cut_request")
        here.meddler.settled(10)
        assert here.stored() == b"other"
        assert [meta.key for meta in store.list("input/")] == [KEY]
        store.delete(KEY)
        assert here.stored() is None


def test_our_store_gives_up_at_its_deadline() -> None:
    """Out of time, each kind that fails a request is a TransientError."""
    for kind in ("unavailable", "internal", "lost", "cut_response", "clock"):
        with scene(only(**{kind: 1.0, "clock_jump": 1e6})) as here:
            here.put_directly()
            with pytest.raises(TransientError):
                here.store(Retry.lasting(0)).get(KEY, 1_000_000)


def test_expired_credentials_are_not_tried_again() -> None:
    """Trying again with the same ones cannot help; whoever invokes again has new ones."""
    pauses: list[float] = []
    retry = Retry(lambda: time.monotonic() + 60, sleep=pauses.append)
    with scene(only()) as here:
        here.endpoint.accept(Accepted("local-id", "local-secret", expires=1.0))
        with pytest.raises(StaleCredentials, match="SecurityTokenExpired"):
            here.store(retry).get(KEY, 1000)

    assert pauses == []


def _upload(seed: int) -> tuple[set[Fault], Chaos]:
    """A cloud under chaos with the real function; what befell uploads, events and invocations."""
    chaos = Chaos(seed)
    template = from_source(read_template(project_template()))
    digits = [path for path in pictures() if path.suffix == ".png" and truth(path.name)]
    with LocalCloud(template, Options(instances=2, chaos=chaos)) as cloud:
        auth = oss2.AuthV4(cloud.keys.access_key_id, cloud.keys.access_key_secret)
        bucket = oss2.Bucket(auth, cloud.endpoint.url, "fanlight-demo", region="cn-hangzhou")
        for path in digits:
            persist(partial(bucket.put_object, f"input/digits/{path.name}", path.read_bytes()))
        assert cloud.drain(120)
        chaos.rest()
        results = {
            item.key: json.loads(bucket.get_object(item.key).read())
            for item in oss2.ObjectIteratorV2(bucket, prefix="output/digits/")
        }
        letters = list(oss2.ObjectIteratorV2(bucket, prefix="failed/"))
    told = {key: document["predictions"][0]["label"] for key, document in results.items()}
    assert told == {f"output/digits/{path.name}.json": truth(path.name) for path in digits}
    assert letters == []
    own = {fault for fault in chaos.recent() if not fault.name.startswith("role-id-")}
    return {fault for fault in own if fault.kind not in ("kill", "expire")}, chaos


def test_a_cloud_under_chaos_does_its_work_and_can_be_played_again() -> None:
    """Every digit has its label; the same seed does the same to each upload and each event."""
    first, chaos = _upload(5)
    again, _ = _upload(5)

    assert first == again
    assert {fault.kind for fault in first} & {"lost", "late", "cut_request", "unavailable"}
    assert {"duplicate", "delay"} <= {fault.kind for fault in first}
    assert sum(chaos.counts().values()) > len(first)


@pytest.mark.parametrize("kind", ["kill", "expire"])
def test_each_invocation_gets_over_it(kind: str) -> None:
    """Killed, or with credentials that are no good, in every attempt but the last: done at last."""
    values: dict[str, Any] = {kind: 1.0, "longest_good": 0.0, "longest_life": 0.0}
    chaos = Chaos(1, only(**values))
    template = from_source(read_template(project_template()))
    lines: list[str] = []
    options = Options(instances=1, chaos=chaos, first_pause=0.01,
                      on_line=lambda _, line: lines.append(line))  # fmt: skip
    with LocalCloud(template, options) as cloud:
        auth = oss2.AuthV4(cloud.keys.access_key_id, cloud.keys.access_key_secret)
        bucket = oss2.Bucket(auth, cloud.endpoint.url, "fanlight-demo", region="cn-hangzhou")
        bucket.put_object("input/digits/7-00000.png", sample("7-00000.png"))
        assert cloud.drain(120)
        document = json.loads(bucket.get_object("output/digits/7-00000.png.json").read())
        load = cloud.load()

    assert document["predictions"][0]["label"] == "7"
    expected = {"kill": 2, "expire": 3}[kind]
    assert (chaos.counts(), load.retried) == ({kind: expected}, expected)
    told = [line for line in lines if "status -9" in line or "SecurityTokenExpired" in line]
    assert len(told) == expected


def test_up_tells_its_seed_and_its_faults(tmp_path: Path) -> None:
    """`fanlight up --chaos 3` names the seed at the start, and at the end what it did."""
    command = [sys.executable, "-m", "tools", "up", "--port", "0", "--invoke-port", "0",
               "--no-console", "--chaos", "3"]  # fmt: skip
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        begin = list(iter(process.stdout.readline, "Ctrl-C stops it.\n"))
        url = begin[0].split()[-1]
        auth = oss2.AuthV4("local-id", "local-secret")
        bucket = oss2.Bucket(auth, url, "fanlight-demo", region="cn-hangzhou")
        for n in range(20):
            persist(partial(bucket.put_object, f"elsewhere/{n}", b"x"))
        process.send_signal(signal.SIGINT)
        end = process.stdout.read().splitlines()

    assert process.returncode == 0
    assert any(line.startswith("Faults        by seed 3") for line in begin)
    assert re.fullmatch(r"faults of seed 3: (\d+ [a-z ]+(, )?)+", end[-1])
