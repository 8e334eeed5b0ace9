"""Given: rows that are there already, or come from somewhere that is no query of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from wsgistream.rules.rows import rows_of
from wsgistream.sources.anything import is_maker
from wsgistream.sources.rows import arrow
from wsgistream.sources.rows.asking import Form, Table
from wsgistream.sources.rows.connections import kind_of
from wsgistream.sources.rows.query import Query
from wsgistream.wsgi.bodies import close


class Rows(Protocol):
    """What can be answered with rows."""

    def open(self, form: Form) -> AbstractContextManager[Table]:
        """Open them for one answer, which lasts as long as the context."""

    def leave(self) -> None:
        """Let go of what will not be read."""


def rows_from(
    rows: Any,
    columns: Sequence[str] | None = None,
    convert: Callable[[Any], Any] | None = None,
) -> Rows:
    """Say how rows are opened for an answer: a query is asked, a function called, else it is read.

    What can be closed, or is an iterator, is read once; the second time raises RuntimeError. Raises
    TypeError for what has no rows.
    """
    if isinstance(rows, Query):
        return rows
    if is_maker(rows):
        return _Made(lambda: rows_from(rows(), columns, convert))
    if isinstance(rows, (str, bytes)) or not _has_rows(rows):
        raise TypeError(
            "Rows are a query, a cursor, an iterable of rows, a table of Arrow, or a function that "
            f"makes one of these, and not {type(rows).__name__}."
        )
    return _Given(rows, columns, convert)


def _has_rows(rows: Any) -> bool:
    return any(hasattr(rows, name) for name in ("__iter__", "__arrow_c_stream__", "fetchmany"))


class _Made:
    """Rows that are made for each answer."""

    def __init__(self, make: Callable[[], Rows]) -> None:
        self._make = make

    def open(self, form: Form) -> AbstractContextManager[Table]:
        return self._make().open(form)

    def leave(self) -> None:
        """Nothing was made."""


class _Given:
    """Rows that are there."""

    def __init__(
        self, rows: Any, columns: Sequence[str] | None, convert: Callable[[Any], Any] | None
    ) -> None:
        self._rows = rows
        self._columns = columns
        self._convert = convert
        self._is_once = hasattr(rows, "__next__") or hasattr(rows, "close")

    @contextmanager
    def open(self, form: Form) -> Iterator[Table]:
        rows = self._taken()
        try:
            yield self._table(rows)
        finally:
            close(rows)

    def leave(self) -> None:
        close(self._taken())

    def _taken(self) -> Any:
        if self._rows is None:
            raise RuntimeError(
                "These rows have been sent, and can be read only once: "
                "give a query, or a function that makes them for each request."
            )
        rows = self._rows
        if self._is_once:
            self._rows = None
        return rows

    def _table(self, rows: Any) -> Table:
        names = self._columns
        if names is None and self._convert is None:
            if (table := arrow.table_of(rows)) is not None:
                return table
            names = _columns_of(rows)
        # A cursor of sqlite3 belongs to the thread that has made it.
        return Table(*rows_of(rows, names, self._convert), pausable=kind_of(rows) != "sqlite3")


def _columns_of(rows: Any) -> Sequence[str] | None:
    """Name the columns that a cursor, or a result of SQLAlchemy, has; None: it is neither."""
    if hasattr(rows, "description") and hasattr(rows, "fetchmany"):
        return [column[0] for column in rows.description]
    return list(map(str, rows.keys())) if hasattr(rows, "partitions") else None
