"""What is installed beyond the least, and the word for what is not."""

import shlex
import sys
from importlib.util import find_spec

from fanlight.errors import ConfigError


def installing(extra: str) -> str:
    """The command that adds an extra to the Python that runs this."""
    python = shlex.quote(sys.executable)
    return f"{python} -m pip install -c constraints.txt -e '.[{extra}]' in the project's folder"


def need_tensorflow() -> None:
    """ConfigError, with what to install, where TensorFlow is not."""
    _need("tensorflow", "train", "training")


def need_pyarrow() -> None:
    """ConfigError, with what to install, where pyarrow is not."""
    _need("pyarrow", "parquet", "Parquet")


def need_fc() -> None:
    """ConfigError, with what to install, where Function Compute's client is not."""
    _need("alibabacloud_fc20230330", "fc", "--engine fc")


def need_ray() -> None:
    """ConfigError, with what to install, where Ray is not."""
    _need("ray", "ray", "--engine ray")


def _need(module: str, extra: str, what: str) -> None:
    if find_spec(module) is None:
        raise ConfigError(f"{what} needs the {extra} extra: {installing(extra)}")
