"""What is said of events that come to nothing, and when nothing is said."""

from tests.test_pace import Clock
from tools.fc.silence import Silence


def test_silence_is_told_now_and_then_until_there_is_news() -> None:
    """Each minute, with the seconds since the last news; never while nothing is on its way."""
    clock, told = Clock(), list[str]()
    silence = Silence("it is busy", 60.0, told.append, clock)
    began = clock.now

    for news, events in [(False, 0), *[(False, 3)] * 5, (True, 3), (False, 3), (False, 0)]:
        clock.now += 30
        silence.look(events, news=news)

    assert clock.now > began
    assert told == [
        "no news for 60 s of 3 events on their way: it is busy",
        "no news for 120 s of 3 events on their way: it is busy",
    ]
