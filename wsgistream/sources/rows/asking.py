"""Asking: what is asked of a database, and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, NamedTuple

from wsgistream.rules.placeholders import bound
from wsgistream.rules.rows import RowOptions
from wsgistream.sources.rows.failures import NoConnection, NoSuchColumn

#: Rows that are fetched at once.
BATCH: Final = 1000


class Form(NamedTuple):
    """How rows are to be written."""

    format: str
    options: RowOptions


class Table(NamedTuple):
    """What a query has found: the names of the columns, and the rows as they come, in one form."""

    columns: Sequence[str]
    rows: Iterable[Sequence[Any]] = ()
    batches: Iterable[Any] | None = None
    """Record batches of Arrow."""
    lines: Iterable[tuple[bytes, int]] | None = None
    """Pieces that the database has written itself, and how many rows each has."""
    pausable: bool = True
    """Any thread may go on reading; see ``wsgistream.Pausable``."""
    estimate: int | None = None
    """How many rows there may be; None: nobody was asked, or can tell."""

    typed: bool = False
    """The database has a type of its own for each value."""

    def values(self) -> Iterable[Sequence[Any]]:
        """Give the rows as values of Python, where they were not written already."""
        if self.batches is None:
            return self.rows
        columns = ([column.to_pylist() for column in batch.columns] for batch in self.batches)
        return chain.from_iterable(zip(*each, strict=True) for each in columns)


@dataclass(frozen=True)
class Question:
    """A statement and what is asked with it."""

    statement: Any
    """SQL with ``:name`` for parameters, or what SQLAlchemy makes."""
    parameters: Mapping[str, Any]
    timeout: float | None
    """Seconds that the database may work at one step."""
    read_only: bool
    batch: int
    """Rows that are fetched at once."""
    columns: Sequence[str] | None = None
    """Those to give, in this order; None: all."""
    limit: int | None = None
    """Rows to give at most."""

    def bound(self, style: str, around: str | None = None) -> tuple[str, Any]:
        """Write it, or what stands around it, for a driver; see ``rules.placeholders.bound``."""
        return bound(around or self.statement, self.parameters, style)

    @property
    def within(self) -> str:
        """The statement as it stands within another; it may end with a comment."""
        return f"({self.statement.rstrip().rstrip(';')}\n)"

    def places(self, columns: Sequence[str]) -> Sequence[int]:
        """Find the columns to give among those there are; raises NoSuchColumn."""
        if self.columns is None:
            return range(len(columns))
        for name in self.columns:
            if name not in columns:
                raise NoSuchColumn(name)
        return [columns.index(name) for name in self.columns]

    @property
    def milliseconds(self) -> int:
        """The timeout, as databases want it: at least one, for 0 is none."""
        return max(1, round(1000 * (self.timeout or 0)))


# What a driver or a pool raises where it has no connection: PEP 249 has but the name in common.
_NO_CONNECTION: Final = frozenset({"OperationalError", "PoolTimeout", "TimeoutError"})


@contextmanager
def connecting() -> Iterator[None]:
    """Raise NoConnection for whatever says that there is no connection now."""
    try:
        yield
    except Exception as error:
        if _NO_CONNECTION.isdisjoint(kind.__name__ for kind in type(error).__mro__):
            raise
        raise NoConnection("There is no connection to the database now.") from error


def fetched(cursor: Any, question: Question, begin: Callable[[], object] = int) -> Table:
    """Give the rows of a cursor in batches; ``begin`` is called before each of them is fetched.

    Raises ValueError for a statement that gives no rows.
    """
    if cursor.description is None:
        raise ValueError("The statement gives no rows.")

    def batches() -> Iterator[Sequence[Sequence[Any]]]:
        # The first rows are not held back for others, which may come slowly.
        count = 1
        begin()
        while batch := cursor.fetchmany(count):
            yield batch
            count = min(4 * count, question.batch)
            begin()

    columns = [column[0] for column in cursor.description]
    return Table(columns, chain.from_iterable(batches()))
