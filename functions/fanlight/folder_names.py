"""Keys as file names: any key to a path that stays in its folder, and back, one to one.

Most names stay as they are. What a file system cannot hold, or must not be told, is escaped with a
percent sign: `..` becomes `%2E%2E`, an empty segment `%`, a backslash `%5C`, and a folder whose
name ends with `.json` gets `%2F`, so that `a.json` and `a.json/b.json` can stand beside each other.
Segments too long for a file name are cut into folders ending with `%+`.
"""

import re
from collections.abc import Iterator

_LONGEST = 180
"""Bytes a segment may have: file systems allow 255, a temporary name and escapes need room."""

_PLAIN = re.compile(
    r"(?:(?!\.{1,2}/)(?![^/]*\.json/)[^/%\\\x00]{1,45}/)*(?!\.{1,2}\Z)[^/%\\\x00]{1,45}"
)
"""Keys that are their own path: nothing to escape, nothing that could be longer than _LONGEST."""

_UNSAFE = re.compile(r"[%\\\x00]")
_ESCAPE = re.compile(r"%([0-9A-F]{2})")
_CONTINUED = "%+"
_FOLDER = "%2F"
TEMPORARY = "%t"
"""How names that are no key's begin: `%t` is not an escape."""


def to_path(key: str) -> str:
    """A relative path, with slashes, for any key."""
    if _PLAIN.fullmatch(key):
        return key
    *folders, name = key.split("/")
    parts = [part for folder in folders for part in _folder(folder)]
    return "/".join([*parts, *_pieces(_escaped(name))])


def from_path(path: str) -> str:
    """The key `to_path` made this path of."""
    joined = path.replace(_CONTINUED + "/", "")
    return "/".join(map(_unescaped, joined.split("/")))


def _folder(segment: str) -> Iterator[str]:
    escaped = _escaped(segment)
    yield from _pieces(escaped + _FOLDER if escaped.endswith(".json") else escaped)


def _escaped(segment: str) -> str:
    if segment == "":
        return "%"
    if segment in (".", ".."):
        return segment.replace(".", "%2E")
    return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", segment)


def _pieces(segment: str) -> Iterator[str]:
    """Cut between characters, and never inside an escape, so that each piece is a valid name."""
    piece = ""
    for token in re.findall(r"%[0-9A-F]{2}|(?s:.)", segment):
        if len((piece + token).encode("utf-8", "surrogateescape")) > _LONGEST:
            yield piece + _CONTINUED
            piece = ""
        piece += token
    # A piece that is only dots would be a path of its own.
    yield piece.replace(".", "%2E") if piece in (".", "..") else piece


def _unescaped(segment: str) -> str:
    if segment == "%":
        return ""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), segment.removesuffix(_FOLDER))
