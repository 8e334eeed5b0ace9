"""Failures: what there is instead of rows; the texts are for a log, never for a client."""

from __future__ import annotations


class NoConnection(Exception):
    """There is no connection now: the pool is exhausted, or the database is not there."""


class NoSuchColumn(ValueError):
    """A column is asked for that the answer does not have."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no column {name!r}.")
