"""Rows of PostgreSQL, which come while the server makes others."""

from __future__ import annotations

from itertools import islice

import pytest

from tests.databases import PostgreSQL
from tests.sources.rows.test_query import FORM, rows_of
from wsgistream.sources.rows.query import Query

MANY = "SELECT generate_series(1, 1000000) AS n"


@pytest.mark.parametrize("count", [0, 1, 84, 85, 86, 341, 342, 2000])
@pytest.mark.parametrize("batch", [1, 255, 256, 1000])
def test_all_rows_come_once_and_in_order(count: int, batch: int, postgresql: PostgreSQL) -> None:
    statement = "SELECT n FROM generate_series(1, :count) AS n"
    query = Query(postgresql.url, statement, {"count": count}, batch=batch)
    assert rows_of(query) == [(n,) for n in range(1, count + 1)]


@pytest.mark.parametrize("taken", [0, 1, 85, 86, 5000])
def test_who_leaves_ends_the_query_and_keeps_the_connection(
    taken: int, postgresql: PostgreSQL
) -> None:
    with postgresql.connect() as connection:
        with Query(connection, MANY).open(FORM) as table:
            assert list(islice(table.rows, taken)) == [(n,) for n in range(1, taken + 1)]
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


@pytest.mark.parametrize("count", [1, 5, 21, 85])
def test_the_first_rows_wait_for_no_others(count: int, postgresql: PostgreSQL) -> None:
    statement = """WITH RECURSIVE endless(n) AS (SELECT 1 UNION ALL SELECT n FROM endless)
        SELECT n FROM generate_series(1, :count) AS n UNION ALL SELECT n FROM endless WHERE n < 0"""
    with Query(postgresql.url, statement, {"count": count}).open(FORM) as table:
        assert list(islice(table.rows, count)) == [(n,) for n in range(1, count + 1)]
    assert postgresql.is_idle()


@pytest.mark.parametrize("number", [1, 50, 86, 1000])
def test_what_fails_among_them_is_raised(number: int, postgresql: PostgreSQL) -> None:
    statement = "SELECT 1 / (:number - n) AS n FROM generate_series(1, 2000) AS n"
    with pytest.raises(Exception, match="division by zero"):
        rows_of(Query(postgresql.url, statement, {"number": number}))
    assert postgresql.is_idle()
