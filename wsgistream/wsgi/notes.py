"""Notes: what only the maker of an answer knows of it, for the log of whoever sends it."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Final, TypeAlias

from wsgistream.types import Environ

#: Where in the environ somebody wants notes; copies of the environ share them.
NOTES: Final = "wsgistream.notes"

#: Counts, by name, that can be asked for as soon as the answer is over.
Notes: TypeAlias = MutableMapping[str, Callable[[], int]]


def note_rows(environ: Environ, count: Callable[[], int]) -> None:
    """Say how the rows of an answer are counted, if somebody wants to know."""
    if NOTES in environ:
        environ[NOTES]["rows"] = count


def rows_in(notes: Notes) -> int | None:
    """Count the rows of an answer; None: it has none."""
    return notes["rows"]() if "rows" in notes else None
