"""PostgreSQL: rows by a cursor of the server, through psycopg 3."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from importlib import import_module
from itertools import chain, islice
from typing import Any, Final

from wsgistream.rules.rows.quick import json_reader
from wsgistream.sources.rows.asking import Question, Table, connecting, fetched

# Its name is seen in pg_stat_activity; each is of a connection, so one name does.
_CURSOR: Final = "wsgistream"

# Rows of the first batches, which are sent as soon as they are there; a stream's wait for others.
_FIRST: Final = 1 + 4 + 16 + 64
_AT_ONCE: Final = 256


@contextmanager
def ask(connection: Any, question: Question) -> Iterator[Table]:
    """Ask a connection of psycopg: the rows stay with the server until they are fetched."""
    with (
        transaction(connection, question),
        _reading(connection.cursor(_CURSOR)) as cursor,
        closing(_rest(connection)) as rest,
    ):
        cursor.execute(*question.bound("pyformat"))
        table = fetched(cursor, question)
        if _streams(question):
            table = table._replace(rows=chain(islice(table.rows, _FIRST), rest))
        yield table._replace(typed=True)


def _streams(question: Question) -> bool:
    """Tell whether rows can be had while the server makes others.

    That is one statement, which lasts as long as its client reads; and libraries before 17 give
    rows one by one.
    """
    if question.timeout is not None or question.batch < _AT_ONCE:
        return False
    can: bool = import_module("psycopg").capabilities.has_stream_chunked()
    return can


def _rest(connection: Any) -> Generator[Sequence[Any], None, None]:
    """Give the rows that are left; the server sends no more than are taken."""
    with (
        _reading(import_module("psycopg").Cursor(connection)) as cursor,
        closing(cursor.stream(f"FETCH ALL FROM {_CURSOR}", size=_AT_ONCE)) as rows,
    ):
        yield from rows


@contextmanager
def _reading(cursor: Any) -> Iterator[Any]:
    """Have a cursor give tuples, with JSON in them."""
    with cursor:
        cursor.row_factory = import_module("psycopg.rows").tuple_row
        for kind in ("json", "jsonb"):
            cursor.adapters.register_loader(kind, _json_loader())
        yield cursor


@lru_cache
def _json_loader() -> Any:
    """Make what reads JSON; a third of the time goes there with psycopg's own."""
    load = staticmethod(json_reader())
    return type("JSONLoader", (import_module("psycopg.adapt").Loader,), {"load": load})


def estimate(connection: Any, question: Question) -> int:
    """Ask the planner how many rows there may be; nothing is run."""
    with transaction(connection, question), connection.cursor() as cursor:
        cursor.row_factory = import_module("psycopg.rows").tuple_row
        cursor.execute(*question.bound("pyformat", f"EXPLAIN (FORMAT JSON) {question.statement}"))
        ((plans,),) = cursor.fetchall()
        return int(plans[0]["Plan"]["Plan Rows"])


@contextmanager
def transaction(connection: Any, question: Question) -> Iterator[None]:
    """Be in a transaction that ends with nothing changed, whatever has happened in it.

    Raises NoConnection where the server has ended it meanwhile, and ValueError where somebody is in
    a transaction of his own, which would end with ours.
    """
    if connection.info.transaction_status.name.startswith("IN"):
        raise ValueError("The connection is in the middle of a transaction: commit it first.")
    settings = ["SET TRANSACTION READ ONLY"] if question.read_only else []
    if question.timeout is not None:
        settings.append(f"SET LOCAL statement_timeout = {question.milliseconds}")
    if connection.autocommit:
        settings.insert(0, "BEGIN")
    try:
        with connecting():
            connection.execute("; ".join(settings))
        yield
    finally:
        # Of a connection that is broken there is nothing to be said that is not known already.
        if not connection.broken:
            connection.rollback()
