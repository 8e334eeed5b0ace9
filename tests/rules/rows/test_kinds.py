"""Kinds: what is stored, as what is meant."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.rows.written import MOMENTS, VALUES
from wsgistream.rules.rows.kinds import meant, readers_of

KINDS: dict[str, type] = {
    "text": str,
    "int": int,
    "float": float,
    "decimal": Decimal,
    "decimal(2)": Decimal,
    "bool": bool,
    "date": date,
    "datetime": datetime,
    "uuid": UUID,
    "json": object,
}


def read(kind: str, value: Any) -> Any:
    ((found,),) = meant(["a"], [(value,)], readers_of({"a": kind}))
    return found


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("text", 5, "5"),
        ("text", b"a", "a"),
        ("int", "18446744073709551616", 2**64),
        ("float", 1, 1.0),
        ("decimal", 0.1, Decimal("0.1")),
        ("decimal", "1e2", Decimal("1E+2")),
        ("decimal(2)", 1, Decimal("1.00")),
        ("decimal(2)", 2.675, Decimal("2.68")),
        ("decimal(0)", "2.5", Decimal(2)),
        ("decimal(2)", 10**50, Decimal(f"{10**50}.00")),
        ("decimal(2)", Decimal("0.5"), Decimal("0.50")),
        ("decimal(2)", "Infinity", Decimal("Infinity")),
        ("bool", 0, False),
        ("bool", "T", True),
        ("bool", "false", False),
        ("date", "2024-02-29", date(2024, 2, 29)),
        ("datetime", "2024-02-29 12:30", datetime(2024, 2, 29, 12, 30)),
        (
            "datetime",
            "2024-02-29T12:30:00.5Z",
            datetime(2024, 2, 29, 12, 30, 0, 500_000, timezone.utc),
        ),
        (
            "datetime",
            "2024-02-29 12:30:00+05:30",
            datetime(2024, 2, 29, 12, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        ),
        ("uuid", b"\0" * 15 + b"\5", UUID(int=5)),
        ("uuid", "00000000-0000-0000-0000-000000000005", UUID(int=5)),
        ("json", "[1, 2]", [1, 2]),
        ("json", b'"a"', "a"),
        ("json", 5, 5),
        ("json", "1e999", float("inf")),
    ],
)
def test_a_value_is_read(kind: str, value: Any, expected: Any) -> None:
    found = read(kind, value)
    assert (type(found), str(found)) == (type(expected), str(expected))


@pytest.mark.parametrize(
    ("kind", "value"),
    [("int", 2.5), ("text", b"\xff"), ("date", 5), ("uuid", 5), ("json", "{"), ("bool", "perhaps")],
)
def test_a_value_that_is_none_is_refused(kind: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"The column 'a' has .* which is no {kind}"):
        read(kind, value)


@given(MOMENTS)
def test_a_moment_is_read_as_it_is_written(moment: datetime) -> None:
    assert read("datetime", moment.isoformat()) == moment
    assert read("datetime", moment) is moment


@given(st.sampled_from(list(KINDS)), VALUES)
def test_a_value_is_of_its_kind_or_is_refused(kind: str, value: Any) -> None:
    try:
        found, refusal = read(kind, value), ""
    except ValueError as error:
        found, refusal = None, str(error)
    if refusal:
        assert refusal.endswith(f"which is no {kind}.")
    elif value is None:
        assert found is None
    else:
        assert isinstance(found, KINDS[kind])


def test_no_more_rows_are_read_than_are_taken() -> None:
    rows = iter([(1, 2), (3, 4), (5, 6)])
    found = meant(["a", "b"], rows, readers_of({"b": "text", "c": "int"}))
    assert list(next(found)) == [1, "2"]
    assert next(rows) == (3, 4)
