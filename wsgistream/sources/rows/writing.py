"""Writing: rows on their way into bytes, with the connection that they come by."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace

from wsgistream.rules.rows import RowEncoder, row_encoder
from wsgistream.sources.rows.asking import Form, Table
from wsgistream.sources.rows.given import Rows


class Writing:
    """The bytes of one answer, read once; what the rows come by is let go when they end.

    However they end, it is let go once: with the last row, with what was raised, or by ``close``.
    """

    def __init__(self, rows: Rows, form: Form) -> None:
        self.pausable = True
        #: See ``Table``; known when it has begun.
        self.estimate: int | None = None
        self._rows = rows
        self._form = form
        self._encoder: RowEncoder | None = None
        self._pieces: Generator[bytes, None, None] = self._written()
        self._first: bytes | None = None

    @property
    def count(self) -> int:
        """How many rows have been written."""
        return 0 if self._encoder is None else self._encoder.rows

    def begin(self) -> None:
        """Ask, and write the first piece; raises what stands in the way of it."""
        self._first = next(self._pieces)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        first, self._first = self._first, None
        return next(self._pieces) if first is None else first

    def close(self) -> None:
        self._pieces.close()

    def _written(self) -> Generator[bytes, None, None]:
        with self._rows.open(self._form) as table:
            self.pausable, self.estimate = table.pausable, table.estimate
            self._encoder = encoder = _encoder(table, self._form)
            pieces = _pieces(table, encoder)
            # A failure to find the first row is one before the first byte.
            yield encoder.begin() + next(pieces, b"")
            yield from pieces
        # The last piece needs no connection.
        if end := encoder.finish():
            yield end


def _encoder(table: Table, form: Form) -> RowEncoder:
    if table.columns:
        return row_encoder(form.format, table.columns, form.options)
    # Nobody can tell which columns no rows have, so nothing is said of any.
    return row_encoder(form.format, ("",), replace(form.options, header=False))


def _pieces(table: Table, encoder: RowEncoder) -> Iterator[bytes]:
    if table.lines is not None:
        return _counted(table.lines, encoder)
    if table.batches is not None:
        return encoder.feed_batches(table.batches)
    return encoder.feed(table.rows)


def _counted(lines: Iterable[tuple[bytes, int]], encoder: RowEncoder) -> Iterator[bytes]:
    for piece, count in lines:
        encoder.rows += count
        yield piece
