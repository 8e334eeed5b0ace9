"""Objects: what is written is JSON, and every part of it is as it was."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.rows.contract import TextContract
from tests.rules.rows.written import TEXTS, one, written
from wsgistream.rules.rows import RowEncoder


class TestNDJSON(TextContract):
    name = "ndjson"

    def read(self, data: bytes) -> list[tuple[Any, Any]]:
        assert data.endswith(b"\n") or not data
        return [(row["a"], row["b"]) for row in map(json.loads, data.splitlines())]

    def test_the_last_record_says_that_it_is_the_last(self, by: str) -> None:
        assert written("ndjson", [(1, None), (2, None)], complete=True) == (
            b'{"a":1,"b":null}\n{"a":2,"b":null}\n{"complete":true,"rows":2}\n'
        )


class TestArray(TextContract):
    name = "json"

    def read(self, data: bytes) -> list[tuple[Any, Any]]:
        return [(row["a"], row["b"]) for row in json.loads(data)]

    def test_each_row_has_a_line(self, by: str) -> None:
        assert written("json", [(1, "\n"), (2, "x")]) == (
            b'[\n{"a":1,"b":"\\n"},\n{"a":2,"b":"x"}\n]\n'
        )

    def test_an_array_needs_no_record_of_its_end(self, by: str) -> None:
        assert written("json", [], complete=True) == b"[\n]\n"


class TestWrappedArray(TextContract):
    name = "json"

    def encoder(self, **options: Any) -> RowEncoder:
        return super().encoder(wrapped=True, **options)

    def read(self, data: bytes) -> list[tuple[Any, Any]]:
        return [(row["a"], row["b"]) for row in json.loads(data)["rows"]]

    @pytest.mark.parametrize(
        ("rows", "expected"),
        [
            pytest.param([], {"rows": []}, id="no rows"),
            pytest.param([(1, 2)], {"rows": [{"a": 1, "b": 2}]}, id="one row"),
        ],
    )
    def test_the_rows_are_under_a_key(
        self, by: str, rows: list[tuple[int, int]], expected: dict[str, Any]
    ) -> None:
        assert json.loads(written("json", rows, wrapped=True)) == expected
        whole = {**expected, "complete": True, "count": len(rows)}
        assert json.loads(written("json", rows, wrapped=True, complete=True)) == whole


@pytest.mark.parametrize(
    "column",
    [
        pytest.param("a b", id="a space"),
        pytest.param("größe", id="a letter beyond ASCII"),
        pytest.param('"', id="a quote"),
        pytest.param("\\", id="a backslash"),
        pytest.param("\n", id="a newline"),
        pytest.param("", id="nothing"),
        pytest.param("%s %d %%", id="what a template would have"),
        pytest.param("{a}", id="braces"),
        pytest.param("class", id="a word of Python"),
        pytest.param("f0", id="a name that our own class has"),
    ],
)
def test_a_column_may_have_any_name(by: str, column: str) -> None:
    text = written("ndjson", [(1, 2)], [column, "f1"]).decode()
    assert json.loads(text) == {column: 1, "f1": 2}
    assert list(json.loads(text)) == [column, "f1"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(Decimal("1.10"), "1.10", id="its digits are kept"),
        pytest.param(Decimal("1E+5"), "1E+5", id="its exponent is kept"),
        pytest.param(Decimal("NaN"), "null", id="what is no number is null"),
        pytest.param(Decimal("-Infinity"), "null", id="an infinity is null"),
        pytest.param([Decimal("sNaN"), "NaN"], '[null,"NaN"]', id="but not in text"),
    ],
)
def test_a_decimal_may_be_a_number(by: str, value: Any, expected: str) -> None:
    assert one("ndjson", value, decimals="number") == expected


def test_one_row_that_msgspec_cannot_write_changes_no_other(by: str) -> None:
    rows = [(Decimal(number), "NaN") for number in range(100)]
    rows[50] = (Decimal("NaN"), "NaN")
    lines = written("ndjson", rows, decimals="number").splitlines()
    assert lines[49:52] == [
        b'{"a":49,"b":"NaN"}',
        b'{"a":null,"b":"NaN"}',
        b'{"a":51,"b":"NaN"}',
    ]


@given(st.lists(st.tuples(st.integers(), TEXTS, st.floats(allow_nan=False, allow_infinity=False))))
def test_numbers_and_text_are_read_as_they_were(rows: list[tuple[int, str, float]]) -> None:
    # Not by splitlines of text, for which more characters end a line.
    lines = written("ndjson", rows, "abc").split(b"\n")[:-1]
    assert [tuple(json.loads(line).values()) for line in lines] == rows
    assert [tuple(row.values()) for row in json.loads(written("json", rows, "abc"))] == rows
