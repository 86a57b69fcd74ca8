"""An event on its way: whom to ask about, how often, and what ends it."""

from concurrent.futures import Future

from tools.fc.batches import Batch
from tools.fc.sent import FIRST, LONGEST, TRIES, Sent
from tools.fc.watch import Letter, Look

NONE = Look(None, "there is no result")
STALE = Look(None, "its result is of another version of the image", stale=True)


def sent(keys: str, tries: int = 0, letters: list[Letter] | None = None) -> Sent:
    """One that was accepted at 100 s."""
    request: Future[str] = Future()
    request.set_result("r-1")
    made = Sent(Batch(tuple(keys), b"", tries), request, at=0.0, letters=letters or [])
    made.accepted(100.0, pace=0.0)
    return made


def done(key: str) -> Look:
    return Look({"key": key, "outcome": "classified"})


def test_each_look_asks_about_another_key() -> None:
    """The last one first, since it is done last; one that fails does not hide the others."""
    event = sent("abc")

    assert [event.probe() for _ in range(4)] == ["c", "b", "a", "c"]


def test_looks_become_rarer_while_there_is_no_news() -> None:
    """Pauses grow to ten seconds, and are short again once a key is done."""
    event, pauses = sent("ab"), []
    for _ in range(15):
        event.probe()
        event.later(0.0)
        pauses.append(event.due)
    event.probe()
    event.heard("b", done("b"), 101.0)
    event.later(0.0)

    assert [round(pause, 9) for pause in pauses[:2]] == [0.3, 0.45]
    assert pauses == sorted(pauses)
    assert (pauses[-1], event.due) == (LONGEST, FIRST)


def test_the_first_look_comes_when_others_were_done() -> None:
    """Not at once where events take long, and yet within the minute."""
    event, dues = sent("ab"), []
    for pace in (0.0, 20.0, 1000.0):
        event.accepted(100.0, pace)
        dues.append(event.due)

    assert dues == [100.0 + FIRST, 114.0, 160.0]


def test_all_is_asked_about_once_something_is_known() -> None:
    """After news, after a letter, and after a quiet minute, but no more often than that."""
    event = sent("ab")
    event.probe()
    assert [event.whole(now, 60.0) for now in (101.0, 160.0, 161.0, 219.0, 220.0)] == [
        False, True, False, False, True,
    ]  # fmt: skip
    event.heard("b", done("b"), 221.0)
    assert event.whole(221.0, 60.0)
    event.probe()
    assert not event.whole(222.0, 60.0)
    event.letters = [Letter("failed/r-0.json", "a", suspected=True, reason="x")]
    assert event.whole(222.0, 60.0)


def test_a_key_comes_out_once() -> None:
    """A second look at a key that is done says nothing, one at a doubled key says it again."""
    event = sent("aab")

    outcomes = [event.heard("a", done("a"), 101.0) for _ in range(3)]

    assert outcomes == [done("a").outcome, done("a").outcome, None]
    assert event.left == ["b"]


def test_letters_take_out_what_they_name() -> None:
    """Named keys are taken out; a letter that names none stands for all that are left."""
    named = Letter("failed/r-0.json", "b", suspected=False, reason="it does not decode")
    event = sent("abc", letters=[named])
    assert (event.filed(), event.left, event.died) == ([("b", named)], ["a", "c"], "")

    whole = Letter("failed/r-1.json", None, suspected=False, reason="EventError: no record")
    event.letters = [whole]
    assert (event.filed(), event.left) == ([("a", whole), ("c", whole)], [])
    assert event.died == "EventError: no record (dead letter failed/r-1.json)"


def test_an_event_of_which_a_key_is_done_did_not_die() -> None:
    """Suspicion alone is no death: what was done before it speaks for the function."""
    suspicion = Letter("failed/r-0.json", "a", suspected=True, reason="ProcessExited: x")
    event = sent("ab", letters=[suspicion])
    assert event.died == "ProcessExited: x (dead letter failed/r-0.json)"
    event.heard("b", done("b"), 101.0)

    assert not event.died


def test_only_what_was_overwritten_is_sent_again() -> None:
    """After a quiet time, keys with a result of another version; not for ever."""
    event = sent("abc")
    for key, look in (("a", STALE), ("b", NONE), ("c", STALE)):
        event.heard(key, look, 101.0)

    assert (event.overwritten(159.0, 60.0), event.left) == ([], ["a", "b", "c"])
    assert (event.overwritten(160.0, 60.0), event.left) == (["a", "c"], ["b"])
    often = sent("a", tries=TRIES)
    often.heard("a", STALE, 101.0)
    assert (often.overwritten(300.0, 60.0), often.left) == ([], ["a"])


def test_what_is_not_heard_of_is_given_up() -> None:
    """The reason tells what was seen last, for how long, and under which request."""
    event = sent("ab")
    event.heard("a", STALE, 101.0)

    assert event.given_up(1899.0, 1800.0) == []
    outcomes = event.given_up(1900.0, 1800.0)
    assert [outcome["key"] for outcome in outcomes] == ["a", "b"]
    assert outcomes[0]["reason"] == (
        "its result is of another version of the image, and no dead letter, 1,800 s after the "
        "last news of its event (request r-1); see that the function reads and writes these very "
        "places, and look into its log, then run again"
    )
    assert (event.left, event.died) == ([], "neither a result nor a dead letter comes of it")
