"""DB-API: rows by the cursor of any driver (PEP 249)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from wsgistream.sources.rows import arrow
from wsgistream.sources.rows.asking import Question, Table, fetched


@contextmanager
def ask(connection: Any, question: Question) -> Iterator[Table]:
    """Ask any connection; its cursor gives record batches of Arrow if it has them.

    Whether it holds all rows at once is the driver's to say.
    """
    with closing(connection.cursor()) as cursor:
        style = arrow.prepare(connection, cursor) or _style(connection)
        cursor.execute(*question.bound(style))
        yield arrow.table_of(cursor) or fetched(cursor, question)


def _style(connection: Any) -> str:
    """Find how a driver has its parameters written: its package says so (PEP 249)."""
    name = type(connection).__module__
    while name:
        style = getattr(sys.modules.get(name), "paramstyle", None)
        if isinstance(style, str):
            return style
        name = name.rpartition(".")[0]
    return "qmark"
