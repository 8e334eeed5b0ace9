"""Choosing: the format is what the query asks for, or else what Accept weighs most."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.rows.written import without
from wsgistream.rules.coding import MissingLibrary
from wsgistream.rules.rows import (
    FORMATS,
    NoAcceptableFormat,
    UnknownFormat,
    check_formats,
    choose_format,
)

ALL = tuple(FORMATS)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param(None, "ndjson", id="no field"),
        pytest.param("", "ndjson", id="an empty field"),
        pytest.param("*/*", "ndjson", id="anything"),
        pytest.param("text/csv", "csv", id="one type"),
        pytest.param("TEXT/CSV", "csv", id="one type in capitals"),
        pytest.param("text/*", "csv", id="any text"),
        pytest.param("application/json", "json", id="an array"),
        pytest.param("text/csv;q=0.5, application/json", "json", id="weights decide"),
        pytest.param("text/html, */*;q=0.1", "ndjson", id="a browser"),
        pytest.param("*/*, application/x-ndjson;q=0", "json", id="all but one"),
        pytest.param(",text/csv, ", "csv", id="empty elements"),
        pytest.param("csv", "ndjson", id="a malformed field counts for nothing"),
        pytest.param("text/csv," * 200, "ndjson", id="longer than any client's"),
        pytest.param("text/csv;charset=utf-8", "csv", id="our own parameter"),
        pytest.param("application/vnd.apache.arrow.stream", "arrow", id="an Arrow stream"),
    ],
)
def test_accept_decides_where_the_query_does_not(accept: str | None, expected: str) -> None:
    assert choose_format(None, accept, ALL).name == expected


@pytest.mark.parametrize("name", FORMATS)
def test_the_query_counts_before_accept(name: str) -> None:
    assert choose_format(name, "image/png", ALL) is FORMATS[name]


def test_the_first_that_is_offered_is_given_to_whoever_wants_any() -> None:
    assert choose_format(None, "*/*", ("csv", "json")).name == "csv"
    assert choose_format(None, None, ("csv", "json")).name == "csv"


@pytest.mark.parametrize("query", ["", "xml", "CSV", "parquet", "csv "])
def test_a_name_that_is_not_offered_is_refused(query: str) -> None:
    with pytest.raises(UnknownFormat, match=r"^The format is one of csv, json\.$"):
        choose_format(query, None, ("csv", "json"))


@pytest.mark.parametrize("accept", ["image/png", "application/x-ndjson", "*/*;q=0"])
def test_an_accept_without_any_that_is_offered_is_refused(accept: str) -> None:
    match = r"^The rows can be had as text/csv, application/json\.$"
    with pytest.raises(NoAcceptableFormat, match=match):
        choose_format(None, accept, ("csv", "json"))


@given(st.none() | st.text(), st.none() | st.text())
def test_any_text_chooses_or_is_refused(query: str | None, accept: str | None) -> None:
    with suppress(UnknownFormat, NoAcceptableFormat):
        assert choose_format(query, accept).name in FORMATS


def test_formats_are_those_whose_library_is_there() -> None:
    assert check_formats() == ALL
    with without("pyarrow"):
        assert check_formats() == ("ndjson", "json", "csv", "tsv")
        with pytest.raises(MissingLibrary, match=r"pip install 'wsgistream\[arrow\]'"):
            check_formats(["csv", "parquet"])


def test_formats_stand_as_they_are_named() -> None:
    assert check_formats(["csv", "arrow", "csv"]) == ("csv", "arrow")


@pytest.mark.parametrize(
    ("names", "error"),
    [
        pytest.param("csv", TypeError, id="text"),
        pytest.param([], ValueError, id="none"),
        pytest.param(["xml"], ValueError, id="an unknown one"),
    ],
)
def test_formats_that_cannot_be_offered_are_refused(names: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        check_formats(names)
