"""What a `.tflite` file says of itself: labels and normalisation.

Source of the field numbers: metadata_schema.fbs of TensorFlow Lite Support; associated files are a
zip behind the model.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import flatbuffers
import numpy as np
from flatbuffers import number_types as numbers
from flatbuffers.table import Table

_NAME = "TFLITE_METADATA"
_AXIS_LABELS = 2
_NORMALIZATION = 1
"""Kinds of an associated file, and of a process unit's options."""
# Fields by their order in their table.
_MODEL_METADATA, _MODEL_BUFFERS = 6, 4
_SUBGRAPHS, _INPUTS, _OUTPUTS = 3, 2, 3
_PROCESS_UNITS, _FILES = 4, 6


@dataclass(frozen=True)
class Metadata:
    """None where the file does not say."""

    labels: tuple[str, ...] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None


def read_metadata(data: bytes) -> Metadata:
    """What the bytes of a `.tflite` file hold; nothing for one without metadata."""
    try:
        root = _metadata_root(data)
        if root is None:
            return Metadata()
        (subgraph, *_) = _tables(root, _SUBGRAPHS)
        mean = std = None
        for unit in (u for tensor in _tables(subgraph, _INPUTS)
                     for u in _tables(tensor, _PROCESS_UNITS)):  # fmt: skip
            if _byte(unit, 0) == _NORMALIZATION:
                options = _child(unit, 1)
                mean, std = _floats(options, 0), _floats(options, 1)
        files = [f for tensor in _tables(subgraph, _OUTPUTS) for f in _tables(tensor, _FILES)]
        names = [_text(file, 0) for file in files if _byte(file, 2) == _AXIS_LABELS]
        return Metadata(_labels(data, names), mean, std)
    except (IndexError, ValueError, TypeError, AttributeError, struct.error) as error:
        raise ValueError(f"its metadata cannot be read: {error}") from None


def _metadata_root(data: bytes) -> Table | None:
    buffer = bytearray(data)
    model = Table(buffer, flatbuffers.encode.Get(numbers.UOffsetTFlags.packer_type, buffer, 0))
    buffers = list(_tables(model, _MODEL_BUFFERS))
    for entry in _tables(model, _MODEL_METADATA):
        if _text(entry, 0) == _NAME:
            at = entry.Offset(_slot(1))
            index = entry.Get(numbers.Uint32Flags, entry.Pos + at) if at else 0
            content = _bytes(buffers[index], 0)
            start = flatbuffers.encode.Get(numbers.UOffsetTFlags.packer_type, content, 0)
            return Table(bytearray(content), start)
    return None


_DAMAGED = (zipfile.BadZipFile, KeyError, EOFError, OSError, RuntimeError, zlib.error)
"""What reading a file from a zip raises, RuntimeError for one that claims to be encrypted."""


def _labels(data: bytes, names: list[str]) -> tuple[str, ...] | None:
    if not names:
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as attached:
            return tuple(attached.read(names[0]).decode().splitlines())
    except _DAMAGED:
        return None


def _slot(field: int) -> int:
    return 4 + 2 * field


def _child(table: Table, field: int) -> Table:
    at = table.Offset(_slot(field))
    return Table(table.Bytes, table.Indirect(table.Pos + at))


def _tables(table: Table, field: int) -> Iterator[Table]:
    at = table.Offset(_slot(field))
    for index in range(table.VectorLen(at) if at else 0):
        yield Table(table.Bytes, table.Indirect(table.Vector(at) + 4 * index))


def _byte(table: Table, field: int) -> int:
    at = table.Offset(_slot(field))
    return int(table.Get(numbers.Uint8Flags, table.Pos + at)) if at else 0


def _text(table: Table, field: int) -> str:
    at = table.Offset(_slot(field))
    return bytes(table.String(table.Pos + at)).decode() if at else ""


def _bytes(table: Table, field: int) -> bytes:
    at = table.Offset(_slot(field))
    if not at:
        return b""
    start = table.Vector(at)
    return bytes(table.Bytes[start : start + table.VectorLen(at)])


def _floats(table: Table, field: int) -> tuple[float, ...] | None:
    at = table.Offset(_slot(field))
    if not at:
        return None
    return tuple(map(float, np.asarray(table.GetVectorAsNumpy(numbers.Float32Flags, at))))
