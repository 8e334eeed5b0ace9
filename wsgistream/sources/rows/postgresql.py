"""PostgreSQL: rows by a cursor of the server, through psycopg 3."""

from __future__ import annotations

import json
from collections.abc import Iterator
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
        for kind in ("json", "jsonb"):
            cursor.adapters.register_loader(kind, _json_loader())
        cursor.execute(*question.bound("pyformat"))
        yield fetched(cursor, question)


@lru_cache
def _json_loader() -> Any:
    """Make what reads JSON; a third of the time goes there with psycopg's own."""
    try:
        decode = import_module("msgspec.json").decode
    except ImportError:
        decode = json.loads

    def load(_: object, data: Any) -> Any:
        try:
            return decode(data)
        except Exception:
            return json.loads(bytes(data))  # such as a number that no float can hold

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
