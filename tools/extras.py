"""What is installed beyond the least, and the word for what is not."""

from importlib.util import find_spec

from fanlight.errors import ConfigError


def need_tensorflow() -> None:
    """ConfigError, with what to install, where TensorFlow is not."""
    if find_spec("tensorflow") is None:
        raise ConfigError("training needs the train extra: pip install -e '.[train]'")


def need_pyarrow() -> None:
    """ConfigError, with what to install, where pyarrow is not."""
    if find_spec("pyarrow") is None:
        raise ConfigError("Parquet needs the parquet extra: pip install -e '.[parquet]'")


def need_fc() -> None:
    """ConfigError, with what to install, where Function Compute's client is not."""
    if find_spec("alibabacloud_fc20230330") is None:
        raise ConfigError("--engine fc needs the fc extra: pip install -e '.[fc]'")


def need_ray() -> None:
    """ConfigError, with what to install, where Ray is not."""
    if find_spec("ray") is None:
        raise ConfigError("--engine ray needs the ray extra: pip install -e '.[ray]'")
