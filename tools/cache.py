"""Where what was fetched is kept."""

import os
from collections.abc import Mapping
from pathlib import Path


def cache_below(name: str, environ: Mapping[str, str] = os.environ) -> Path:
    """`fanlight/<name>` under XDG_CACHE_HOME, or ~/.cache."""
    base = environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "fanlight" / name
