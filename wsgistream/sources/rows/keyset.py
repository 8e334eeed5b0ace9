"""Keyset: rows in the order of a key, by batches between which no connection is held."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import chain
from typing import Any, Final, TypeAlias

from wsgistream.sources.rows.asking import Question, Table
from wsgistream.sources.rows.failures import NoSuchColumn

#: Asks by a connection of its own, which is given back with the context.
Ask: TypeAlias = Callable[[Question], AbstractContextManager[Table]]

# A name that no database needs quoted, for each has its own quotes.
_KEY: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_AFTER: Final = "wsgistream_after"


def check_key(key: str | None, statement: object) -> str | None:
    """Check the name of a key; raises ValueError, and TypeError for what is no SQL as text."""
    if key is None:
        return None
    if not isinstance(statement, str):
        raise TypeError("Batches by a key are made of SQL as text.")
    if not _KEY.fullmatch(key):
        raise ValueError(f"A key is the plain name of a column, not {key!r}.")
    return key


@contextmanager
def batches(ask: Ask, question: Question, key: str, after: Any) -> Iterator[Table]:
    """Ask for one batch after the other, each of which is read as a whole.

    ``key``: a column in which no value stands twice, and none is missing; ``after``: the value
    behind which to begin. Raises NoSuchColumn.
    """
    table, rows = _batch(ask, question, key, after)
    if key not in table.columns:
        raise NoSuchColumn(key)
    place = table.columns.index(key)

    def more() -> Iterator[Sequence[Sequence[Any]]]:
        some = rows
        while some:
            yield some
            if len(some) < question.batch:
                return
            _, some = _batch(ask, question, key, some[-1][place])

    yield Table(table.columns, chain.from_iterable(more()), typed=table.typed)


def _batch(
    ask: Ask, question: Question, key: str, after: Any
) -> tuple[Table, Sequence[Sequence[Any]]]:
    """Ask for the rows behind a value of the key; None: from the first on."""
    where = "" if after is None else f" WHERE q.{key} > :{_AFTER}"
    order = f"ORDER BY q.{key} LIMIT {question.batch:d}"
    statement = f"SELECT * FROM {question.within} AS q{where} {order}"
    behind = {} if after is None else {_AFTER: after}
    with ask(
        replace(question, statement=statement, parameters={**question.parameters, **behind})
    ) as table:
        return table, list(table.values())
