"""PostgreSQL: rows by a cursor of the server, through psycopg 3."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from typing import Any

from wsgistream.sources.rows.asking import Question, Table, connecting, fetched

# Its name is seen in pg_stat_activity; each is of a connection, so one name does.
_CURSOR = "wsgistream"


@contextmanager
def ask(connection: Any, question: Question) -> Iterator[Table]:
    """Ask a connection of psycopg: the rows stay with the server until they are fetched."""
    make = import_module("psycopg.rows").tuple_row
    with (
        transaction(connection, question),
        connection.cursor(_CURSOR, row_factory=make) as cursor,
    ):
        import_module("psycopg.types.json").set_json_loads(_loads, cursor)
        cursor.execute(*question.bound("pyformat"))
        yield fetched(cursor, question)


def _loads(text: bytes) -> Any:
    """Read JSON; a third of the time goes there without msgspec."""
    try:
        return _decoder()(text)
    except Exception:
        return json.loads(text)  # such as a number that no float can hold


@lru_cache
def _decoder() -> Callable[[bytes], Any]:
    try:
        decode: Callable[[bytes], Any] = import_module("msgspec.json").decode
    except ImportError:
        return json.loads
    return decode


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
