"""Rows as Parquet: a schema that never depends on the rows, written group by group."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tools.results.columns import Column
from tools.results.rows import Row

_ROWS, _CHARACTERS = 1024, 4_000_000
"""Rows, and about how much of them, that are held as Python objects."""

_PREDICTION_SIZE = 100

_GROUP = 8_000_000
"""Bytes of columns in memory that become one row group."""


def write(rows: Iterable[Row], columns: tuple[Column, ...], path: Path) -> int:
    """Write every row; how many there were. The path must be written to the end to be read."""
    schema = pa.schema([_field(column) for column in columns])
    waiting: list[Any] = []
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:

        def flush() -> None:
            writer.write_table(pa.Table.from_batches(waiting, schema))
            waiting.clear()

        for batch in _batches(iter(rows), columns, schema):
            count += batch.num_rows
            waiting.append(batch)
            if sum(held.nbytes for held in waiting) >= _GROUP:
                flush()
        if waiting:
            flush()
    return count


def _batches(rows: Iterator[Row], columns: tuple[Column, ...], schema: Any) -> Iterator[Any]:
    while held := list(islice(_some(rows), _ROWS)):
        yield pa.RecordBatch.from_arrays(
            [_array([row[column.name] for row in held], column) for column in columns],
            schema=schema,
        )


def _some(rows: Iterator[Row]) -> Iterator[Row]:
    """Rows, until they are much together: an event alone can have 128 KB."""
    size = 0
    for row in rows:
        size += len(row["event"] or "") + len(row["message"] or "") + len(row["embedding"] or b"")
        size += _PREDICTION_SIZE * len(row.get("predictions") or ())
        yield row
        if size > _CHARACTERS:
            return


def _array(values: list[Any], column: Column) -> Any:
    if column.type != "vector":
        return pa.array(values, _TYPES[column.type])
    # From the bytes as they are: as Python numbers they would take six times the room.
    ends = np.cumsum([0, *(len(value or b"") // 4 for value in values)], dtype=np.int32)
    numbers = pa.array(np.frombuffer(b"".join(value or b"" for value in values), "<f4"))
    missing = pa.array([value is None for value in values])
    return pa.ListArray.from_arrays(pa.array(ends), numbers, _VECTOR, mask=missing)


def _field(column: Column) -> Any:
    return pa.field(column.name, _TYPES[column.type], metadata={"description": column.about})


_VECTOR = pa.list_(pa.field("element", pa.float32(), nullable=False))
_PREDICTION = pa.struct(
    [
        pa.field("index", pa.int64(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
    ]
)
_TYPES: dict[str, Any] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "time": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
    "predictions": pa.list_(pa.field("element", _PREDICTION, nullable=False)),
    "vector": _VECTOR,
    "json": pa.string(),
}
