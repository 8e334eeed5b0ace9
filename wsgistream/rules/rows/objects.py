"""Objects: rows as JSON, one object a line, or all of them in one array."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from wsgistream.rules.rows.batches import columns_of_batch
from wsgistream.rules.rows.formats import REFUSALS, Format, RowOptions
from wsgistream.rules.rows.pieces import PieceEncoder
from wsgistream.rules.rows.quick import quick_lines
from wsgistream.rules.rows.texts import JSONText, json_string


class LinesEncoder(PieceEncoder):
    """NDJSON: each row is an object on a line of its own."""

    def __init__(self, kind: Format, columns: Sequence[str], options: RowOptions) -> None:
        super().__init__(kind, columns, options)
        self._complete = options.complete
        self._text = JSONText(options.decimals, options.default)
        # No name can be taken for a place in the template.
        names = [json_string(name).replace("%", "%%") for name in columns]
        self._template = f"{{{','.join([f'{name}:%s' for name in names])}}}\n"
        self._quick = quick_lines(self._columns, options.decimals, options.default)

    def finish(self) -> bytes:
        """Give the last record, if there is to be one."""
        return b'{"complete":true,"rows":%d}\n' % self.rows if self._complete else b""

    def _write_rows(self, rows: list[Sequence[Any]]) -> bytes:
        if self._quick is not None:
            with suppress(*REFUSALS):  # ours then says which row it is, or can write it
                return self._quick(rows)
        return super()._write_rows(rows)

    def _write_batch(self, batch: Any) -> bytes:
        return self._write_rows(list(zip(*columns_of_batch(batch), strict=True)))

    def _write_columns(self, columns: Sequence[Sequence[Any]]) -> bytes:
        texts = map(self._text.column, columns)
        return "".join(map(self._template.__mod__, zip(*texts, strict=True))).encode()


class ArrayEncoder(LinesEncoder):
    """JSON: the rows are the elements of an array, each on a line of its own."""

    def __init__(self, kind: Format, columns: Sequence[str], options: RowOptions) -> None:
        super().__init__(kind, columns, options)
        self._wrapped = options.wrapped

    def begin(self) -> bytes:
        """Open the array."""
        return b'{"rows":[' if self._wrapped else b"["

    def finish(self) -> bytes:
        """Close the array: whoever can read it has the whole."""
        if not self._wrapped:
            return b"\n]\n"
        last = b',"complete":true,"count":%d' % self.rows if self._complete else b""
        return b"\n]%b}\n" % last

    def _write_rows(self, rows: list[Sequence[Any]]) -> bytes:
        # Within a row every newline is escaped.
        lines = super()._write_rows(rows)[:-1].replace(b"\n", b",\n")
        return (b",\n" if self.rows else b"\n") + lines
