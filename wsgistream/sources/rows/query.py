"""Query: a statement and where to ask it, as often as an answer is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from operator import itemgetter
from typing import Any

from wsgistream.sources.rows.asking import BATCH, Form, NoSuchColumn, Question, Table
from wsgistream.sources.rows.connections import ask, connections_of, kind_of
from wsgistream.wsgi.chunks import check_size


class Query:
    """What ``connect`` is asked, anew for each answer, by a connection that each has for itself.

    ``connect``: the URL of a database, an engine of SQLAlchemy, a pool of psycopg, a function that
    connects, or a connection, which is lent. ``statement``: SQL with ``:name`` for each of
    ``parameters``, or a ``Select`` for an engine. ``limit``: rows at most; ``columns``: those to
    give, in this order. ``timeout``: seconds that the database may work for the first rows, and for
    any further ones. ``read_only``: have the database refuse to change anything, where it can.
    ``batch``: rows that are fetched at once. ``pausable``: see ``wsgistream.Pausable``; by default
    any thread may go on, but for a connection of sqlite3 that was not made for a URL.

    Raises TypeError or ValueError for what cannot be asked.
    """

    def __init__(
        self,
        connect: Any,
        statement: Any,
        parameters: Mapping[str, Any] | None = None,
        *,
        limit: int | None = None,
        columns: Sequence[str] | None = None,
        timeout: float | None = None,
        read_only: bool = True,
        batch: int = BATCH,
        pausable: bool | None = None,
    ) -> None:
        self.connections = connections_of(connect)
        self.question = Question(
            statement, dict(parameters or {}), _check_timeout(timeout), read_only, batch
        )
        self.limit = None if limit is None else check_size("limit", limit)
        self.columns = None if columns is None else tuple(columns)
        self.pausable = pausable

    @contextmanager
    def open(self, form: Form) -> Iterator[Table]:
        """Ask; the query ends with the context, however far its rows were read.

        Raises Unavailable where there is no connection now, NoSuchColumn, and what the driver does.
        """
        with self.connections.one() as connection, ask(connection, self.question) as table:
            yield cut(table, self.columns, self.limit)._replace(pausable=self._pausable(connection))

    def _pausable(self, connection: object) -> bool:
        if self.pausable is not None:
            return self.pausable
        return self.connections.is_free or kind_of(connection) != "sqlite3"

    def leave(self) -> None:
        """Nothing was asked."""


def cut(table: Table, columns: Sequence[str] | None, limit: int | None) -> Table:
    """Take some columns and so many rows of a table.

    Raises NoSuchColumn for one that it does not have.
    """
    rows = table.rows if limit is None else islice(table.rows, limit)
    if columns is None:
        return table._replace(rows=rows)
    places = [_place(table.columns, name) for name in columns]
    if len(places) == 1:
        place = places[0]
        return table._replace(columns=columns, rows=((row[place],) for row in rows))
    return table._replace(columns=columns, rows=map(itemgetter(*places), rows))


def _place(columns: Sequence[str], name: str) -> int:
    try:
        return columns.index(name)
    except ValueError:
        raise NoSuchColumn(name) from None


def _check_timeout(timeout: float | None) -> float | None:
    if timeout is not None and not timeout > 0:
        raise ValueError(f"A timeout is above 0 seconds, not {timeout!r}.")
    return timeout
