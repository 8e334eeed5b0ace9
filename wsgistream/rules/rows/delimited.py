"""Delimited: rows as CSV (RFC 4180) and TSV."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from wsgistream.rules.rows.columnar import ArrowWords, BatchText
from wsgistream.rules.rows.formats import Format, RowOptions
from wsgistream.rules.rows.pieces import PieceEncoder
from wsgistream.rules.rows.quick import quick_column
from wsgistream.rules.rows.texts import by_kind, nested_maker
from wsgistream.rules.rows.values import BARE, QUOTED, bytes_text, float_text, plain

_BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
# What a spreadsheet takes for a formula (CWE-1236), in its wide forms too.
_FORMULA: Final = re.compile("[=+\\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20]")
_TEXT: Final = frozenset({str})
_TEXT_OR_NONE: Final = frozenset({str, type(None)})
_NESTED: Final = frozenset({dict, list, tuple, set, frozenset})
_NESTED_OR_NONE: Final = _NESTED | {type(None)}
_BYTES: Final = frozenset({bytes, bytearray, memoryview})
_WITHOUT_COMMAS: Final = frozenset({*BARE, *QUOTED, type(None)}) - _BYTES


class DelimitedEncoder(PieceEncoder):
    """CSV: None is an empty field; text has quotes where it needs them, and where it is empty."""

    def __init__(self, kind: Format, columns: Sequence[str], options: RowOptions) -> None:
        super().__init__(kind, columns, options)
        self._mark = "\t" if kind.name == "tsv" else options.delimiter
        self._quote = options.quote
        self._newline = options.newline
        self._guard = options.guard
        self._default = options.default
        # A line without anything on it would be no row to most readers.
        self._none = "" if len(self._columns) > 1 else 2 * self._quote
        self._by_arrow = options.by_arrow
        self._batches: BatchText | ArrowWords | None = None
        self._nested = nested_maker(options.default)
        self._quick = quick_column() if len(self._columns) > 1 else None
        self._makers: dict[type, Callable[[Any], str]] = {
            **BARE,
            **QUOTED,
            **dict.fromkeys(_BYTES, self._base64),
            **dict.fromkeys(_NESTED, self._json),
            float: self._float,
            str: self._text,
            type(None): {None: self._none}.__getitem__,
        }
        names = self._mark.join(map(self._text, self._columns)) + self._newline
        mark = _BOM if options.bom else ""
        self._begin = (mark + names if options.header else mark).encode()

    def begin(self) -> bytes:
        """Give the mark of UTF-8 and the line of names, as the options have it."""
        return self._begin

    def _write_columns(self, columns: Sequence[Sequence[Any]]) -> bytes:
        texts = map(self._column, columns)
        lines = self._newline.join(map(self._mark.join, zip(*texts, strict=True)))
        return (lines + self._newline).encode()

    def _write_batch(self, batch: Any) -> bytes:
        if self._guard:
            return super()._write_batch(batch)
        if self._batches is None:
            self._batches = self._text_of(batch.schema)
        return self._batches.write(batch, self._column)

    def _text_of(self, schema: Any) -> BatchText | ArrowWords:
        if self._by_arrow and self._quote == '"' and ArrowWords.has(schema):
            return ArrowWords(self._mark, self._newline, schema)
        return BatchText(self._mark, self._quote, self._newline, self._none)

    def _column(self, values: Sequence[Any]) -> Sequence[str]:
        """Write a column; most have values of one kind, for which there are short ways."""
        kinds = set(map(type, values))
        if kinds <= _TEXT_OR_NONE and not self._guard:
            return values if kinds == _TEXT and self._are_plain(values) else self._texts(values)
        if kinds <= _WITHOUT_COMMAS and self._quick is not None:
            return self._quick(values)
        if kinds <= _NESTED_OR_NONE:
            texts = self._nested(values)
            return self._texts([None if text == "null" else text for text in texts])
        if kinds == {float}:
            return self._floats(values)
        return by_kind(self._makers, self._other, values)

    def _texts(self, values: Sequence[Any]) -> Sequence[str]:
        # Written out in one place, without a call for each: most of the time goes here.
        mark, quote, none = self._mark, self._quote, self._none
        return [
            none
            if text is None
            else f"{quote}{text.replace(quote, quote + quote)}{quote}"
            if mark in text or quote in text or "\n" in text or "\r" in text or not text
            else text
            for text in values
        ]

    def _are_plain(self, texts: Sequence[str]) -> bool:
        """Tell, at a glance over all of them, that no text needs quotes."""
        lines = "\n".join(texts)
        return (
            self._mark not in lines
            and self._quote not in lines
            and "\r" not in lines
            and lines.count("\n") < len(texts)
            and "" not in texts
        )

    def _floats(self, values: Sequence[float]) -> Sequence[str]:
        texts = list(map(repr, values))
        joined = "".join(texts)
        # An exponent, nan or inf.
        return list(map(self._float, values)) if "e" in joined or "n" in joined else texts

    def _float(self, value: float) -> str:
        text = float_text(value)
        return self._none if text == "null" else text

    def _text(self, text: str) -> str:
        if self._guard and _FORMULA.match(text):
            text = f"'{text}"
        return self._texts((text,))[0]

    def _base64(self, value: bytes) -> str:
        return bytes_text(value) or 2 * self._quote

    def _json(self, value: Any) -> str:
        return self._texts(self._nested((value,)))[0]

    def _other(self, value: Any) -> str:
        value = plain(value, self._default)
        return self._makers.get(type(value), self._other)(value)
