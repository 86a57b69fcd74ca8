"""Where things are: `oss://bucket/prefix/`, and from an image's key to its result's."""

from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

from fanlight.errors import ConfigError, KeyRefused

MAX_KEY_BYTES = 1023
"""OSS: an object's key is 1 to 1023 bytes of UTF-8."""

RESULT_SUFFIX = ".json"
SCHEME = "oss://"


@dataclass(frozen=True)
class Place:
    """A prefix of a bucket. `prefix` is empty (the whole bucket) or ends with a slash."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Read `oss://bucket/prefix/`; ConfigError says how it should have been spelled."""
        bucket, slash, prefix = text.removeprefix(SCHEME).partition("/")
        if not text.startswith(SCHEME) or not bucket or not slash:
            raise ConfigError(f"{text!r} is not a place; write oss://bucket/prefix/")
        if prefix.startswith("/"):
            raise ConfigError(f"{text!r}: a prefix must not start with a slash")
        if prefix and not prefix.endswith("/"):
            raise ConfigError(f"{text!r} must end with a slash: {text}/")
        return cls(bucket, prefix)

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.prefix}"

    def holds(self, other: "Place") -> bool:
        """Whether everything under `other` is also under this place."""
        return self.bucket == other.bucket and other.prefix.startswith(self.prefix)

    def relative(self, key: str) -> str | None:
        """What follows the prefix in `key`; None for a key that is not under it, or is a folder."""
        rest = key.removeprefix(self.prefix) if key.startswith(self.prefix) else ""
        return rest if rest and not rest.endswith("/") else None


def result_key(source: str, output: Place) -> str:
    """`a/7.png` (relative to the input) -> `output/digits/a/7.png.json`.

    The whole name is kept, extension included, so that `7.png` and `7.jpg` never meet.
    """
    key = f"{output.prefix}{source}{RESULT_SUFFIX}"
    size = len(key.encode("utf-8", "surrogateescape"))
    if size > MAX_KEY_BYTES:
        raise KeyRefused(
            f"the result's key would have {size} bytes, OSS allows {MAX_KEY_BYTES}; "
            "shorten the image's key or the output prefix"
        )
    return key


def other_spellings(key: str) -> list[str]:
    """The keys that a URL-encoded `key` may stand for; empty when it is not encoded.

    Native events carry raw keys, but no document promises it for every way an event can travel.
    """
    decoded = dict.fromkeys([unquote_plus(key), unquote(key)])
    return [other for other in decoded if other != key and "\ufffd" not in other]
