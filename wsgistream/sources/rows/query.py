"""Query: a statement and where to ask it, as often as an answer is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from operator import itemgetter
from typing import Any

from wsgistream.rules.rows.kinds import meant, readers_of
from wsgistream.sources.rows import arrow, copying, postgresql
from wsgistream.sources.rows.asking import BATCH, Form, Question, Table
from wsgistream.sources.rows.connections import ask, connections_of, driver_of, kind_of
from wsgistream.sources.rows.copying import can_copy
from wsgistream.sources.rows.keyset import batches, check_key
from wsgistream.wsgi.chunks import check_size


class Query:
    """What ``connect`` is asked, anew for each answer, by a connection that each has for itself.

    ``connect``: the URL of a database, an engine of SQLAlchemy, a pool of psycopg, a function that
    connects, or a connection, which is lent. ``statement``: SQL with ``:name`` for each of
    ``parameters``, or a ``Select`` for an engine.

    ``limit``: rows at most; ``columns``: those to give, in this order; ``batch``: rows that are
    fetched at once. ``timeout``: seconds that the database may work for the first rows, and for any
    further ones. ``read_only``: have the database refuse to change anything, where it can.
    ``key``: a column of unique values in whose order the rows then come, ``batch`` at a time, while
    between two batches no connection is held; ``after``: the value behind which to begin.

    ``lane``: "copy" has PostgreSQL write CSV, TSV and lines of JSON itself, in its own words;
    "cursor" never; by default it does where that is quicker and every byte the same. ``estimate``:
    ask the planner of PostgreSQL how many rows there may be. ``pausable``: see
    ``wsgistream.Pausable``; by default any thread may go on, but for a connection of sqlite3 that
    was not made for a URL. ``kinds``: of columns by name, what their numbers or their text mean,
    where a database has no types for it, as SQLite: text, int, float, decimal, "decimal(2)" with so
    many places, bool, date, datetime, uuid or json; a value that is none then fails.

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
        lane: str | None = None,
        key: str | None = None,
        after: Any = None,
        estimate: bool = False,
        pausable: bool | None = None,
        kinds: Mapping[str, str] | None = None,
    ) -> None:
        self.connections = connections_of(connect)
        self.question = Question(
            statement,
            dict(parameters or {}),
            _check_timeout(timeout),
            read_only,
            check_size("batch", batch),
            None if columns is None else tuple(columns),
            None if limit is None else check_size("limit", limit),
        )
        self.lane = _check_lane(lane)
        self.key = check_key(key, statement)
        self.after = after
        self.estimate = estimate
        self.pausable = pausable
        self.readers = readers_of(kinds or {})

    @contextmanager
    def open(self, form: Form) -> Iterator[Table]:
        """Ask; the query ends with the context, however far its rows were read.

        Raises NoConnection, NoSuchColumn, and what the driver does.
        """
        if self.key is not None:
            with batches(self._ask, self.question, self.key, self.after) as table:
                yield self._meant(_cut(table, self.question))
            return
        with self.connections.one() as connection:
            pausable = self._pausable(connection)
            below = driver_of(connection, self.question)
            estimate = self._estimate(below)
            with self._asked(below, form) as table:
                yield table._replace(pausable=pausable, estimate=estimate)

    def leave(self) -> None:
        """Nothing was asked."""

    @contextmanager
    def _ask(self, question: Question) -> Iterator[Table]:
        with (
            self.connections.one() as connection,
            ask(driver_of(connection, question), question) as table,
        ):
            yield table

    @contextmanager
    def _asked(self, connection: Any, form: Form) -> Iterator[Table]:
        copy = self._copy(connection, form)
        if copy is not None:
            with copying.ask(connection, self.question, form, copy) as table:
                yield table
        else:
            with ask(connection, self.question) as table:
                yield self._meant(_cut(table, self.question))

    def _meant(self, table: Table) -> Table:
        """Give the values that are meant, where the database has no type for them."""
        if table.typed or self.readers.keys().isdisjoint(table.columns):
            return table
        rows = meant(table.columns, table.values(), self.readers)
        return table._replace(rows=rows, batches=None)

    def _copy(self, connection: Any, form: Form) -> copying.Copy | None:
        """Have PostgreSQL write the rows itself, if nobody would see that it did."""
        if kind_of(connection) != "psycopg" or self.lane == "cursor" or not can_copy(form):
            return None
        if self.lane == "copy":
            return copying.copy_of(connection, self.question, form, exact=False)
        # A COPY is one step, which takes as long as its client does.
        if self.question.timeout is not None or not copying.is_quicker(form):
            return None
        return copying.copy_of(connection, self.question, form, exact=True)

    def _estimate(self, connection: Any) -> int | None:
        if not self.estimate or kind_of(connection) != "psycopg":
            return None
        rows = postgresql.estimate(connection, self.question)
        return rows if self.question.limit is None else min(rows, self.question.limit)

    def _pausable(self, connection: object) -> bool:
        if self.pausable is not None:
            return self.pausable
        return self.connections.is_free or kind_of(connection) != "sqlite3"


def _cut(table: Table, question: Question) -> Table:
    """Take some columns and so many rows."""
    if table.batches is not None:
        return arrow.cut(table, table.batches, question)
    rows = table.rows if question.limit is None else islice(table.rows, question.limit)
    if question.columns is None:
        return table._replace(rows=rows)
    first, *others = question.places(table.columns)
    get = itemgetter(first, *others) if others else itemgetter(slice(first, first + 1))
    return table._replace(columns=question.columns, rows=map(get, rows))


def _check_lane(lane: str | None) -> str | None:
    if lane not in (None, "copy", "cursor"):
        raise ValueError(f"A lane is 'copy' or 'cursor', not {lane!r}.")
    return lane


def _check_timeout(timeout: float | None) -> float | None:
    if timeout is not None and not timeout > 0:
        raise ValueError(f"A timeout is above 0 seconds, not {timeout!r}.")
    return timeout
