"""Query: a statement and where to ask it, as often as an answer is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from operator import itemgetter
from typing import Any

from wsgistream.sources.rows import copying
from wsgistream.sources.rows.asking import BATCH, Form, Question, Table
from wsgistream.sources.rows.connections import ask, connections_of, kind_of
from wsgistream.sources.rows.copying import can_copy
from wsgistream.wsgi.chunks import check_size


class Query:
    """What ``connect`` is asked, anew for each answer, by a connection that each has for itself.

    ``connect``: the URL of a database, an engine of SQLAlchemy, a pool of psycopg, a function that
    connects, or a connection, which is lent. ``statement``: SQL with ``:name`` for each of
    ``parameters``, or a ``Select`` for an engine. ``limit``: rows at most; ``columns``: those to
    give, in this order. ``timeout``: seconds that the database may work for the first rows, and for
    any further ones. ``read_only``: have the database refuse to change anything, where it can.
    ``batch``: rows that are fetched at once. ``lane``: "copy"
    has PostgreSQL write CSV, TSV and lines of JSON itself, also types whose text would be another
    here; "cursor" never; by default it does where every byte is the same. ``pausable``: see
    ``wsgistream.Pausable``; by default any thread may go on, but for a connection of sqlite3 that
    was not made for a URL.

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
        pausable: bool | None = None,
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
        self.pausable = pausable

    @contextmanager
    def open(self, form: Form) -> Iterator[Table]:
        """Ask; the query ends with the context, however far its rows were read.

        Raises NoConnection, NoSuchColumn, and what the driver does.
        """
        with self.connections.one() as connection, self._asked(connection, form) as table:
            yield table._replace(pausable=self._pausable(connection))

    def leave(self) -> None:
        """Nothing was asked."""

    def _asked(self, connection: Any, form: Form) -> AbstractContextManager[Table]:
        copy = self._copy(connection, form)
        if copy is not None:
            return copying.ask(connection, self.question, form, copy)
        return _cut(connection, self.question)

    def _copy(self, connection: Any, form: Form) -> copying.Copy | None:
        """Have PostgreSQL write the rows itself, if nobody would see that it did."""
        if kind_of(connection) != "psycopg" or self.lane == "cursor" or not can_copy(form):
            return None
        by_name = self.lane == "copy"
        # A COPY is one step, which takes as long as its client does.
        if self.question.timeout is not None and not by_name:
            return None
        return copying.copy_of(connection, self.question, form, exact=not by_name)

    def _pausable(self, connection: object) -> bool:
        if self.pausable is not None:
            return self.pausable
        return self.connections.is_free or kind_of(connection) != "sqlite3"


@contextmanager
def _cut(connection: Any, question: Question) -> Iterator[Table]:
    """Ask for some columns and so many rows."""
    with ask(connection, question) as table:
        rows = table.rows if question.limit is None else islice(table.rows, question.limit)
        if question.columns is None:
            yield Table(table.columns, rows)
        else:
            places = question.places(table.columns)
            get = (
                itemgetter(*places)
                if len(places) > 1
                else itemgetter(slice(places[0], places[0] + 1))
            )
            yield Table(question.columns, map(get, rows))


def _check_lane(lane: str | None) -> str | None:
    if lane not in (None, "copy", "cursor"):
        raise ValueError(f"A lane is 'copy' or 'cursor', not {lane!r}.")
    return lane


def _check_timeout(timeout: float | None) -> float | None:
    if timeout is not None and not timeout > 0:
        raise ValueError(f"A timeout is above 0 seconds, not {timeout!r}.")
    return timeout
