"""Logs: one JSON object a line, each with the request it belongs to."""

import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any, TextIO

LONGEST = 4000
"""Characters of a text field; Function Compute cuts lines at 32 KB."""


@dataclass(frozen=True)
class Log:
    """Writes lines for one request."""

    request_id: str
    stream: TextIO | None = field(default=None)

    def __call__(self, message: str, **fields: Any) -> None:
        """One line: time (UTC), message, request id, then `fields`."""
        now = time.time()
        stamp = (
            time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"
        )
        line = {"time": stamp, "message": message, "request_id": self.request_id}
        for name, value in fields.items():
            line[name] = value[:LONGEST] if isinstance(value, str) else value
        print(json.dumps(line), file=self.stream or sys.stdout, flush=True)


def milliseconds(seconds: float) -> float:
    """To a hundredth, as logs give times."""
    return round(seconds * 1000, 2)
