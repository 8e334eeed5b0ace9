"""Every way to connect to a database with the table of orders."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import psycopg_pool
import pymysql
import pytest
import sqlalchemy

from tests.databases import MariaDB, PostgreSQL


def _sqlite_url(shop: Path) -> Iterator[Any]:
    yield f"sqlite:///{shop}"


def _sqlite_function(shop: Path) -> Iterator[Any]:
    yield lambda: sqlite3.connect(shop)


def _sqlite_lent(shop: Path) -> Iterator[Any]:
    with closing(sqlite3.connect(shop)) as connection:
        yield connection


def _sqlite_engine(shop: Path) -> Iterator[Any]:
    yield from _engine(f"sqlite:///{shop}")


def _engine(url: str) -> Iterator[Any]:
    engine = sqlalchemy.create_engine(url)
    yield engine
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    engine.dispose()


def _postgresql_url(postgresql: PostgreSQL) -> Iterator[Any]:
    yield postgresql.url


def _postgresql_function(postgresql: PostgreSQL) -> Iterator[Any]:
    yield lambda: psycopg.connect(postgresql.socket_url, autocommit=True)


def _postgresql_pool(postgresql: PostgreSQL) -> Iterator[Any]:
    with psycopg_pool.ConnectionPool(
        postgresql.url, min_size=1, max_size=2, open=True, timeout=5
    ) as pool:
        yield pool


def _postgresql_lent(postgresql: PostgreSQL) -> Iterator[Any]:
    with postgresql.connect(row_factory=psycopg.rows.dict_row) as connection:
        yield connection
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def _postgresql_engine(postgresql: PostgreSQL) -> Iterator[Any]:
    yield from _engine(postgresql.url.replace("://", "+psycopg://"))


def _mariadb_engine(mariadb: MariaDB) -> Iterator[Any]:
    yield from _engine(mariadb.url)


def _mariadb_function(mariadb: MariaDB) -> Iterator[Any]:
    def connect() -> Any:
        return pymysql.connect(
            unix_socket=f"{mariadb.folder}/socket",
            user="root",
            database="shop",
            cursorclass=pymysql.cursors.SSCursor,
        )

    yield connect


def _duckdb_function(shop: Path) -> Iterator[Any]:
    with duckdb.connect() as database:
        with closing(sqlite3.connect(shop)) as connection:
            rows = connection.execute("SELECT id, product FROM orders").fetchall()
        database.execute("CREATE TABLE orders (id INTEGER, product TEXT)")
        database.executemany("INSERT INTO orders VALUES (?, ?)", rows)
        yield database.cursor


#: Each as a sentence, and the server or the file it is to.
WAYS: dict[str, tuple[Callable[[Any], Iterator[Any]], str]] = {
    "SQLite by a URL": (_sqlite_url, "shop"),
    "SQLite by a function": (_sqlite_function, "shop"),
    "SQLite by a connection that is lent": (_sqlite_lent, "shop"),
    "SQLite by SQLAlchemy": (_sqlite_engine, "shop"),
    "PostgreSQL by a URL": (_postgresql_url, "postgresql"),
    "PostgreSQL by a function": (_postgresql_function, "postgresql"),
    "PostgreSQL by a pool": (_postgresql_pool, "postgresql"),
    "PostgreSQL by a connection that is lent": (_postgresql_lent, "postgresql"),
    "PostgreSQL by SQLAlchemy": (_postgresql_engine, "postgresql"),
    "MariaDB by SQLAlchemy": (_mariadb_engine, "mariadb"),
    "MariaDB by a function": (_mariadb_function, "mariadb"),
    "DuckDB by a function": (_duckdb_function, "shop"),
}

#: The driver has no standard way to have the database refuse changes, or to end a query in time.
PLAIN = ("MariaDB by a function", "DuckDB by a function")
REFUSING = [name for name in WAYS if name not in PLAIN]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[Any]:
    """What a query connects to."""
    make, database = WAYS[request.param]
    yield from make(request.getfixturevalue(database))
