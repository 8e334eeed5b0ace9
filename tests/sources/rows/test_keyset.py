"""Rows by batches, which can begin behind any key."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy

from tests.databases import ROWS
from tests.sources.rows.test_query import ONE_EACH, rows_of, watched
from tests.sources.rows.ways import way
from wsgistream.sources.rows.failures import NoSuchColumn
from wsgistream.sources.rows.query import Query

__all__ = ["way"]


@pytest.mark.parametrize("batch", [1, 7, 10, 100])
def test_batches_together_are_all_rows_in_order(way: Any, batch: int) -> None:
    statement = "SELECT id FROM orders WHERE id <= 20 AND id <> :other -- few"
    query = Query(way, statement, {"other": 13}, key="id", batch=batch)
    counts = watched(query)
    assert rows_of(query) == [(number,) for number in range(1, 21) if number != 13]
    asked = 19 // batch + 1
    assert counts == {"acquired": asked, "released": asked}


@pytest.mark.parametrize(
    ("after", "first"), [(None, 1), (0, 1), (1500, 1501), (ROWS - 1, ROWS), (ROWS, None)]
)
def test_they_begin_behind_a_key(way: Any, after: int | None, first: int | None) -> None:
    query = Query(way, "SELECT product, id FROM orders", key="id", after=after, columns=["id"])
    rows = rows_of(query)
    assert rows[:1] == ([] if first is None else [(first,)])
    assert len(rows) == ROWS - (after or 0)


def test_a_limit_ends_them(way: Any) -> None:
    query = Query(way, "SELECT id FROM orders", key="id", batch=4, limit=6)
    assert rows_of(query) == [(number,) for number in range(1, 7)]


def test_a_key_that_is_not_there_is_told_and_leaves_nothing(way: Any) -> None:
    query = Query(way, "SELECT id AS number FROM orders", key="missing")
    counts = watched(query)
    with pytest.raises(Exception, match="missing"):
        rows_of(query)
    assert counts == ONE_EACH


def test_a_key_of_another_spelling_is_told(way: Any) -> None:
    with pytest.raises(NoSuchColumn, match="ID"):
        rows_of(Query(way, "SELECT id FROM orders", key="ID"))


@pytest.mark.parametrize(
    ("statement", "key", "error"),
    [
        ("SELECT 1", "a b", ValueError),
        ("SELECT 1", "a; DROP", ValueError),
        (sqlalchemy.text("SELECT 1"), "a", TypeError),
    ],
)
def test_what_cannot_be_a_key_is_refused(statement: Any, key: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"key"):
        Query("sqlite:///x", statement, key=key)
