"""Pieces: rows taken so many at a time as make a piece, and written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from wsgistream.rules.rows.formats import REFUSALS, Format, RowOptions, Unencodable

#: Rows of a piece: more of them are no quicker, and may be much larger than those before.
MOST: Final = 1024


class PieceEncoder(ABC):
    """What every encoder does; each writes rows, and columns of equal length, in its own way."""

    def __init__(self, kind: Format, columns: Sequence[str], options: RowOptions) -> None:
        self.content_type = kind.content_type
        self.rows = 0
        self._name = kind.name
        self._columns = tuple(columns)
        self._size = options.size
        self._count = 1  # rows of the next piece

    def begin(self) -> bytes:
        """Give what comes before the rows."""
        return b""

    def finish(self) -> bytes:
        """Give what comes after the last row."""
        return b""

    def feed(self, rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
        """Write rows, in pieces; only as many are read as make the next one."""
        ahead = iter(rows)
        while some := list(islice(ahead, self._count)):
            try:
                piece = self._write_rows(some)
            except REFUSALS as error:
                raise self._refused(error) from error
            yield from self._given(piece, len(some))

    def feed_batches(self, batches: Iterable[Any]) -> Iterator[bytes]:
        """Write each record batch, in pieces."""
        for batch in batches:
            start = 0
            while start < batch.num_rows:
                some = batch.slice(start, self._count)
                start += some.num_rows
                try:
                    piece = self._write_batch(some)
                except REFUSALS as error:
                    raise self._refused(error) from error
                yield from self._given(piece, some.num_rows)

    def _given(self, piece: bytes, count: int) -> Iterator[bytes]:
        """Count what is given, and learn from it how many rows make a piece."""
        self.rows += count
        fitting = self._size * count // max(len(piece), 1)
        self._count = max(1, min(fitting, 2 * self._count, MOST))
        if piece:
            yield piece

    def _refused(self, error: Exception) -> Unencodable:
        return Unencodable(f"A row after the first {self.rows} cannot be {self._name}: {error}")

    def _write_rows(self, rows: list[Sequence[Any]]) -> bytes:
        return self._write_columns(turned(rows, len(self._columns)))

    def _write_batch(self, batch: Any) -> bytes:
        return self._write_columns([column.to_pylist() for column in batch.columns])

    @abstractmethod
    def _write_columns(self, columns: Sequence[Sequence[Any]]) -> bytes: ...


def turned(rows: list[Sequence[Any]], width: int) -> list[Sequence[Any]]:
    """Make columns of rows; raises ValueError for a row that is shorter or longer."""
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    if len(columns) != width:
        raise ValueError(f"there are {len(columns)} values in it for {width} columns.")
    return columns
