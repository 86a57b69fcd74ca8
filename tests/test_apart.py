"""Decoding in a child: the same pixels, and its end, its hanging and its greed told by key."""

import ctypes
import faulthandler
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from fcntl import fcntl
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fanlight.apart import Apart
from fanlight.config import Limits
from fanlight.errors import DecoderEnded, FanlightError, Rejected
from fanlight.image import Decode, Header, Pixels, decode, read_header
from fanlight.runtime import memory

LIMITS = Limits()
_GET_PIPE_SIZE = 1032  # F_GETPIPE_SZ of Linux's fcntl.h


def whole(data: bytes, limits: Limits) -> tuple[Header, Pixels]:
    """The function's own two steps."""
    header = read_header(data, limits)
    return header, decode(data, header, 100)


@contextmanager
def apart(work: Decode = whole, seconds: float = 60, memory: int | None = None) -> Iterator[Decode]:
    """A decoder whose child is gone afterwards."""
    before = children()
    decoder = Apart(work, lambda: seconds, memory)
    try:
        yield decoder
    finally:
        decoder.close()
    assert children() == before


def doing(what: Callable[[], Any]) -> Decode:
    """A decoder that does something bad to its process first."""

    def bad(data: bytes, limits: Limits) -> tuple[Header, Pixels]:
        faulthandler.disable()  # pytest's own would fill the log with a crash that is wanted
        what()
        return whole(data, limits)

    return bad


def picture(extension: str, channels: int = 3, side: int = 300) -> bytes:
    noise = np.random.default_rng(1).integers(0, 255, (side, side, channels), np.uint8)
    return bytes(cv2.imencode(extension, noise)[1])


def children() -> str:
    """The processes this one has, ended but not waited for among them."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text()


@pytest.mark.parametrize(
    "data",
    [picture(".png", 1), picture(".png", 4), picture(".jpg"), picture(".webp"), picture(".bmp"),
     picture(".jpg", 3, 3000)],
    ids=["grey", "alpha", "jpeg", "webp", "bmp", "large"],
)  # fmt: skip
def test_the_child_gives_what_the_decoder_gives(data: bytes) -> None:
    """Header and pixels are the same ones, whatever their channels and size."""
    header, pixels = whole(data, LIMITS)

    with apart() as decoder:
        in_child = decoder(data, LIMITS)

    assert in_child[0] == header
    np.testing.assert_array_equal(in_child[1], pixels, strict=True)


def test_a_rejection_comes_through() -> None:
    """What is no image is rejected in the same words."""
    found = []
    with apart() as decoder:
        for data in (b"no image", b"", picture(".png")[:-30]):
            with pytest.raises(Rejected) as caught:
                decoder(data, LIMITS)
            found.append((caught.value.code, str(caught.value)))

    assert found == [
        ("not_an_image", "the bytes are not those of an image"),
        ("empty", "the object has no bytes"),
        ("corrupt", "the PNG is cut short or damaged"),
    ]


def test_the_limits_are_those_of_the_call() -> None:
    """A picture is rejected by the limits it came with, not by those of the one before."""
    with apart() as decoder:
        decoder(picture(".png"), LIMITS)
        with pytest.raises(Rejected, match="more than 100 pixels"):
            decoder(picture(".png"), Limits(max_pixels=100))


@pytest.mark.parametrize(
    ("what", "cause"),
    [
        (lambda: ctypes.string_at(0), r"signal 11 \(SIGSEGV\)"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), r"signal 9 \(SIGKILL\)"),
        (os.abort, r"signal 6 \(SIGABRT\)"),
        (lambda: os._exit(3), "exit code 3"),
        (lambda: os._exit(0), "exit code 0"),
    ],
    ids=["segmentation fault", "killed", "abort", "exit", "exit without an answer"],
)
def test_a_crash_is_an_error_that_tells_it(what: Callable[[], Any], cause: str) -> None:
    """A decoder that ends its process leaves this one alive, with its end's cause and no child."""
    ended = pytest.raises(DecoderEnded, match=f"^the decoder process ended: {cause}$")
    with apart(doing(what)) as decoder, ended:
        decoder(picture(".png"), LIMITS)


