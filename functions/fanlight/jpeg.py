"""The segments of a JPEG, and which of them a picture that is shrunk while it loads can do without.

Source: ITU-T T.81, annexes B and G; what makes a file undecodable, libjpeg-turbo 3.1.
"""

import re
from collections.abc import Iterator
from itertools import islice

import numpy as np

_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_SCAN, _END, _TABLES, _PROGRESSIVE = 0xDA, 0xD9, 0xC4, 0xC2
_SCAN_AS_STORED = 0xDAFF
"""The two bytes of the marker of a scan, as one number, the first byte lowest."""

_MOST_SEGMENTS = 10_000
"""Cameras write some ten, and colour profiles 255 at most. Of a file made of millions, looking at
each would take seconds."""

_FRAMES = {*range(0xC0, 0xD0)} - {_TABLES, 0xC8, 0xCC}
_ALONE = (0x01, 0xD8)
"""Markers that no length follows. T.81, B.1.1.3."""


def segments(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Marker, its offset and what its length spans, to the end marker, if there is one.

    What stands between a scan's header and the next marker is the scan's own.
    """
    at = 0
    while found := _MARKER.search(data, at):
        marker, at = found[0][1], found.end()
        body = b""
        if marker != _END and marker not in _ALONE:
            length = max(2, int.from_bytes(data[at : at + 2], "big"))
            body = data[at + 2 : at + length]
            at += length
        yield marker, found.start(), body
        if marker == _END:
            return


def jpeg_scans(data: bytes, enough: int = 0) -> int:
    """How many times a JPEG goes over its picture: 1, or about 10 if it is progressive.

    Each costs the decoder a pass over all pixels, whatever few bytes it takes. Up to `enough` the
    number may be too large, and is known five times as fast: of a picture in a picture, too.
    """
    found = 0
    for at in range(min(2, len(data))):  # pairs that begin at even and at odd places
        pairs = np.frombuffer(data, "<u2", (len(data) - at) // 2, at)
        found += int(np.count_nonzero(pairs == _SCAN_AS_STORED))
    if found <= enough:
        return found
    some = list(islice(segments(data), _MOST_SEGMENTS + 1))
    if len(some) > _MOST_SEGMENTS:
        return found
    return sum(marker == _SCAN for marker, _, _ in some)


def without_refinements(data: bytes) -> bytes:
    """A progressive JPEG less the scans that refine what is not subsampled; any other as it is.

    These hold the last bits of what varies within a block of 8 x 8 pixels, and most of the time
    that decoding takes. At 1/8 of its size the picture is the same without them, bit for bit. At
    1/4 it differs by 0.5 to 4 grey levels (root mean square; JPEG quality 96 to 50), which changes
    scores less than moving the picture by one pixel does.

    No file is mended by it: one without an end marker comes back as it is, and a scan goes only if
    nothing in its header would have stopped a decoder.
    """
    frame = _Frame()
    cuts: list[tuple[int, int]] = []
    begun: int | None = None
    for number, (marker, at, body) in enumerate(segments(data)):
        if number == _MOST_SEGMENTS:
            return data
        if begun is not None:
            cuts.append((begun, at))
            begun = None
        if marker == _END:
            return _without(data, cuts)
        if marker in _FRAMES and not frame.starts(marker, body):
            return data
        if marker == _TABLES:
            frame.learn(body)
        if marker == _SCAN and frame.can_do_without(body):
            begun = at
    return data


def _without(data: bytes, cuts: list[tuple[int, int]]) -> bytes:
    starts = [0, *(end for _, end in cuts)]
    ends = [*(start for start, _ in cuts), len(data)]
    return b"".join(data[start:end] for start, end in zip(starts, ends, strict=True))


class _Frame:
    """What the markers have said so far.

    `fine`: components that are not subsampled both ways, so that at 1/8 each block of theirs is one
    pixel. `begun`: those that an earlier scan was about. `tables`: AC tables that can be used.
    """

    def __init__(self) -> None:  # no dataclass: that would take 1 ms of each cold start
        self.fine: set[int] = set()
        self.begun: set[int] = set()
        self.tables: set[int] = set()

    def starts(self, marker: int, body: bytes) -> bool:
        """Whether this is the only frame, and a progressive one."""
        parts = [body[at : at + 3] for at in range(6, len(body), 3)]
        if marker != _PROGRESSIVE or self.fine or not parts or len(parts[-1]) < 3:
            return False
        across, down = max(part[1] >> 4 for part in parts), max(part[1] & 15 for part in parts)
        self.fine = {part[0] for part in parts if part[1] >> 4 == across or part[1] & 15 == down}
        return True

    def learn(self, body: bytes) -> None:
        """Huffman tables: class and number, 16 counts, the symbols. T.81, B.2.4.2."""
        at = 0
        while at + 17 <= len(body):
            kind, counts = body[at], body[at + 1 : at + 17]
            if kind >> 4:
                self.tables.discard(kind & 15)
                if _is_code(counts):
                    self.tables.add(kind & 15)
            at += 17 + sum(counts)

    def can_do_without(self, body: bytes) -> bool:
        """Whether a scan refines the AC coefficients of a component that has been begun."""
        if len(body) != 6 or body[0] != 1:
            self.begun.update(body[1:-3:2])
            return False
        component, table, first, last, bits = body[1], body[2] & 15, *body[3:]
        refines = bits >> 4 == (bits & 15) + 1 <= 13
        if (refines and 1 <= first <= last <= 63 and component in self.fine & self.begun
                and table in self.tables):  # fmt: skip
            return True
        self.begun.add(component)
        return False


def _is_code(counts: bytes) -> bool:
    """Whether so many codes of 1 to 16 bits can be told apart, none of them all ones."""
    code = 0
    for bits, count in enumerate(counts, 1):
        code += count
        if count and code >= 1 << bits:
            return False
        code <<= 1
    return sum(counts) <= 256
