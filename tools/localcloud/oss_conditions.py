"""What a read asks of an object before its bytes: conditions, and which range of it.

Source: "GetObject" in the OSS API reference.
"""

import re
from calendar import timegm
from collections.abc import Mapping
from email.utils import parsedate

from tools.localcloud.oss_request import DIGITS
from tools.localcloud.oss_types import OssError, Stored


def status_of(stored: Stored, headers: Mapping[str, str]) -> int:
    """200, or 304 if the caller has it already; raises PreconditionFailed.

    `headers` by their lower-case names. A time that cannot be understood asks for nothing.
    """
    unless = _seconds(headers.get("if-unmodified-since", ""))
    match, no_match = headers.get("if-match"), headers.get("if-none-match")
    if (unless is not None and stored.modified > unless) or not (
        match is None or _tag(match) == stored.etag
    ):
        message = "At least one of the pre-conditions you specified did not hold."
        raise OssError(412, "PreconditionFailed", message)
    since = _seconds(headers.get("if-modified-since", ""))
    same = no_match is not None and _tag(no_match) == stored.etag
    return 304 if same or (since is not None and stored.modified <= since) else 200


def range_of(headers: Mapping[str, str], size: int) -> range | None:
    """The bytes asked for; None for all, which is also what OSS makes of a range it cannot fill.

    With `x-oss-range-behavior: standard` it clips the range instead, or answers 416.
    """
    found = re.fullmatch(f"bytes=({DIGITS})?-({DIGITS})?", headers.get("range", ""))
    if found is None or found.group() == "bytes=-":
        return None
    first, last = found.groups()
    start = int(first) if first else max(size - int(last), 0)
    stop = int(last) + 1 if first and last else size
    if start < stop <= size:
        return range(start, stop)
    if headers.get("x-oss-range-behavior") != "standard" or start < size >= stop:
        return None
    if start >= size:
        raise OssError(416, "InvalidRange", "The requested range cannot be satisfied.")
    return range(start, size)


def _tag(text: str) -> str:
    return text.strip('"').upper()


def _seconds(text: str) -> int | None:
    try:
        parsed = parsedate(text)
        return None if parsed is None else timegm(parsed)
    except (ValueError, OverflowError):
        return None
