"""The body of a request as it comes off a connection."""

import io
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.localcloud import incoming
from tools.localcloud.incoming import MAX_BODY, Unreadable

NEXT = b"GET / HTTP/1.1\r\n"
EXTENSIONS = [b"", b";a", b" ; a=b", b';a="b;c";d', b";" + b"x" * 5000]
TRAILERS = [b"", b"Expires: never\r\n", b"a: 1\r\nb: 2\r\n"]


def read(content: bytes, headers: dict[str, str]) -> tuple[bytes, bytes]:
    """The body, and what is left on the connection."""
    message = Message()
    for name, value in headers.items():
        message[name] = value
    stream = io.BytesIO(content)
    return b"".join(incoming.pieces(message, stream)), stream.read()


def chunked(content: bytes) -> tuple[bytes, bytes]:
    return read(content, {"Transfer-Encoding": "Chunked"})


@given(
    chunks=st.lists(st.tuples(st.binary(min_size=1, max_size=40), st.sampled_from(EXTENSIONS))),
    form=st.sampled_from(["x", "X", "04x"]),
    trailers=st.sampled_from(TRAILERS),
    last=st.sampled_from(EXTENSIONS),
)
def test_chunks_are_joined_whatever_is_said_beside_them(
    chunks: list[tuple[bytes, bytes]], form: str, trailers: bytes, last: bytes
) -> None:
    """Extensions and trailers are passed over, and the next request starts behind them."""
    sent = b"".join(
        format(len(chunk), form).encode() + extension + b"\r\n" + chunk + b"\r\n"
        for chunk, extension in chunks
    )

    body, rest = chunked(sent + b"0" + last + b"\r\n" + trailers + b"\r\n" + NEXT)

    assert body == b"".join(chunk for chunk, _ in chunks)
    assert rest == NEXT


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\r\n",
        b"zz\r\n",
        b"-1\r\n\r\n",
        b"+3\r\nabc\r\n0\r\n\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b"1_0\r\nabc\r\n0\r\n\r\n",
        b"3 a\r\nabc\r\n0\r\n\r\n",
        b"3",
        b"3\r\nab",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"3\r\nabc",
        b"3\r\nabc\r\n0\r\n",
        b"3\r\nabc\r\n0\r\na: 1\r\n",
        b"3;" + b"x" * 70_000 + b"\r\nabc\r\n0\r\n\r\n",
        b"0\r\n" + b"a: 1\r\n" * 101 + b"\r\n",
        b"f" * 17 + b"\r\n",
        f"{MAX_BODY + 1:x}\r\n".encode(),
    ],
    ids=lambda sent: repr(sent[:30]),
)
def test_what_is_not_chunked_cannot_be_read(sent: bytes) -> None:
    """Lengths that are none, chunks of another length, and what breaks off or has no end."""
    with pytest.raises(Unreadable):
        chunked(sent)


@pytest.mark.parametrize("length", ["-1", "x", str(MAX_BODY + 1), "9" * 5000, "4"])
def test_what_has_not_its_length_cannot_be_read(length: str) -> None:
    """A Content-Length that is none, or too much, or more than comes."""
    with pytest.raises(Unreadable):
        read(b"abc", {"Content-Length": length})
    assert read(b"abc" + NEXT, {"Content-Length": "3"}) == (b"abc", NEXT)
    assert read(NEXT, {}) == (b"", NEXT)


def test_a_connection_that_fails_is_the_client_s_fault() -> None:
    """Whatever the connection raises inside a body, it is told from an error of a file."""

    class Reset(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise ConnectionResetError

    message = Message()
    message["Content-Length"] = "3"
    with pytest.raises(Unreadable):
        list(incoming.pieces(message, Reset()))
