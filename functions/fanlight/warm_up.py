"""The work of the first image, done before it comes.

What a library imports, allocates or sets up when it is first used, and code that the disk has not
given yet, would be the first image's to wait for otherwise.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from fanlight.answer import Answerer
from fanlight.document import to_bytes
from fanlight.image import Pixels
from fanlight.result import Source

_LINE = 3
"""A stroke's width in a picture of 28 pixels."""


def warm_up(answerer: Answerer, encoded: Sequence[bytes]) -> str:
    """Answer some pictures; the answers go nowhere. What went wrong, or nothing.

    Never raises: what is wrong with the model has shown when it was loaded.
    """
    source = Source("", "", "", "", 0)
    try:
        for data in encoded:
            to_bytes(answerer(source, data))
    except Exception as error:  # noqa: BLE001 - an image may still be answered
        return f"{type(error).__name__}: {error}"
    return ""


def pictures() -> list[bytes]:
    """A stroke as MNIST has it, and one on paper, in the three formats that most images have."""
    plain = _stroke(28, ink=255, paper=0)
    paper = cv2.cvtColor(_stroke(112, ink=40, paper=230), cv2.COLOR_GRAY2RGB)
    return [
        cv2.imencode(suffix, picture)[1].tobytes()
        for suffix, picture in ((".png", plain), (".jpg", paper), (".webp", paper))
    ]


def _stroke(side: int, ink: int, paper: int) -> Pixels:
    """Upright, in the middle of a square, as high as MNIST has its digits: 20 of 28 pixels."""
    unit = side // 28
    picture = np.full((side, side), paper, np.uint8)
    middle = side // 2
    picture[4 * unit : 24 * unit, middle - _LINE * unit // 2 : middle + _LINE * unit // 2 + 1] = ink
    return picture
