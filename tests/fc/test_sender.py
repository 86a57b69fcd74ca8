"""Events through the official client: what is tried again, and what is told when nothing helps."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.utils_models import Config

from fanlight.errors import ConfigError, FanlightError, StaleCredentials, TransientError
from fanlight.store_oss import Credentials
from tools.fc.sender import Sender, Stopped, endpoint_of
from tools.localcloud.server import WsgiServer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

SECRET = "not-to-be-shown"


class Platform:
    """Answers as it is told, then with 202; keeps what it was asked."""

    def __init__(self, *refusals: tuple[int, str]) -> None:
        self.refusals = list(refusals)
        self.asked: list[tuple[str, str, bytes]] = []

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        kind = environ.get("HTTP_X_FC_INVOCATION_TYPE", "")
        self.asked.append((environ["RAW_URI"], kind, environ["wsgi.input"].read()))
        status, code = self.refusals.pop(0) if self.refusals else (202, "")
        body = b'{"RequestId":"r-1","Code":"%s","Message":"of %s"}' % (
            code.encode(), SECRET.encode(),
        )  # fmt: skip
        headers = [("Content-Type", "application/json"), ("X-Fc-Request-Id", "r-1")]
        start_response(f"{status} -", headers)
        return [body if code else b""]


@contextmanager
def sender(platform: Platform, patience: float = 5.0) -> Iterator[Sender]:
    server = WsgiServer(platform, 0)
    server.start()
    try:
        keys = Credentials("id", SECRET, "token")
        yield Sender("f-backfill", server.url, lambda: keys, patience=patience)
    finally:
        server.stop()


def test_an_event_is_given_asynchronously() -> None:
    """The function gets the very bytes, and the sender the id under which the platform has them."""
    platform = Platform()
    with sender(platform) as send:
        assert send(b'{"events":[]}') == "r-1"

    path = "/2023-03-30/functions/f-backfill/invocations"
    assert platform.asked == [(path, "Async", b'{"events":[]}')]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_platform_is_asked_again(status: int) -> None:
    """Throttling and faults of the platform are waited out, not told."""
    platform = Platform((status, "ResourceExhausted"), (status, "ResourceExhausted"))
    with sender(platform) as send:
        assert send(b"x") == "r-1"

    assert len(platform.asked) == 3


def test_a_platform_that_stays_busy_is_told() -> None:
    """When the patience is over the last refusal is raised, which another run can mend."""
    with (
        sender(Platform(*[(429, "ResourceExhausted")] * 100), patience=0.3) as send,
        pytest.raises(TransientError, match=r"f-backfill: ResourceExhausted \(request r-1\)"),
    ):
        send(b"x")


def test_a_platform_that_does_not_answer_is_named() -> None:
    """A lost connection is tried again too; the endpoint is named in the end.

    Where nothing was ever heard, no event would be taken; else another run can mend it.
    """
    keys = Credentials("id", SECRET)
    send = Sender("f", "http://127.0.0.1:1", lambda: keys, patience=0.2)
    with pytest.raises(ConfigError, match=r"http://127\.0\.0\.1:1 cannot be reached"):
        send(b"x")

    with sender(Platform(), patience=0.2) as send:
        send(b"x")
    with pytest.raises(TransientError, match=r"http://127\.0\.0\.1:\d+ cannot be reached"):
        send(b"x")


@pytest.mark.parametrize(
    ("status", "code", "kind", "says"),
    [
        (403, "AccessDenied", ConfigError, "needs fc:InvokeFunction on f-backfill"),
        (403, "SignatureNotMatch", ConfigError, "check ALIBABA_CLOUD_ACCESS_KEY_ID and"),
        (403, "InvalidAccessKeyID", ConfigError, "check ALIBABA_CLOUD_ACCESS_KEY_ID and"),
        (404, "FunctionNotFound", ConfigError, "no such function at http://127.0.0.1"),
        (400, "InvalidTimeStamp.Expired", ConfigError, "clock is wrong"),
        (400, "InvalidSecurityToken.Expired", StaleCredentials, "get a new one"),
        (400, "EntityTooLarge", FanlightError, "the platform refused the event"),
    ],
)
def test_a_refusal_says_what_to_change(
    status: int, code: str, kind: type[FanlightError], says: str
) -> None:
    """What no repetition can mend is raised at once, with the remedy and no secret."""
    platform = Platform((status, code))
    with sender(platform) as send, pytest.raises(FanlightError) as error:
        send(b"x")

    assert type(error.value) is kind
    assert says in str(error.value)
    assert SECRET not in str(error.value)
    assert len(platform.asked) == 1


def test_stopping_ends_the_waiting() -> None:
    """Who waits to send an event again stops at once, and nobody sends another."""
    platform = Platform(*[(429, "ResourceExhausted")] * 1000)
    with sender(platform, patience=60) as send:
        threading.Timer(0.2, send.stop).start()
        began = time.monotonic()
        with pytest.raises(Stopped):
            send(b"x")
        with pytest.raises(Stopped):
            send(b"x")

    assert time.monotonic() - began < 30


def test_keys_are_asked_for_each_time() -> None:
    """Keys that have been renewed sign the next event."""
    renewed = iter([Credentials("first", SECRET), Credentials("second", SECRET)])
    signed: list[str] = []

    def platform(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        signed.append(environ["HTTP_AUTHORIZATION"])
        start("202 -", [])
        return []

    server = WsgiServer(platform, 0)
    server.start()
    try:
        send = Sender("f", server.url, lambda: next(renewed))
        send(b"x")
        send(b"x")
    finally:
        server.stop()

    assert ["Credential=first" in signed[0], "Credential=second" in signed[1]] == [True, True]


def test_an_expired_key_is_followed_by_another() -> None:
    """Where keys are renewed, the event that was refused for an old one is sent with a new one."""
    platform = Platform((400, "InvalidSecurityToken.Expired"))
    keys = [Credentials("old", SECRET, "token")]
    refused: list[Credentials] = []

    def renewed(key: Credentials) -> bool:
        refused.append(key)
        keys[:] = [Credentials("new", SECRET, "token")]
        return True

    server = WsgiServer(platform, 0)
    server.start()
    try:
        assert Sender("f", server.url, lambda: keys[0], renewed)(b"x") == "r-1"
    finally:
        server.stop()

    assert [key.access_key_id for key in refused] == ["old"]
    assert len(platform.asked) == 2


def test_the_endpoint_is_the_regions() -> None:
    """Each region's endpoint is the one that the official client lists, without its white space."""
    listed = Client(Config(access_key_id="a", access_key_secret="b", endpoint="c"))._endpoint_map

    assert len(listed) > 20
    for region, endpoint in listed.items():
        assert endpoint_of(region) == endpoint.strip()
