"""Encoders: one is made for each format, and for columns that every format can have."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.rows.written import without
from wsgistream.rules.coding import MissingLibrary
from wsgistream.rules.rows import FORMATS, row_encoder


@pytest.mark.parametrize("name", FORMATS)
def test_there_is_an_encoder_for_each_format(name: str) -> None:
    assert row_encoder(name, ["a"]).content_type == FORMATS[name].content_type


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="one of ndjson, json, csv, tsv, arrow, parquet, not 'x'"):
        row_encoder("x", ["a"])


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("columns", "match"),
    [
        pytest.param([], "at least one name", id="none"),
        pytest.param([1], "at least one name", id="a number"),
        pytest.param(["a", "b", "a"], "two columns 'a'", id="one name for two"),
    ],
)
def test_columns_without_names_of_their_own_are_refused(
    name: str, columns: list[Any], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        row_encoder(name, columns)


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_a_library_that_is_missing_is_named(name: str) -> None:
    with without("pyarrow"), pytest.raises(MissingLibrary, match=r"'wsgistream\[arrow\]'"):
        row_encoder(name, ["a"])
