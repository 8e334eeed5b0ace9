"""A query asks any database in the same way, and leaves nothing behind."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.databases import ROWS
from tests.sources.rows.ways import REFUSING, TIMED, WAYS, way
from wsgistream.rules.rows import RowOptions
from wsgistream.sources.rows.asking import Form
from wsgistream.sources.rows.failures import NoSuchColumn
from wsgistream.sources.rows.query import Query

__all__ = ["way"]

FORM = Form("json", RowOptions())


def watched(query: Query) -> Counter[str]:
    """Count the connections that a query takes and gives back."""
    counts: Counter[str] = Counter()
    acquire, release, _ = query.connections

    def acquired() -> Any:
        counts["acquired"] += 1
        return acquire()

    def released(connection: Any) -> None:
        counts["released"] += 1
        release(connection)

    query.connections = query.connections._replace(acquire=acquired, release=released)
    return counts


ONE_EACH = {"acquired": 1, "released": 1}


def rows_of(query: Query) -> list[tuple[Any, ...]]:
    with query.open(FORM) as table:
        return [tuple(row) for row in table.rows]


def test_all_rows_come_in_order_and_by_batches(way: Any) -> None:
    query = Query(way, "SELECT id FROM orders ORDER BY id", batch=300)
    assert rows_of(query) == [(number,) for number in range(1, ROWS + 1)]


def test_it_is_asked_anew_each_time(way: Any) -> None:
    query = Query(way, "SELECT count(*) AS n FROM orders")
    assert [rows_of(query) for _ in range(3)] == [[(ROWS,)]] * 3


def test_parameters_are_bound_by_name(way: Any) -> None:
    statement = (
        "SELECT product, ':last %' AS mark FROM orders"
        " WHERE id <= :last AND product LIKE '%ff%' AND id % 2 = :odd AND id <> :last"
    )
    query = Query(way, statement, {"last": 99, "odd": 1})
    assert set(rows_of(query)) == {("coffee", ":last %")}


def test_a_percent_sign_without_parameters_is_one(way: Any) -> None:
    assert rows_of(Query(way, "SELECT 'a%' AS a WHERE 'ab' LIKE 'a%'")) == [("a%",)]


def test_columns_are_chosen_and_rows_limited(way: Any) -> None:
    statement = "SELECT id, product FROM orders ORDER BY id"
    two = Query(way, statement, columns=["product", "id"], limit=2)
    assert rows_of(two) == [("coffee", 1), ("screws, 4 mm", 2)]
    assert rows_of(Query(way, statement, columns=["id"], limit=1)) == [(1,)]
    assert rows_of(Query(way, statement, limit=0)) == []


def test_a_column_that_is_not_there_is_told(way: Any) -> None:
    query = Query(way, "SELECT id FROM orders", columns=["ID2"])
    counts = watched(query)
    with pytest.raises(NoSuchColumn, match=r"There is no column 'ID2'\."):
        rows_of(query)
    assert counts == ONE_EACH


def test_a_connection_is_taken_when_it_is_opened_and_given_back_at_the_end(way: Any) -> None:
    query = Query(way, "SELECT id FROM orders")
    counts = watched(query)
    opened = query.open(FORM)
    assert counts == {}
    with opened as table:
        assert counts == {"acquired": 1}
        assert len(list(table.rows)) == ROWS
    assert counts == ONE_EACH


def test_a_connection_is_given_back_in_the_middle(way: Any) -> None:
    query = Query(way, "SELECT a.id FROM orders a, orders b", batch=10)
    counts = watched(query)
    with query.open(FORM) as table:
        assert len(next(iter(table.rows))) == 1
    assert counts == ONE_EACH
    assert rows_of(Query(way, "SELECT 1 AS one")) == [(1,)]


def test_a_connection_is_given_back_when_its_reader_fails(way: Any) -> None:
    query = Query(way, "SELECT a.id FROM orders a, orders b", batch=10)
    counts = watched(query)

    def read() -> None:
        with query.open(FORM) as table:
            assert len(next(iter(table.rows))) == 1
            raise LookupError

    with pytest.raises(LookupError):
        read()
    assert counts == ONE_EACH
    assert rows_of(Query(way, "SELECT 1 AS one")) == [(1,)]


def test_a_query_that_fails_raises_what_the_driver_does(way: Any) -> None:
    query = Query(way, "SELECT id FROM missing_table")
    counts = watched(query)
    with pytest.raises(Exception, match="missing_table"):
        rows_of(query)
    assert counts == ONE_EACH
    assert rows_of(Query(way, "SELECT 1 AS one")) == [(1,)]


@pytest.mark.parametrize("way", REFUSING, indirect=True)
def test_nothing_is_changed(way: Any) -> None:
    with pytest.raises(Exception, match=r"(?i)read.?only|syntax"):
        rows_of(Query(way, "DELETE FROM orders"))
    assert rows_of(Query(way, "SELECT count(*) AS n FROM orders")) == [(ROWS,)]


@pytest.mark.parametrize("way", TIMED, indirect=True)
def test_a_query_that_takes_too_long_is_ended(way: Any) -> None:
    endless = "SELECT count(*) AS n FROM orders a, orders b, orders c, orders d"
    with pytest.raises(Exception, match=r"timeout|interrupted"):
        rows_of(Query(way, endless, timeout=0.05))
    assert rows_of(Query(way, "SELECT 1 AS one", timeout=60)) == [(1,)]


# DuckDB answers every statement with rows.
@pytest.mark.parametrize("way", [name for name in WAYS if "DuckDB" not in name], indirect=True)
def test_a_statement_that_gives_no_rows_is_refused(way: Any) -> None:
    query = Query(way, "CREATE TEMPORARY TABLE other (id INTEGER)", read_only=False)
    with pytest.raises(Exception, match=r"no rows|not return rows|syntax"):
        rows_of(query)
