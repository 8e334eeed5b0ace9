"""Columnar: record batches as delimited text, by what Arrow has for columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from wsgistream.rules.rows.batches import values_of
from wsgistream.rules.rows.sink import Sink


class ArrowWords:
    """Writes record batches as Arrow itself does: sooner, in a form that is not quite ours.

    Text always has quotes, a float without a fraction has no point, and NaN is a word.
    """

    def __init__(self, mark: str, newline: str, schema: Any) -> None:
        library = import_module("pyarrow.csv")
        options = library.WriteOptions(include_header=False, delimiter=mark, eol=newline)
        self._sink = Sink()
        self._writer = library.CSVWriter(self._sink, schema, write_options=options)

    @staticmethod
    def has(schema: Any) -> bool:
        """Tell whether it has words for all columns: for bytes and lists there are none.

        Nor are there for a row of nothing but None: most readers take no empty line for one.
        """
        library = import_module("pyarrow")
        if not hasattr(import_module("pyarrow.csv").WriteOptions, "eol"):
            return False  # an older one, all of whose lines end in LF
        types = library.types
        return len(schema) > 1 and all(
            types.is_primitive(kind) or types.is_string(kind) for kind in schema.types
        )

    def write(self, batch: Any, column: object) -> bytes:
        """Write a batch; raises ValueError for text that is no UTF-8."""
        batch.validate(full=True)
        self._writer.write_batch(batch)
        return self._sink.take()


class BatchText:
    """Writes record batches as ``DelimitedEncoder`` writes rows, mostly without Python values."""

    def __init__(self, mark: str, quote: str, newline: str, none: str) -> None:
        self._library = import_module("pyarrow")
        self._compute = import_module("pyarrow.compute")
        self._mark, self._quote, self._newline, self._none = mark, quote, newline, none
        self._needs_quotes = f"[{re.escape(mark + quote)}\r\n]|^$"
        self._marks = [each.encode() for each in (mark, quote, "\r", "\n")]

    def write(self, batch: Any, column: Callable[[Sequence[Any]], Sequence[str]]) -> bytes:
        """Write a batch; what Arrow would write in another way is written by ``column``."""
        join = self._compute.binary_join_element_wise
        texts = [self._text(each, column) for each in batch.columns]
        lines = join(*texts, self._mark, null_handling="replace", null_replacement=self._none)
        whole: bytes = join(lines, "", self._newline).buffers()[2].to_pybytes()
        return whole

    def _text(self, column: Any, other: Callable[[Sequence[Any]], Sequence[str]]) -> Any:
        types, string = self._library.types, self._library.string()
        if types.is_string(column.type):
            return self._quoted(column)
        if types.is_integer(column.type) or types.is_boolean(column.type):
            return column.cast(string)
        return self._library.array(other(values_of(self._library, column)), string)

    def _quoted(self, column: Any) -> Any:
        column.validate(full=True)  # which fails for what is no UTF-8
        compute, quote = self._compute, self._quote
        data = _data(column)
        if not any(mark in data for mark in self._marks):
            shortest = compute.min(compute.binary_length(column)).as_py()
            if shortest != 0:
                return column
        needed = compute.match_substring_regex(column, self._needs_quotes)
        twice = column
        if quote.encode() in data:
            twice = compute.replace_substring(column, quote, quote + quote)
        quoted = compute.binary_join_element_wise(quote, twice, quote, "")
        return compute.if_else(needed, quoted, column)


def _data(column: Any) -> bytes:
    """Give the bytes of all texts in a column, to be looked at in one glance."""
    _, offsets, data = column.buffers()
    ends = memoryview(offsets).cast("i")
    start, stop = ends[column.offset], ends[column.offset + len(column)]
    return bytes(data[start:stop]) if stop > start else b""
