"""Faults on demand: decided by the seed alone, bounded, and real on the wire."""

import collections
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import oss2
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import StaleCredentials, TransientError, Unsettled
from fanlight.retry import Retry
from fanlight.store_oss import Credentials, OssStore
from tools.localcloud.body import Body
from tools.localcloud.chaos import IN_A_ROW, REQUEST_FAULTS, Chaos, Rates
from tools.localcloud.chaos_http import Meddler
from tools.localcloud.oss import Credentials as Accepted
from tools.localcloud.oss import OssEndpoint

PERSON = Accepted("local-id", "local-secret")
ROLE = Accepted("role-id-0", "role-secret", "role-token")
KEY = "input/a.png"
CONTENT = bytes(range(256)) * 200  # 50 KB: more than goes out in one piece
NONE = {field.name: 0.0 for field in fields(Rates) if isinstance(field.default, float)
        and not field.name.startswith("longest") and field.name != "clock_jump"}  # fmt: skip

seeds = st.integers(0, 2**32)
names = st.text(max_size=20)


def only(**rates: Any) -> Rates:
    """No faults but these."""
    values: dict[str, Any] = {**NONE, **rates}
    return Rates(**values)


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
    with scene(only(late=1.0, longest_late=0.5)) as here:
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
    """The whole body arrives, piece by piece over the time."""
    with scene(only(slow=1.0, longest_slow=0.5)) as here:
        here.put_directly()
        began = time.monotonic()
        answer = here.bucket.get_object(KEY)
        answer.resp.response.raw.read(1)
        first = time.monotonic() - began
        rest = answer.resp.response.raw.read()
        whole = time.monotonic() - began

        assert b"\0" + rest == CONTENT
        assert first < whole
        assert whole >= 0.4


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