def test_neighbours_of_a_crash_are_decoded() -> None:
    """One child serves one image after another; after a crash there is a new one."""

    def crashing(data: bytes, limits: Limits) -> tuple[Header, Pixels]:
        if data == b"crash":
            faulthandler.disable()
            os.abort()
        header, pixels = whole(data, limits)
        return Header(header.format, os.getpid(), header.height), pixels

    with apart(crashing) as decoder:
        first = [decoder(picture(".png"), LIMITS)[0].width for _ in range(2)]
        with pytest.raises(DecoderEnded, match="SIGABRT"):
            decoder(b"crash", LIMITS)
        second = [decoder(picture(".png"), LIMITS)[0].width for _ in range(2)]

    assert first[0] == first[1] != second[0] == second[1]
    assert os.getpid() not in first + second


def test_the_end_of_one_child_of_several_is_noticed_at_once() -> None:
    """Children that two threads fork at a time do not keep each other's pipes open."""
    rounds, start = 12, threading.Barrier(2, timeout=60)
    told: list[str] = []

    def living() -> None:
        for _ in range(rounds):
            start.wait()
            with closing(Apart(whole, lambda: 60)) as decoder:
                decoder(picture(".png", 1, 8), LIMITS)
                start.wait()

    thread = threading.Thread(target=living)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads take turns at every step
    try:
        thread.start()
        with closing(Apart(doing(lambda: os._exit(3)), lambda: 2)) as decoder:
            for _ in range(rounds):
                start.wait()
                with pytest.raises(DecoderEnded) as ended:
                    decoder(picture(".png", 1, 8), LIMITS)
                told.append(str(ended.value))
                start.wait()
    finally:
        thread.join()
        sys.setswitchinterval(interval)

    assert told == ["the decoder process ended: exit code 3"] * rounds


def test_an_interrupt_is_for_this_process() -> None:
    """Ctrl-C reaches the child too, which goes on: its parent decides when to end."""
    with apart() as decoder:
        decoder(picture(".png"), LIMITS)
        os.kill(int(children().split()[-1]), signal.SIGINT)

        header, _ = decoder(picture(".png"), LIMITS)

    assert header.width == 300


def test_an_image_longer_than_the_pipe_to_a_decoder_that_does_not_read() -> None:
    """A child that dies before it has taken the image is told as any other."""
    with apart() as decoder:
        decoder(picture(".png"), LIMITS)
        child = int(children().split()[-1])
        os.kill(child, signal.SIGSTOP)
        threading.Timer(0.2, os.kill, (child, signal.SIGKILL)).start()
        with pytest.raises(DecoderEnded, match="SIGKILL"):
            decoder(b"x" * 5_000_000, LIMITS)


def test_a_fault_is_told_by_its_name() -> None:
    """An exception that is no rejection comes as an error, not as an end of the process."""

    def fault() -> None:
        raise MemoryError("no more")

    failed = pytest.raises(FanlightError, match=r"^decoding failed: MemoryError: no more$")
    with apart(doing(fault)) as decoder, failed:
        decoder(picture(".png"), LIMITS)


def test_a_decoder_that_hangs_is_ended() -> None:
    """It has the time it is given, and is gone then."""
    ended = pytest.raises(DecoderEnded, match=r"not done after 0\.2 s")
    with apart(doing(lambda: time.sleep(600)), seconds=0.2) as decoder, ended:
        decoder(picture(".png"), LIMITS)


