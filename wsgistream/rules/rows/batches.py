"""Batches: the values in a record batch of Arrow, as Python has them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from importlib import import_module
from typing import Any, Final

_EPOCHS: Final = {
    None: datetime(1970, 1, 1),
    "UTC": datetime(1970, 1, 1, tzinfo=timezone.utc),
}


def columns_of_batch(batch: Any) -> list[list[Any]]:
    """Give the columns of a batch; raises ValueError for a moment that has nanoseconds."""
    library = import_module("pyarrow")
    return [values_of(library, column) for column in batch.columns]


def values_of(library: Any, column: Any) -> list[Any]:
    """Give the values of a column as pyarrow does, but exactly, and several times as fast.

    Raises ValueError for a moment that has nanoseconds.
    """
    extension = getattr(column.type, "extension_name", None)
    if extension == "arrow.json":
        return [None if text is None else json.loads(text) for text in column.storage.to_pylist()]
    if extension == "arrow.opaque":  # such as PostgreSQL's numeric, as text
        column = column.storage
    kind = _with_microseconds(library, column.type)
    if kind != column.type:
        column = column.cast(kind)  # which fails for whatever it would drop
    found: list[Any]
    if library.types.is_timestamp(kind) and kind.tz in _EPOCHS:
        epoch = _EPOCHS[kind.tz]
        found = column.cast("int64").to_pylist()
        return [None if since is None else epoch + timedelta(0, 0, since) for since in found]
    if library.types.is_decimal(kind):
        found = column.cast("string").to_pylist()
        return [None if text is None else Decimal(text) for text in found]
    found = column.to_pylist()
    return found


def _with_microseconds(library: Any, kind: Any) -> Any:
    """Give the type of moments and spans as Python has them, which knows no nanoseconds."""
    if library.types.is_timestamp(kind):
        return library.timestamp("us", kind.tz)
    if getattr(kind, "unit", None) == "ns":
        return library.time64("us") if library.types.is_time(kind) else library.duration("us")
    return kind
