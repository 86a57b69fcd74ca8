"""Keys that are listed ahead of those who take them."""

import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from threading import Event, active_count

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fanlight.errors import FanlightError
from tools.plan import New
from tools.spool import spooled

KEYS = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.just("\udc80")), max_size=50)


@given(st.lists(st.tuples(KEYS, st.booleans()), max_size=30))
@example([("no UTF-8 \udc80", False)])
def test_the_same_keys_come_out(keys: list[tuple[str, bool]]) -> None:
    """In their order, whatever is in them, with what is known of their results."""
    given_out = [New(key) if new else key for key, new in keys]

    found = list(spooled(given_out))

    assert found == given_out
    assert [isinstance(key, New) for key in found] == [new for _, new in keys]


def test_many_keys_pass_through_blocks() -> None:
    """Also those that lie across the end of a block."""
    keys = [f"{number}-{'x' * (number % 1000)}" for number in range(1_000)]

    assert list(spooled(keys)) == keys


def test_all_are_listed_before_any_is_worked_on() -> None:
    """The listing does not wait for whoever takes the keys."""
    listed = Event()

    def keys() -> Iterator[str]:
        yield from map(str, range(50_000))
        listed.set()

    taken = spooled(keys())

    assert next(taken) == "0"
    assert listed.wait(30)
    assert sum(1 for _ in taken) == 49_999


def test_a_key_is_given_as_soon_as_it_is_listed() -> None:
    """Work begins while the listing goes on."""
    go_on = Event()

    def keys() -> Iterator[str]:
        yield "first"
        assert go_on.wait(30)
        yield "second"

    taken = spooled(keys())

    assert next(taken) == "first"
    go_on.set()
    assert list(taken) == ["second"]


def test_an_error_comes_after_the_keys_before_it() -> None:
    """A listing that fails half-way fails whoever takes the keys, in its place."""

    def keys() -> Iterator[str]:
        yield "a"
        raise ValueError("no more")

    taken = spooled(keys())

    assert next(taken) == "a"
    with pytest.raises(ValueError, match="no more"):
        next(taken)


def test_closing_it_ends_the_listing() -> None:
    """Whoever stops half-way, as Ctrl-C does, leaves no thread behind and no open listing."""
    before, closed = active_count(), Event()

    def keys() -> Iterator[str]:
        try:
            while True:
                time.sleep(0.001)
                yield "key"
        finally:
            closed.set()

    taken = spooled(keys())
    next(taken)
    assert isinstance(taken, Generator)
    taken.close()

    del taken

    assert active_count() == before
    assert closed.wait(30)


def test_a_full_disk_is_told_with_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys before it have come; what helps is named, since nobody knows of these files."""
    full = Path("/dev/full").open("r+b", buffering=0)  # noqa: SIM115 - the spool closes it
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full)

    with pytest.raises(FanlightError, match=f"keys wait in {tempfile.gettempdir()}: No space left"):
        list(spooled(["a"]))
