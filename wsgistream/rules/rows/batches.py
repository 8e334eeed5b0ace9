"""Batches: the values in a record batch of Arrow, as Python has them."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def columns_of_batch(batch: Any) -> list[list[Any]]:
    """Give the columns of a batch; raises ValueError for a moment that has nanoseconds."""
    return [_microseconds(column).to_pylist() for column in batch.columns]


def _microseconds(column: Any) -> Any:
    """Give moments as Python has them: without nanoseconds, which it would drop or not take."""
    if getattr(column.type, "unit", None) != "ns":
        return column
    library = import_module("pyarrow")
    kind = str(column.type).partition("[")[0]
    if kind == "timestamp":
        return column.cast(library.timestamp("us", column.type.tz))
    return column.cast(getattr(library, kind)("us"))