def test_a_decoder_that_takes_too_much_memory_is_ended() -> None:
    """Parent and child together stay within the function's memory; what is shared counts once."""

    def swallow() -> None:
        kept = []
        for _ in range(30):
            kept.append(np.ones(20_000_000, np.uint8))
            time.sleep(0.02)

    statm = Path("/proc/self/statm").read_text("ascii").split()
    now = int(statm[1]) * os.sysconf("SC_PAGE_SIZE")

    ended = pytest.raises(DecoderEnded, match="took more than the function's")
    with apart(doing(swallow), memory=now + 200_000_000) as decoder, ended:
        decoder(picture(".png"), LIMITS)
    with apart(doing(lambda: time.sleep(0.1)), memory=now + 200_000_000) as decoder:
        decoder(picture(".png"), LIMITS)


def test_the_output_of_this_process_is_not_printed_twice(capfd: pytest.CaptureFixture[str]) -> None:
    """A line that is still in a buffer when the child is made is printed once."""
    with os.fdopen(os.dup(1), "w", buffering=65536) as out:
        out.write(json.dumps({"message": "key"}) + "\n")
        with apart() as decoder:
            decoder(picture(".png"), LIMITS)
        out.flush()

    assert capfd.readouterr().out == '{"message": "key"}\n'


def test_a_child_decodes_after_this_process_used_every_thread() -> None:
    """The threads that OpenCV keeps are not in the child, which does without them."""
    large = np.zeros((4000, 4000, 3), np.uint8)
    for _ in range(5):
        cv2.cvtColor(large, cv2.COLOR_BGR2GRAY)
        cv2.resize(large, (500, 500), interpolation=cv2.INTER_AREA)
        with apart() as decoder:
            header, _ = decoder(picture(".jpg", 3, 2000), LIMITS)
        assert header.width == 2000


def test_the_memory_is_what_the_platform_says() -> None:
    """Megabytes of the environment as bytes; where nothing tells, there is no limit."""
    told = [memory({"FC_FUNCTION_MEMORY_SIZE": "2048"}), memory({})]

    assert told == [2 * 1024 * 1024 * 1024, None]


def tell(answer: bytes) -> None:
    """Write to the pipe that the parent reads, in place of what is decoded, and leave."""
    for descriptor in range(3, 256):
        with suppress(OSError):  # not open, or no pipe, or one that is read
            if fcntl(descriptor, _GET_PIPE_SIZE) == 1 << 20:  # as large as only theirs are
                os.write(descriptor, answer)
    os._exit(0)


def announced(said: str) -> bytes:
    return len(said).to_bytes(4, "little") + said.encode()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"\xff" * 4, id="no end"),
        announced("no JSON"),
        announced("[]"),
        announced("7"),
        announced('{"header": {}, "shape": [1, 1, 3]}'),
        announced('{"header": {}, "shape": [100000, 100000, 3]}'),
        announced('{"header": {}, "shape": [-1, -1]}'),
        announced('{"header": {}, "shape": "ab"}'),
    ],
)
def test_a_child_that_has_gone_wrong_costs_its_image_alone(answer: bytes) -> None:
    """Whatever it announces is not believed: no memory is taken for it, and the key fails."""
    with (
        apart(doing(lambda: tell(answer))) as decoder,
        pytest.raises(DecoderEnded, match=r"an answer that is none|process ended: exit code 0"),
    ):
        decoder(picture(".png"), LIMITS)


def test_a_fault_of_any_length_is_told() -> None:
    """A long error text is cut, so that it is an answer still."""

    def fail() -> None:
        raise RuntimeError("x" * 1_000_000)

    with apart(doing(fail)) as decoder, pytest.raises(FanlightError, match=r"Error: x{900}"):
        decoder(picture(".png"), LIMITS)


def test_children_that_nobody_waits_for_are_no_failure() -> None:
    """Where SIGCHLD is ignored an image is decoded all the same, and a crash is told as one."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with apart() as decoder:
            decoder(picture(".png"), LIMITS)
        with apart(doing(lambda: os._exit(3))) as decoder, pytest.raises(DecoderEnded):
            decoder(picture(".png"), LIMITS)
    finally:
        signal.signal(signal.SIGCHLD, before)
