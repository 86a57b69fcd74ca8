"""Waiting for OSS is not done in silence."""

from tools.patience import Telling


def test_who_waits_is_told_now_and_then() -> None:
    """Not of the first short pauses, and not more often than every half minute."""
    told: list[str] = []
    now = [100.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    wait = Telling(120, told.append, sleep, lambda: now[0])
    for pause in (0.25, 0.75):
        wait(pause)
    assert told == []

    for _ in range(10):
        wait(4.0)

    words = "OSS fails or does not answer; trying again, for 120 s in all"
    assert told == [words, words]
    assert now == [141.0]
