"""Tables: pyarrow reads what was written, types and values as they were."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from tests.rules.rows.contract import EncoderContract
from tests.rules.rows.written import TEXTS, VALUES, ZONES, written
from wsgistream.rules.rows import Unencodable, row_encoder


def read(name: str, data: bytes) -> Any:
    source = pyarrow.BufferReader(data)
    if name == "parquet":
        return parquet.read_table(source)
    return pyarrow.ipc.open_stream(source).read_all()


class TestArrow(EncoderContract):
    name = "arrow"

    def read(self, data: bytes) -> list[tuple[Any, Any]]:
        return [(row["a"], row["b"]) for row in read(self.name, data).to_pylist()]

    def test_the_schema_of_a_reader_is_that_of_the_stream(self) -> None:
        schema = pyarrow.schema([("a", pyarrow.int8()), ("b", pyarrow.large_string())])
        reader = pyarrow.RecordBatchReader.from_batches(schema, [])
        encoder = self.encoder()
        data = b"".join((encoder.begin(), *encoder.feed_batches(reader), encoder.finish()))
        assert read(self.name, data).schema == schema

    def test_without_rows_the_types_that_are_named_are_there(self) -> None:
        schema = read(self.name, self.write([], types={"b": "int16"})).schema
        assert schema == pyarrow.schema([("a", pyarrow.string()), ("b", pyarrow.int16())])

    def test_a_batch_of_another_schema_fails(self) -> None:
        encoder = self.encoder()
        batches = [
            pyarrow.record_batch({"a": [1], "b": ["x"]}),
            pyarrow.record_batch({"a": ["x"], "b": [1]}),
        ]
        with pytest.raises(Unencodable):
            list(encoder.feed_batches(batches))


class TestParquet(TestArrow):
    name = "parquet"

    def test_a_row_group_is_of_about_8_mib(self) -> None:
        rows = [(number, f"{number:0100}") for number in range(200_000)]
        found = parquet.ParquetFile(pyarrow.BufferReader(self.write(rows))).metadata
        assert found.num_rows == len(rows)
        groups = [found.row_group(number).num_rows for number in range(found.num_row_groups)]
        assert len(groups) == 3
        assert 65_000 < groups[0] < 85_000


def test_a_batch_goes_out_whole() -> None:
    batch = pyarrow.record_batch({"a": list(range(100_000))})
    (piece,) = row_encoder("arrow", "a").feed_batches([batch])
    assert len(piece) > batch.nbytes


LATER = datetime(2024, 2, 29, 1, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        pytest.param([None], "string", [None], id="nothing is no text"),
        pytest.param([1, None, 2], "int64", [1, None, 2], id="integers"),
        pytest.param([1, 0.5], "double", [1.0, 0.5], id="integers and floats"),
        pytest.param([2**53 + 1, 0.5], "string", [str(2**53 + 1), "0.5"], id="exact or text"),
        pytest.param([1, 2**64], "string", ["1", str(2**64)], id="integers of more than 64 bits"),
        pytest.param([True, 1], "string", ["true", "1"], id="true is no number"),
        pytest.param([1, "a"], "string", ["1", "a"], id="numbers and text"),
        pytest.param(
            [Decimal("1.1"), 2],
            "decimal128(38, 1)",
            [Decimal("1.1"), Decimal(2)],
            id="decimals and integers",
        ),
        pytest.param(
            [Decimal(10) ** 40],
            "decimal256(76, 0)",
            [Decimal(10) ** 40],
            id="decimals of many digits",
        ),
        pytest.param([Decimal("1.1"), 0.5], "string", ["1.1", "0.5"], id="decimals and floats"),
        pytest.param([Decimal(10) ** 99], "string", [str(Decimal(10) ** 99)], id="too many digits"),
        pytest.param([b"a", bytearray(b"b")], "binary", [b"a", b"b"], id="bytes of all kinds"),
        pytest.param([b"a", "b"], "string", ["YQ==", "b"], id="bytes and text"),
        pytest.param(
            [LATER], "timestamp[us, tz=UTC]", [LATER.astimezone(timezone.utc)], id="a moment"
        ),
        pytest.param(
            [LATER, datetime(2024, 1, 1)],
            "string",
            ["2024-02-29T01:00:00+02:00", "2024-01-01T00:00:00"],
            id="moments with a zone and without",
        ),
        pytest.param(
            [date(2024, 1, 1), datetime(2024, 1, 1, 5)],
            "string",
            ["2024-01-01", "2024-01-01T05:00:00"],
            id="days and moments",
        ),
        pytest.param([timedelta.max], "string", ["P999999999DT86399.999999S"], id="all of time"),
        pytest.param([(1,), [], None], "list<item: int64>", [[1], [], None], id="arrays"),
        pytest.param([[]], "string", ["[]"], id="arrays of nothing"),
        pytest.param([[1, "a"]], "string", ['[1,"a"]'], id="an array of many kinds"),
        pytest.param([[[1]]], "string", ["[[1]]"], id="an array of arrays"),
        pytest.param([{"a": 1}], "string", ['{"a":1}'], id="an object"),
        pytest.param([UUID(int=1), None], "string", [str(UUID(int=1)), None], id="UUIDs"),
    ],
)
@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_a_column_is_of_the_type_that_holds_it(
    name: str, values: Sequence[Any], kind: str, expected: Sequence[Any], by: str
) -> None:
    column = read(name, written(name, [(value,) for value in values], "a")).column("a")
    assert str(column.type).replace("element", "item") == kind
    assert column.to_pylist() == list(expected)


@pytest.mark.parametrize(
    ("first", "later"),
    [
        pytest.param(1, 0.5, id="a fraction after integers"),
        pytest.param(1, True, id="true after integers"),
        pytest.param(1, 2**64, id="more than 64 bits"),
        pytest.param(date(2024, 1, 1), datetime(2024, 1, 1, 5), id="a moment after days"),
        pytest.param(LATER, datetime(2024, 1, 1), id="a moment without a zone"),
        pytest.param(time(1), time(1, tzinfo=timezone.utc), id="a time with a zone"),
        pytest.param(Decimal("1.1"), Decimal("1.11"), id="more digits after the point"),
        pytest.param([1], ["a"], id="an array of another kind"),
        pytest.param("a", b"a", id="bytes after text"),
    ],
)
@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_what_later_does_not_fit_fails(name: str, first: Any, later: Any) -> None:
    with pytest.raises(Unencodable, match="A row after the first 1024 "):
        written(name, [(first,)] * 1024 + [(later,)], "a")


@pytest.mark.parametrize("kind", ["string", pyarrow.string()])
def test_a_type_that_is_named_is_used(kind: Any) -> None:
    rows = [(1, None), ("x", None), ([0.5], None)]
    table = read("arrow", written("arrow", rows, types={"a": kind, "b": "int8", "c": "string"}))
    assert table.to_pydict() == {"a": ["1", "x", "[0.5]"], "b": [None] * 3}
    assert table.schema.field("b").type == pyarrow.int8()


def test_a_type_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="No type alias for text"):
        written("arrow", [], types={"a": "text"})


ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(allow_nan=False),
        st.none() | TEXTS,
        st.none() | st.booleans(),
        st.none() | st.datetimes(timezones=ZONES, min_value=datetime(2, 1, 1)),
        st.none() | st.binary(),
        st.none() | st.dates(),
        st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1),
    ),
    min_size=1,
)


@given(ROWS, st.sampled_from(["arrow", "parquet"]))
def test_pyarrow_reads_what_was_written(rows: list[tuple[Any, ...]], name: str) -> None:
    table = read(name, written(name, rows, "abcdefgh"))
    assert [tuple(row.values()) for row in table.to_pylist()] == rows


@given(st.lists(VALUES, min_size=1), st.sampled_from(["arrow", "parquet"]))
def test_whatever_is_in_a_column_is_held_or_is_text(values: list[Any], name: str) -> None:
    column = read(name, written(name, [(value,) for value in values], "a")).column("a")
    assert len(column) == len(values)
    assert [value is None for value in column.to_pylist()] == [value is None for value in values]
