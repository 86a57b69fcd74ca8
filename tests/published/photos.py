"""The 20 photographs of ImageNet classes, for tests that can do without them."""

from functools import cache

import pytest

from fanlight.errors import ConfigError
from tools.published import calibration


@cache
def photos() -> dict[str, bytes]:
    """`calibration.photographs`. Skips where none can be had."""
    try:
        return calibration.photographs()
    except ConfigError as error:
        pytest.skip(f"no package index: {error}")
