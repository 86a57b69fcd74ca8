"""What a long run shows while it goes on."""

import io

import pytest

from tools.progress import Progress, lasting


class Clock:
    """Time that passes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def shown(progress: Progress, clock: Clock, seconds: float) -> None:
    clock.now += seconds
    progress.worked(failed=1)


def test_lines_come_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    """Every ten seconds where there is no terminal, with counts, the rate and what is left."""
    clock = Clock()
    progress = Progress(clock, terminal=False)
    for number in range(1_000):
        progress.found()
        if number % 2:
            progress.settled(failed=0)
        else:
            progress.given()
    shown(progress, clock, 9.0)
    assert capsys.readouterr().err == ""

    shown(progress, clock, 1.0)
    progress.listed()
    shown(progress, clock, 10.0)
    progress.close()

    assert capsys.readouterr().err.splitlines() == [
        "502 of 1,000 found, 1 failed, 50/s, at least 42 min left",
        "503 of 1,000 found, 1 failed, 25/s, 55 min left",
    ]


def test_nothing_is_said_of_the_time_left_while_it_is_not_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where keys are found as they are taken, what was found says nothing of how many there are."""
    clock = Clock()
    progress = Progress(clock, terminal=False)
    progress.found()
    progress.given()
    shown(progress, clock, 10.0)

    assert capsys.readouterr().err == "1 of 1 found, 1 failed, 0/s\n"


def test_a_terminal_has_a_bar_that_is_taken_away(capsys: pytest.CaptureFixture[str]) -> None:
    """A note stands above it, and nothing of it stays."""
    clock = Clock()
    progress = Progress(clock, terminal=True)
    progress.found()
    progress.given()
    progress.listed()
    shown(progress, clock, 1.0)
    progress.note("a note")
    progress.close()

    # What clears the line is left out by click where it is no terminal after all.
    bar = f"[{'#' * 30}] 1 of 1 found, 1 failed, 1/s, 0 s left"
    assert capsys.readouterr().err == f"\r{bar}\ra note\n\r"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (61, "1 min"), (3569, "59 min"), (3600, "1 h 0 min"),
     (9030, "2 h 30 min")],
)  # fmt: skip
def test_a_time_is_told_as_exactly_as_it_is_known(seconds: float, text: str) -> None:
    """Seconds, minutes or hours."""
    assert lasting(seconds) == text


class Broken(io.StringIO):
    """What whoever read it has closed."""

    def write(self, _: str) -> int:
        raise BrokenPipeError


@pytest.mark.parametrize("stream", [Broken(), None])
def test_that_nobody_reads_it_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO | None
) -> None:
    """Neither lines nor notes, nor that there is no standard error at all."""
    monkeypatch.setattr("sys.stderr", stream)
    now = iter(range(0, 1000, 20))
    progress = Progress(lambda: float(next(now)))

    progress.found()
    progress.note("failed: a")
    progress.given()
    progress.worked(failed=1)
    progress.close()
