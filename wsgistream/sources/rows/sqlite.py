"""SQLite: rows of a file, by a connection that can only read."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from importlib import import_module
from typing import Any, Final
from urllib.parse import quote

from wsgistream.sources.rows.asking import Question, Table, fetched

# Steps of SQLite's machine between two looks at the clock: some hundred microseconds.
_STEPS: Final = 10_000

# Rows fetched at once: there is no server to be asked seldom, and so many stay in a core's cache.
_FEW: Final = 256


def connect(path: str) -> Any:
    """Open a file for reading; any thread may go on with the connection, one at a time.

    Raises sqlite3.OperationalError where it cannot be opened.
    """
    uri = f"file:{quote(os.path.abspath(path))}?mode=ro"
    # Not every Python has been built with it.
    return import_module("sqlite3").connect(uri, uri=True, check_same_thread=False)


@contextmanager
def ask(
    connection: Any, question: Question, clock: Callable[[], float] = time.monotonic
) -> Iterator[Table]:
    """Ask a connection of sqlite3; raises sqlite3.OperationalError, "interrupted", at a timeout."""
    deadline = _Deadline(question.timeout, clock)
    with closing(connection.cursor()) as cursor:
        cursor.row_factory = None
        (was_read_only,) = cursor.execute("PRAGMA query_only").fetchone()
        if question.read_only:
            cursor.execute("PRAGMA query_only = 1")
        if question.timeout is not None:
            connection.set_progress_handler(deadline.is_over, _STEPS)
        try:
            cursor.execute(*question.bound("named"))
            few = replace(question, batch=min(question.batch, _FEW))
            yield fetched(cursor, few, deadline.begin)
        finally:
            # It may be somebody's who has lent it.
            if question.timeout is not None:
                connection.set_progress_handler(None, _STEPS)
            cursor.execute(f"PRAGMA query_only = {was_read_only:d}")


class _Deadline:
    """The moment at which a step has taken too long."""

    def __init__(self, seconds: float | None, clock: Callable[[], float]) -> None:
        self._seconds = seconds or 0.0
        self._clock = clock
        self.begin()

    def begin(self) -> None:
        self._end = self._clock() + self._seconds

    def is_over(self) -> bool:
        return self._clock() > self._end
