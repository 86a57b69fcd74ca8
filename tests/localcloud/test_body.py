"""Bodies: small ones in memory, large ones in files that do not stay behind."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tools.localcloud.body import MAX_IN_MEMORY, Body, crc64, receive


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    sizes=st.lists(st.integers(0, MAX_IN_MEMORY // 2), max_size=6),
    bounds=st.tuples(st.integers(0, 3 * MAX_IN_MEMORY), st.integers(0, 3 * MAX_IN_MEMORY)),
)
def test_a_body_is_what_arrived(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], bounds: tuple[int, int]
) -> None:
    """Size, MD5, CRC, content and every part are right, in memory as in a file."""
    folder = tmp_path_factory.mktemp("arriving")
    pieces = [bytes([n + 1]) * size for n, size in enumerate(sizes)]
    content = b"".join(pieces)

    body = receive(pieces, folder)

    assert len(list(folder.iterdir())) == (len(content) > MAX_IN_MEMORY)
    assert (body.size, body.md5) == (len(content), hashlib.md5(content).digest())
    assert body.crc == crc64(content)
    assert body.read() == content == b"".join(body)
    start, stop = sorted(min(bound, len(content)) for bound in bounds)
    part = body.part(start, stop)
    assert part.read() == content[start:stop]
    assert part.md5 == hashlib.md5(content[start:stop]).digest()
    body.close()
    assert list(folder.iterdir()) == []


def test_what_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    """An error of the source goes through, and what had arrived is gone."""

    def pieces() -> Iterator[bytes]:
        yield b"x" * MAX_IN_MEMORY
        assert len(list(tmp_path.iterdir())) == 0
        yield b"y"
        assert len(list(tmp_path.iterdir())) == 1
        raise OSError("the client went away")

    with pytest.raises(OSError, match="went away"):
        receive(pieces(), tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [3, MAX_IN_MEMORY + 3])
def test_a_body_becomes_a_file(tmp_path: Path, size: int) -> None:
    """move_to() makes the file, which closing then leaves alone."""
    (tmp_path / "arriving").mkdir()
    body = receive([b"x" * size], tmp_path / "arriving")

    body.move_to(tmp_path / "kept")
    body.close()

    assert (tmp_path / "kept").read_bytes() == b"x" * size
    assert list((tmp_path / "arriving").iterdir()) == []


def test_no_body_is_empty() -> None:
    """A Body of nothing has no bytes and is false."""
    assert not Body()
    assert (Body().size, Body().read(), list(Body().part(0, 0))) == (0, b"", [b""])


def test_what_cannot_become_a_file_leaves_none(tmp_path: Path) -> None:
    """move_to() raises what its content raises, and what it had written is gone."""
    source = (tmp_path / "source").open("w+b")
    source.write(b"x" * (MAX_IN_MEMORY + 3))
    source.flush()
    body = Body(file=source, span=range(MAX_IN_MEMORY + 4))

    with pytest.raises(EOFError):
        body.move_to(tmp_path / "kept")
    body.close()

    assert [path.name for path in tmp_path.iterdir()] == ["source"]


@pytest.mark.parametrize("there", [0, 3, MAX_IN_MEMORY])
def test_a_file_that_is_shorter_than_its_span_is_an_error(tmp_path: Path, there: int) -> None:
    """Reading on where a file ends too early raises: it would never come to the end."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * there)
    body = Body(file=path.open("rb"), span=range(MAX_IN_MEMORY + 1))

    with pytest.raises(EOFError, match="ends too early"):
        body.read()
    body.close()
