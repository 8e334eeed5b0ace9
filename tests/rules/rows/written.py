"""What the tests of rows share: rows written, values of every kind, and libraries that are gone."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta, timezone
from typing import Any
from unittest import mock

from hypothesis import strategies as st

from wsgistream.rules.rows import RowOptions, row_encoder


def written(
    name: str, rows: Iterable[Sequence[Any]], columns: Sequence[str] = ("a", "b"), **options: Any
) -> bytes:
    """Write all of these rows."""
    encoder = row_encoder(name, columns, RowOptions(**options))
    return b"".join((encoder.begin(), *encoder.feed(rows), encoder.finish()))


def one(name: str, value: Any, **options: Any) -> str:
    """Write one value, and give its text as it stands between two others."""
    text = written(name, [(1, value, 2)], "xyz", header=False, **options).decode()
    before, after = {"ndjson": ('{"x":1,"y":', ',"z":2}\n'), "csv": ("1,", ",2\r\n")}[name]
    assert text.startswith(before)
    assert text.endswith(after)
    return text[len(before) : -len(after)]


@contextmanager
def without(library: str) -> Iterator[None]:
    """Have a library not be installed."""
    with mock.patch.dict(sys.modules, {library: None}):
        yield


ZONES = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TEXTS = st.text(st.characters(codec="utf-8"))
MOMENTS = st.datetimes() | st.datetimes(timezones=ZONES)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**200), 2**200)
    | st.floats()
    | TEXTS
    | MOMENTS
    | st.dates()
    | st.times()
    | st.times(timezones=ZONES)
    | st.timedeltas()
    | st.decimals()
    | st.uuids()
    | st.binary()
    | st.binary().map(bytearray)
    | st.binary().map(memoryview)
)
#: Values of every kind that has a form of its own.
VALUES = st.recursive(
    SCALARS,
    lambda values: st.lists(values) | st.dictionaries(TEXTS | st.integers(), values),
    max_leaves=8,
)
