"""TensorFlow: whether it is there, and without the lines it writes past every setting."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from fanlight.errors import ConfigError


def need_tensorflow() -> None:
    """ConfigError, with what to install, where TensorFlow is not."""
    if find_spec("tensorflow") is None:
        raise ConfigError("training needs the train extra: pip install -e '.[train]'")


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing reaches stderr inside; what goes wrong is raised, so it is not lost."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
