"""How a document is written: the same for results and dead letters."""

import json
from typing import Any

_AS_IT_IS = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def to_bytes(document: dict[str, Any]) -> bytes:
    """UTF-8 JSON on one line. Half a surrogate pair, as file names can have, is escaped."""
    try:
        return _AS_IT_IS.encode(document).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(document, allow_nan=False).encode() + b"\n"
