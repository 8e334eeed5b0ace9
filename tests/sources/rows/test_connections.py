"""Where connections come from, and what is said of what they cannot come from."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from tests.sources.rows.test_query import rows_of
from wsgistream.rules.coding import MissingLibrary
from wsgistream.sources.rows import sqlite
from wsgistream.sources.rows.asking import Question
from wsgistream.sources.rows.connections import connections_of, kind_of
from wsgistream.sources.rows.dbapi import ask
from wsgistream.sources.rows.failures import NoConnection
from wsgistream.sources.rows.query import Query


@pytest.mark.parametrize(
    ("connect", "said"),
    [
        pytest.param("shop.db", "A database is named by a URL", id="a path"),
        pytest.param("sqlite://", "A SQLite file is named as sqlite:///shop.db", id="no file"),
        pytest.param("sqlite:///", "A SQLite file is named as sqlite:///shop.db", id="no name"),
        pytest.param("sqlite:///a?mode=rw", "A SQLite file is named as", id="SQLite's options"),
        pytest.param(7, "Connections come from a URL", id="a number"),
    ],
)
def test_what_gives_no_connections_is_refused(connect: Any, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        connections_of(connect)


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_is_a_time(timeout: float) -> None:
    with pytest.raises(ValueError, match="A timeout is above 0 seconds"):
        Query("sqlite:///x", "SELECT 1", timeout=timeout)


@pytest.mark.parametrize(
    ("url", "library", "extra"),
    [("postgresql://x/y", "psycopg", "postgresql"), ("mariadb://x/y", "sqlalchemy", "sql")],
)
def test_a_missing_library_is_named(
    url: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingLibrary, match=rf"pip install 'wsgistream\[{extra}\]'"):
        connections_of(url)


@pytest.mark.parametrize(
    ("url", "error", "said"),
    [
        ("postgresql+psycopg2://x/y", MissingLibrary, "This database needs a driver: "),
        ("unknown://x:secret@y", ValueError, "No database has this URL: "),
        ("a b://x:secret@y", ValueError, "No database has this URL: "),
    ],
)
def test_a_url_that_sqlalchemy_cannot_use_is_told(
    url: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said) as raised:
        connections_of(url)
    assert "secret" not in str(raised.value)


def test_other_urls_are_those_of_sqlalchemy(shop: Path) -> None:
    query = Query(f"sqlite+pysqlite:///{shop}", "SELECT id FROM orders WHERE id = 1")
    assert rows_of(query) == [(1,)]
    query.connections.acquire.__self__.dispose()  # type: ignore[attr-defined]


def test_a_path_may_have_any_letter(tmp_path: Path) -> None:
    path = tmp_path / "a b?#%41ä.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t AS SELECT 7 AS n")
    quoted = str(path).replace("%", "%25").replace("?", "%3F").replace("#", "%23")
    assert rows_of(Query(f"sqlite:///{quoted}", "SELECT n FROM t")) == [(7,)]


def test_a_connection_of_sqlalchemy_can_be_lent(shop: Path) -> None:
    engine = sqlalchemy.create_engine(f"sqlite:///{shop}")
    with engine.connect() as connection:
        query = Query(connection, "SELECT id FROM orders WHERE id = :n", {"n": 2})
        assert [rows_of(query) for _ in range(2)] == [[(2,)]] * 2
    engine.dispose()


def test_only_what_says_that_there_is_no_connection_is_unavailable() -> None:
    class OperationalError(Exception):
        """As every driver has one (PEP 249)."""

    def refuse() -> Any:
        raise OperationalError

    def fail() -> Any:
        raise LookupError

    with pytest.raises(NoConnection):
        rows_of(Query(refuse, "SELECT 1"))
    with pytest.raises(LookupError):
        rows_of(Query(fail, "SELECT 1"))


def test_a_driver_that_does_not_say_its_style_has_question_marks() -> None:
    asked = []

    class Cursor:
        description = (("n",),)

        def execute(self, statement: str, parameters: Any) -> None:
            asked.append((statement, parameters))

        def fetchmany(self, size: int) -> list[tuple[int]]:
            return []

        def close(self) -> None:
            asked.append("closed")

    class Connection:
        cursor = Cursor

    question = Question("SELECT :n", {"n": 1}, None, True, 10)
    with ask(Connection(), question) as table:
        assert list(table.rows) == []
    assert asked == [("SELECT ?", (1,)), "closed"]
    assert kind_of(Connection()) == ""


def test_a_step_of_sqlite_may_take_its_time_and_no_longer(shop: Path) -> None:
    now = iter(range(10**9))
    statement = "SELECT a.id FROM orders a, orders b WHERE a.id + b.id > 0"
    with closing(sqlite3.connect(shop)) as connection:
        # The clock goes on by a second at each look, of which there are few while little is done.
        question = Question(statement, {}, 5.0, True, 10)
        with sqlite.ask(connection, question, lambda: next(now)) as table:
            rows = iter(table.rows)
            assert [next(rows) for _ in range(100)] == [(1,)] * 100
        question = Question(f"SELECT count(*) FROM ({statement})", {}, 5.0, True, 10)
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            with sqlite.ask(connection, question, lambda: next(now)):
                pass


@pytest.mark.parametrize("setting", [0, 1])
def test_a_connection_of_sqlite_that_is_lent_stays_as_it_was(setting: int, shop: Path) -> None:
    with closing(sqlite3.connect(shop)) as connection:
        connection.row_factory = lambda cursor, row: {"value": row[0]}
        connection.execute(f"PRAGMA query_only = {setting}")
        for read_only in (True, False):
            query = Query(connection, "SELECT id FROM orders", limit=1, read_only=read_only)
            assert rows_of(query) == [(1,)]
        assert connection.execute("PRAGMA query_only").fetchone() == {"value": setting}


def test_a_query_that_is_not_read_has_nothing_to_leave() -> None:
    assert Query("sqlite:///x", "SELECT 1").leave() is None  # type: ignore[func-returns-value]
