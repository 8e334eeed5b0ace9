"""Delimited: what is written is read back by the csv module, in every dialect."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.rows.contract import TextContract
from tests.rules.rows.written import one, without, written


def read(data: bytes, **dialect: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), **dialect))


class TestCSV(TextContract):
    name = "csv"
    mark = ","

    def read(self, data: bytes) -> list[tuple[Any, Any]]:
        heading, *rows = read(data, delimiter=self.mark, strict=True)
        assert heading == ["a", "b"]
        return [(int(a), b) for a, b in rows]


class TestTSV(TestCSV):
    name = "tsv"
    mark = "\t"

    def test_the_delimiter_is_that_of_csv(self, by: str) -> None:
        assert written("tsv", [(1, ";\t")], delimiter=";") == b'a\tb\r\n1\t";\t"\r\n'


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, b'a,"b;"",\n"\r\n"x,y",\r\n', id="as RFC 4180 has it"),
        pytest.param({"header": False}, b'"x,y",\r\n', id="without a header"),
        pytest.param({"newline": "\n"}, b'a,"b;"",\n"\n"x,y",\n', id="with newlines of Unix"),
        pytest.param({"delimiter": ";"}, b'a;"b;"",\n"\r\nx,y;\r\n', id="with semicolons"),
        pytest.param({"quote": "'"}, b"a,'b;\",\n'\r\n'x,y',\r\n", id="with single quotes"),
        pytest.param(
            {"bom": True}, b'\xef\xbb\xbfa,"b;"",\n"\r\n"x,y",\r\n', id="with the mark of UTF-8"
        ),
        pytest.param(
            {"bom": True, "header": False},
            b'\xef\xbb\xbf"x,y",\r\n',
            id="with the mark and without a header",
        ),
    ],
)
def test_the_options_make_the_dialect(options: dict[str, Any], expected: bytes, by: str) -> None:
    assert written("csv", [("x,y", None)], ("a", 'b;",\n'), **options) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("=1+1", "'=1+1", id="equals"),
        pytest.param("+1", "'+1", id="plus"),
        pytest.param("-1", "'-1", id="minus"),
        pytest.param("@SUM(1)", "'@SUM(1)", id="at"),
        pytest.param("\t=1", "'\t=1", id="a tab"),
        pytest.param("\r=1", '"\'\r=1"', id="a carriage return"),
        pytest.param("\n=1", '"\'\n=1"', id="a newline"),
        pytest.param("\uff1d1", "'\uff1d1", id="a wide equals"),
        pytest.param('=A1,"x"', '"\'=A1,""x"""', id="a formula that needs quotes"),
        pytest.param("1=1", "1=1", id="not at the beginning"),
        pytest.param("", '""', id="no text"),
        pytest.param(-1, "-1", id="a number is no formula"),
        pytest.param(-0.5, "-0.5", id="nor one with a fraction"),
        pytest.param(None, "", id="nor is nothing"),
        pytest.param(["=1"], '"[""=1""]"', id="nor what is within an array"),
    ],
)
def test_a_guard_stands_before_formulas(value: Any, expected: str, by: str) -> None:
    assert one("csv", value, guard=True) == expected


def test_a_guard_stands_before_names_too() -> None:
    assert written("csv", [], ("=a", "b"), guard=True) == b"'=a,b\r\n"


def test_a_table_of_one_column_has_no_empty_line(by: str) -> None:
    rows = [(None,), ("",), (float("nan"),), ("x",), (float("inf"),), (0.5,)]
    assert written("csv", rows, "a", size=10**6) == b'a\r\n""\r\n""\r\n""\r\nx\r\n""\r\n0.5\r\n'
    assert written("csv", rows[2:3], "a", size=10**6) == b'a\r\n""\r\n'


# Before Python 3.11 the csv module read no NUL.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
VALUES = st.none() | st.booleans() | st.integers() | TEXTS | st.lists(TEXTS)
COLUMNS = st.sampled_from([TEXTS, TEXTS | st.none(), st.floats(), st.integers(), VALUES])


@given(
    st.tuples(COLUMNS, COLUMNS).flatmap(lambda both: st.lists(st.tuples(*both))),
    st.sampled_from(",;|\t"),
    st.sampled_from("\"'"),
    st.sampled_from(["\r\n", "\n"]),
)
def test_the_csv_module_reads_what_was_written(
    rows: list[tuple[Any, Any]], delimiter: str, quote: str, newline: str
) -> None:
    data = written("csv", rows, delimiter=delimiter, quote=quote, newline=newline)
    with without("msgspec"):
        assert written("csv", rows, delimiter=delimiter, quote=quote, newline=newline) == data
    found = read(data, delimiter=delimiter, quotechar=quote, strict=True)
    # One by one, each column is of many kinds, and has none of the short ways.
    assert found[1:] == [next(iter(read(written("csv", [row], header=False)))) for row in rows]
    for (a, _), (text, _) in zip(rows, found[1:], strict=True):
        if isinstance(a, str):
            assert text == a
        elif isinstance(a, float):
            assert not text if a != a or abs(a) == float("inf") else float(text) == a
