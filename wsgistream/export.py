"""Export: what a query finds, as bytes for a file or another program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

from wsgistream.rules.rows import RowOptions
from wsgistream.sources.rows.asking import Form
from wsgistream.sources.rows.failures import NoConnection
from wsgistream.sources.rows.query import Query
from wsgistream.sources.rows.writing import Writing

# What drivers raise, and SQLAlchemy for them: PEP 249 has but the name in common.
_OF_DRIVERS: Final = frozenset({"DatabaseError", "InterfaceError", "SQLAlchemyError"})


class CannotAsk(ValueError):
    """A database does not answer; the text says why, in the words of its driver."""


def export(connect: Any, statement: str, name: str = "ndjson", **options: Any) -> Iterator[bytes]:
    """Give the rows of a query, written in the format of this name, in constant memory.

    ``connect`` and ``options``: as of ``Query``. Raises CannotAsk, and ValueError or MissingLibrary
    for what cannot be.
    """
    query = Query(connect, statement, **options)
    try:
        with closing(Writing(query, Form(name, RowOptions()))) as writing:
            yield from writing
    except NoConnection as error:
        raise CannotAsk(str(error.__cause__)) from error
    except Exception as error:
        if _OF_DRIVERS.isdisjoint(kind.__name__ for kind in type(error).__mro__):
            raise
        raise CannotAsk(str(error)) from error
