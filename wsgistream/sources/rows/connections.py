"""Connections: where they come from, how each kind is asked, and where they go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from importlib import import_module
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import unquote, urlsplit

from wsgistream.rules.coding import MissingLibrary
from wsgistream.sources.rows import dbapi, postgresql, sql, sqlite
from wsgistream.sources.rows.asking import Question, Table, connecting

#: Asks a connection: a table for as long as the context lasts, which ends the query with it.
Asker: TypeAlias = Callable[[Any, Question], AbstractContextManager[Table]]

# By the package that a connection is of; any other is asked as PEP 249 has it.
_ASKERS: Final[dict[str, Asker]] = {
    "psycopg": postgresql.ask,
    "sqlalchemy": sql.ask,
    "sqlite3": sqlite.ask,
}

# Those of SQLAlchemy's drivers that we ask ourselves.
_OWN_DRIVERS: Final = frozenset({"psycopg", "pysqlite"})


def kind_of(connection: object) -> str:
    """Name the package that a connection, a pool or a cursor is of."""
    kinds = (kind.__module__.partition(".")[0] for kind in type(connection).__mro__)
    return next((kind for kind in kinds if kind in (*_ASKERS, "psycopg_pool")), "")


def ask(connection: Any, question: Question) -> AbstractContextManager[Table]:
    """Ask a connection of any kind."""
    return _ASKERS.get(kind_of(connection), dbapi.ask)(connection, question)


def driver_of(connection: Any, question: Question) -> Any:
    """Give what is below a connection of SQLAlchemy, where we ask that ourselves, and sooner.

    That takes SQL as text, for SQLAlchemy itself has nothing to do with its rows; and a connection
    in which nobody has begun a transaction, since ours would end it.
    """
    if kind_of(connection) != "sqlalchemy" or not isinstance(question.statement, str):
        return connection
    if connection.in_transaction() or connection.dialect.driver not in _OWN_DRIVERS:
        return connection
    return connection.connection.driver_connection


class Connections(NamedTuple):
    """How a connection is had, and given back."""

    acquire: Callable[[], Any]
    release: Callable[[Any], object]
    is_free: bool = False
    """Any thread may go on with one of them, though its driver need not think so."""

    @contextmanager
    def one(self) -> Iterator[Any]:
        """Have a connection as long as the context lasts.

        Raises NoConnection where there is none now, and what else the acquiring raises.
        """
        with connecting():
            connection = self.acquire()
        try:
            yield connection
        finally:
            self.release(connection)


def connections_of(connect: Any) -> Connections:
    """Say where connections come from: a URL, an engine, a pool, a function, or one that is lent.

    What is made is closed, what is taken is given back, and what is lent is left as it was. Raises
    TypeError or ValueError for anything else, and MissingLibrary where the URL needs one.
    """
    if isinstance(connect, Connections):
        return connect
    if isinstance(connect, str):
        return _connections_to(connect)
    kind = kind_of(connect)
    if kind == "psycopg_pool":
        return Connections(connect.getconn, connect.putconn)
    if kind == "sqlalchemy" and not hasattr(connect, "exec_driver_sql"):
        return Connections(connect.connect, _close)
    if hasattr(connect, "cursor") or kind == "sqlalchemy":
        return Connections(lambda: connect, lambda connection: None)
    if callable(connect):
        return Connections(connect, _close)
    raise TypeError(
        "Connections come from a URL, an engine of SQLAlchemy, a pool of psycopg, a function that "
        f"makes them, or are lent, and not from {type(connect).__name__}."
    )


def _close(connection: Any) -> None:
    connection.close()


def _connections_to(url: str) -> Connections:
    """Connect to a URL: SQLite and PostgreSQL by their own drivers, all else by SQLAlchemy."""
    scheme, colon, _ = url.partition(":")
    if not colon:
        raise ValueError(f"A database is named by a URL, such as sqlite:///shop.db, not {url!r}.")
    if scheme == "sqlite":
        return Connections(partial(sqlite.connect, _path(url)), _close, is_free=True)
    if scheme in ("postgresql", "postgres"):
        return Connections(partial(_library("psycopg", "postgresql").connect, url), _close)
    library = _library("sqlalchemy", "sql")
    try:
        return connections_of(library.create_engine(url))
    except ImportError as error:
        raise MissingLibrary(f"This database needs a driver: {error}.") from None
    except library.exc.ArgumentError as error:
        raise ValueError(f"No database has this URL: {error}.") from None


def _library(name: str, extra: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise MissingLibrary(
            f"This database needs a library: pip install 'wsgistream[{extra}]'."
        ) from None


def _path(url: str) -> str:
    """Read the path of a SQLite URL: ``sqlite:///shop.db``, ``sqlite:////srv/shop.db``."""
    parts = urlsplit(url)
    if parts.netloc or parts.query or parts.fragment or len(parts.path) < 2:
        raise ValueError(f"A SQLite file is named as sqlite:///shop.db, not {url!r}.")
    return unquote(parts.path[1:])
