"""A PyTorch state dict read with numpy alone: no PyTorch, and no code out of the pickle is run.

Reads the layout that torch.save wrote before version 1.6: a pickled magic number, protocol and
system description, the pickled state dict, the pickled storage keys, then each storage as an int64
element count and raw little-endian values (source: torch/serialization.py, `_legacy_load`).
"""

import collections
import io
import pickle
from typing import Any

import numpy as np
import numpy.typing as npt

from fanlight.errors import FanlightError

_MAGIC = 0x1950A86A20F9469CFC6C
_TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}

Weights = dict[str, npt.NDArray[Any]]


class _Storage:
    """Values that stand at the end of the file; `values` is filled in when they are read."""

    def __init__(self, dtype: str, count: int) -> None:
        self.dtype, self.count = np.dtype(dtype), count
        self.values: npt.NDArray[Any] = np.empty(0, self.dtype)


class _Tensor:
    """A view of a storage, kept until the storage has been read."""

    def __init__(self, storage: _Storage, offset: int, shape: tuple[int, ...],
                 strides: tuple[int, ...], *_rest: Any) -> None:  # fmt: skip
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def array(self) -> npt.NDArray[Any]:
        values = self.storage.values[self.offset :]
        last = sum((size - 1) * step for size, step in zip(self.shape, self.strides, strict=True))
        if min((0, *self.strides)) < 0 or not 0 <= last < len(values):
            raise FanlightError("a tensor of the weights reaches beyond its values")
        steps = [step * values.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(values, self.shape, steps).copy()


class _Reader(pickle.Unpickler):
    """Knows the few names that a state dict of tensors needs, and refuses every other."""

    def __init__(self, file: io.BytesIO, storages: dict[str, _Storage]) -> None:
        super().__init__(file)
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch" and name in _TYPES:
            return name
        raise pickle.UnpicklingError(f"weights do not need {module}.{name}")

    def persistent_load(self, pid: Any) -> _Storage:
        _, kind, key, _location, count, _view = pid
        return self._storages.setdefault(key, _Storage(_TYPES[kind], count))


def read_state_dict(data: bytes) -> Weights:
    """Name -> array, of a `.pth` file in the older layout; FanlightError for anything else."""
    file, storages = io.BytesIO(data), dict[str, _Storage]()
    try:
        if _Reader(file, storages).load() != _MAGIC:
            raise FanlightError("not a .pth file in the layout of PyTorch before 1.6")
        for _ in ("protocol", "system"):
            _Reader(file, storages).load()
        tensors = _Reader(file, storages).load()
        for key in _Reader(file, storages).load():
            storage = storages[key]
            (count,) = np.frombuffer(file.read(8), "<i8")
            if count != storage.count:
                raise FanlightError(f"storage {key} has {count} values, not {storage.count}")
            raw = file.read(int(count) * storage.dtype.itemsize)
            storage.values = np.frombuffer(raw, storage.dtype)
        return {name: tensor.array() for name, tensor in tensors.items()}
    except (pickle.UnpicklingError, ValueError, KeyError, EOFError, AttributeError) as error:
        raise FanlightError(f"the weights cannot be read: {error}") from None
