"""Conditions and ranges, apart from any request."""

import pytest

from tools.localcloud.oss_conditions import range_of, status_of
from tools.localcloud.oss_types import OssError, Stored

STORED = Stored("ABC", 10, 1_700_000_000, 0, {})
BEFORE = "Tue, 14 Nov 2023 22:13:19 GMT"
THEN = "Tue, 14 Nov 2023 22:13:20 GMT"
AFTER = "Tue, 14 Nov 2023 22:13:21 GMT"


def test_times_are_spelt_as_headers_spell_them() -> None:
    """Last-Modified is RFC 1123 in GMT, with whole seconds."""
    assert STORED.last_modified == THEN


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 200),
        ({"if-match": '"ABC"'}, 200),
        ({"if-match": "abc"}, 200),
        ({"if-match": '"AB"'}, 412),
        ({"if-none-match": '"abc"'}, 304),
        ({"if-none-match": '"AB"'}, 200),
        ({"if-modified-since": BEFORE}, 200),
        ({"if-modified-since": THEN}, 304),
        ({"if-modified-since": AFTER}, 304),
        ({"if-modified-since": "yesterday"}, 200),
        ({"if-modified-since": "Tue, 99 Nov 99999999999 22:13:21 GMT"}, 200),
        ({"if-unmodified-since": BEFORE}, 412),
        ({"if-unmodified-since": THEN}, 200),
        ({"if-unmodified-since": AFTER}, 200),
        ({"if-unmodified-since": "yesterday"}, 200),
        ({"if-match": "ABC", "if-unmodified-since": BEFORE}, 412),
        ({"if-match": "ABC", "if-none-match": "ABC"}, 304),
        ({"if-match": "AB", "if-none-match": "ABC"}, 412),
    ],
)
def test_conditions_are_those_of_oss(headers: dict[str, str], expected: int) -> None:
    """Each condition is judged by itself; a failed one outdoes "not modified"."""
    if expected == 412:
        with pytest.raises(OssError, match="412 PreconditionFailed"):
            status_of(STORED, headers)
    else:
        assert status_of(STORED, headers) == expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("", None),
        ("bytes=-", None),
        ("lines=1-2", None),
        ("bytes=0-0", range(1)),
        ("bytes=3-", range(3, 10)),
        ("bytes=-3", range(7, 10)),
        ("bytes=-30", range(10)),
        ("bytes=5-3", None),
        ("bytes=5-10", None),
    ],
)
def test_ranges_are_read_as_oss_reads_them(asked: str, expected: range | None) -> None:
    """A range that the object fills is given, any other is all of it."""
    assert range_of({"range": asked}, 10) == expected
