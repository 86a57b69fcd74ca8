"""A zip in OSS, named together with the digest it must have: a model, or libraries."""

import re
from dataclasses import dataclass

from fanlight.errors import ConfigError
from fanlight.place import SCHEME

_SPELLING = re.compile(
    re.escape(SCHEME) + r"(?P<bucket>[^/]+)/(?P<key>[^/].*\.zip)#sha256=(?P<sha256>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class Archive:
    """`sha256`: of the zip's bytes, 64 hexadecimal digits. Nothing else is ever unpacked."""

    bucket: str
    key: str
    sha256: str

    @classmethod
    def parse(cls, text: str) -> "Archive":
        """Read `oss://bucket/key.zip#sha256=...`; ConfigError when it is not spelled so."""
        found = _SPELLING.fullmatch(text)
        if not found:
            raise ConfigError(
                f"{text!r} is not a zip with its digest; write oss://bucket/key.zip#sha256=<64 "
                "hexadecimal digits>, as `fanlight model publish` prints it"
            )
        return cls(**found.groupdict())

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.key}#sha256={self.sha256}"
