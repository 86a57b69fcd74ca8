"""The rehearsal: a whole event, with no bucket, and whatever happens nothing comes of it."""

from typing import Any

import pytest

from fanlight.place import Place
from fanlight.reconcile import Answer, Reconciler
from fanlight.rehearsal import rehearse
from fanlight.result import Source
from fanlight.retry import Retry
from fanlight.store_oss import Credentials, OssStore
from fanlight.store_resized import ResizedStore

NOWHERE = "http://127.0.0.1:1"
PICTURE = b"bytes of a picture"
DOCUMENT = {"schema": "s", "status": "rejected", "reason": {"code": "empty", "message": ""}}


def no_pause(seconds: float) -> None:
    raise AssertionError(f"it would wait {seconds} s")


def on(session: Any, answer: Answer, *, resized: bool) -> Reconciler:
    reach: dict[str, Any] = {
        "endpoint": NOWHERE, "region": "cn-hangzhou", "credentials": Credentials("id", "secret"),
        "retry": Retry.lasting(0), "session": session,
    }  # fmt: skip
    results = OssStore("pictures", **reach)
    images = ResizedStore("pictures", side=9, pause=no_pause, **reach) if resized else results
    return Reconciler(
        images=images, input=Place("pictures", "input/"), results=results,
        output=Place("pictures", "output/"), answer=answer, max_bytes=100,
    )  # fmt: skip


@pytest.mark.parametrize("resized", [False, True])
def test_the_picture_is_answered_and_no_request_leaves(*, resized: bool) -> None:
    """Each turn goes from the event to the look after the write; one that asked OSS would stop."""
    seen: list[tuple[str, bytes | None]] = []
    told: list[object] = []

    def answer(source: Source, data: bytes | None) -> dict[str, Any]:
        seen.append((source.key, data))
        return DOCUMENT

    def watched(session: Any) -> Reconciler:
        ask = session.do_request

        def noted(request: Any, timeout: Any) -> Any:
            told.append(request.method)
            return ask(request, timeout)

        session.do_request = noted
        return on(session, answer, resized=resized)

    rehearse(watched, PICTURE)

    assert seen == [("input/.fanlight.png", PICTURE)] * 3
    turn = ["GET", "HEAD", "GET", "PUT", "HEAD"] if resized else ["GET", "GET", "PUT", "HEAD"]
    assert told == turn * 3


def test_a_failure_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """A model that has no answer is the first image's to tell of; nothing is logged."""

    def broken(source: Source, data: bytes | None) -> dict[str, Any]:
        raise RuntimeError("no answer")

    rehearse(lambda session: on(session, broken, resized=False), PICTURE)

    assert capsys.readouterr() == ("", "")
