"""Pieces: rows taken so many at a time as make a piece, and written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from wsgistream.rules.rows.batches import columns_of_batch
from wsgistream.rules.rows.formats import REFUSALS, Format, RowOptions, Unencodable


class PieceEncoder(ABC):
    """What every encoder does; each writes rows, and columns of equal length, in its own way."""

    #: Rows taken at a time: more are hardly quicker, and may be much larger than those before.
    _most = 256

    def __init__(self, kind: Format, columns: Sequence[str], options: RowOptions) -> None:
        self.content_type = kind.content_type
        self.rows = 0
        self._name = kind.name
        self._columns = tuple(columns)
        self._size = options.size
        self._count = 1  # rows to take the next time
        self._enough = 1  # bytes of the next piece

    def begin(self) -> bytes:
        """Give what comes before the rows."""
        return b""

    def finish(self) -> bytes:
        """Give what comes after the last row."""
        return b""

    def feed(self, rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
        """Write rows, in pieces; only as many are read as make the next one."""
        ahead = iter(rows)
        return self._pieces(self._write_rows, iter(lambda: list(islice(ahead, self._count)), []))

    def feed_batches(self, batches: Iterable[Any]) -> Iterator[bytes]:
        """Write each record batch, in pieces."""
        return self._pieces(self._write_batch, self._slices(batches))

    def _slices(self, batches: Iterable[Any]) -> Iterator[Any]:
        for batch in batches:
            if batch.num_columns != len(self._columns):
                raise self._refused(f"its batch has {batch.num_columns} columns.")
            # What is in memory already may be taken in larger parts, and in equal ones.
            parts = batch.nbytes // (4 * self._size) + 1
            count = -(-batch.num_rows // parts) or 1
            for start in range(0, batch.num_rows, count):
                yield batch.slice(start, count)

    def _pieces(self, write: Callable[[Any], bytes], parts: Iterable[Any]) -> Iterator[bytes]:
        """Write a few rows at a time, and gather what is written into pieces."""
        gathered: list[bytes] = []
        held = 0
        for part in parts:
            try:
                written = write(part)
            except REFUSALS as error:
                raise self._refused(error) from error
            self._learn(len(part), len(written))
            gathered.append(written)
            held += len(written)
            # With as much again, it would be further from what is wanted.
            if held + len(written) // 2 >= self._enough:
                # The first rows are not held back; from there on pieces grow.
                self._enough = min(self._size, 4 * held)
                yield b"".join(gathered)
                gathered.clear()
                held = 0
        if held:
            yield b"".join(gathered)

    def _learn(self, count: int, length: int) -> None:
        """Learn from rows how many to take the next time."""
        self.rows += count
        fitting = self._size * count // max(length, 1)
        self._count = max(1, min(fitting, 2 * self._count, self._most))

    def _refused(self, error: object) -> Unencodable:
        return Unencodable(f"A row after the first {self.rows} cannot be {self._name}: {error}")

    def _write_rows(self, rows: list[Sequence[Any]]) -> bytes:
        return self._write_columns(turned(rows, len(self._columns)))

    def _write_batch(self, batch: Any) -> bytes:
        return self._write_columns(columns_of_batch(batch))

    @abstractmethod
    def _write_columns(self, columns: Sequence[Sequence[Any]]) -> bytes: ...


def turned(rows: list[Sequence[Any]], width: int) -> list[Sequence[Any]]:
    """Make columns of rows; raises ValueError for a row that is shorter or longer."""
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    if len(columns) != width:
        raise ValueError(f"there are {len(columns)} values in it for {width} columns.")
    return columns
