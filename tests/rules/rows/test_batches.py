"""Batches: a value of Arrow is the Python value it stands for, or none."""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow
import pytest

from wsgistream.rules.rows.batches import columns_of_batch

MOMENT = datetime(2024, 2, 29, 12, 30, 0, 5)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        pytest.param(pyarrow.int8(), 5, id="an integer"),
        pytest.param(pyarrow.uint64(), 2**64 - 1, id="an integer of 64 bits"),
        pytest.param(pyarrow.decimal128(5, 2), Decimal("1.10"), id="a decimal"),
        pytest.param(pyarrow.decimal128(20, 10), Decimal("0E-10"), id="a decimal that is zero"),
        pytest.param(pyarrow.decimal128(5, -2), Decimal("1.200E+5"), id="a decimal of hundreds"),
        pytest.param(pyarrow.decimal128(38, 20), Decimal("-1E-20"), id="a very small decimal"),
        pytest.param(pyarrow.decimal256(76, 0), Decimal(10**75), id="a very large decimal"),
        pytest.param(pyarrow.timestamp("us"), MOMENT, id="a moment"),
        pytest.param(pyarrow.timestamp("s"), datetime(1, 1, 1), id="the first moment"),
        pytest.param(
            pyarrow.timestamp("us"), datetime.max.replace(tzinfo=None), id="the last moment"
        ),
        pytest.param(
            pyarrow.timestamp("ms", "Europe/Berlin"),
            datetime(2024, 2, 29, 12, 30, tzinfo=ZoneInfo("Europe/Berlin")),
            id="a moment in a zone",
        ),
        pytest.param(pyarrow.timestamp("ns"), MOMENT, id="a moment in nanoseconds"),
        pytest.param(
            pyarrow.timestamp("ns", "UTC"),
            MOMENT.replace(tzinfo=timezone.utc),
            id="a moment in nanoseconds with a zone",
        ),
        pytest.param(pyarrow.time64("ns"), time(1, 2, 3, 4), id="a time in nanoseconds"),
        pytest.param(pyarrow.duration("ns"), timedelta(1, 2, 3), id="a duration in nanoseconds"),
        pytest.param(pyarrow.list_(pyarrow.int64()), [1, None], id="a list"),
        pytest.param(pyarrow.struct({"a": pyarrow.int64()}), {"a": 1}, id="a structure"),
        pytest.param(pyarrow.dictionary(pyarrow.int8(), pyarrow.string()), "a", id="a dictionary"),
    ],
)
def test_a_value_is_what_it_stands_for(kind: Any, value: Any) -> None:
    batch = pyarrow.record_batch({"a": pyarrow.array([value, None], kind)})
    (found,) = columns_of_batch(batch)
    assert found == [value, None]
    assert str(found[0]) == str(value)
    assert found == batch.column(0).to_pylist()


@pytest.mark.parametrize(
    "kind", [pyarrow.timestamp("ns"), pyarrow.time64("ns"), pyarrow.duration("ns")], ids=str
)
def test_nanoseconds_are_never_dropped(kind: Any) -> None:
    batch = pyarrow.record_batch({"a": pyarrow.array([1001], pyarrow.int64()).cast(kind)})
    with pytest.raises(ValueError, match="would lose data"):
        columns_of_batch(batch)
