"""Formats: what rows can be written as, the options there are, and what an encoder does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol


class Format(NamedTuple):
    """A way to write rows."""

    name: str
    """As an option and ``?format=`` have it."""
    content_type: str
    """With its parameters."""
    suffix: str
    """Of a file in it, with the dot."""

    @property
    def media_type(self) -> str:
        """The content type without parameters, as Accept has it."""
        return self.content_type.partition(";")[0]


#: Every format by its name. Of those that a client likes equally, the earlier is given.
FORMATS: Final = {
    each.name: each
    for each in (
        Format("ndjson", "application/x-ndjson", ".ndjson"),
        Format("json", "application/json", ".json"),
        Format("csv", "text/csv; charset=utf-8", ".csv"),
        Format("tsv", "text/tab-separated-values; charset=utf-8", ".tsv"),
        Format("arrow", "application/vnd.apache.arrow.stream", ".arrows"),
        Format("parquet", "application/vnd.apache.parquet", ".parquet"),
    )
}


def check_format(name: str) -> Format:
    """Find a format by its name; raises ValueError."""
    if name not in FORMATS:
        raise ValueError(f"A format is one of {', '.join(FORMATS)}, not {name!r}.")
    return FORMATS[name]


class Unencodable(TypeError):
    """A row, or a value in it, cannot be written; the text says which, for the server's log."""


#: What is raised for a value that cannot be written; libraries have kinds of their own of these.
REFUSALS: Final = (TypeError, ValueError, ArithmeticError, RecursionError, NotImplementedError)


class RowEncoder(Protocol):
    """One stream of rows on its way into bytes: ``begin``, any number of ``feed``, ``finish``.

    Nothing is held back from one ``feed`` to the next, but for a row group of Parquet.
    """

    content_type: str
    rows: int
    """How many have been written so far."""

    def begin(self) -> bytes:
        """Give what comes before the rows: a header line, a bracket; it may be empty."""

    def feed(self, rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
        """Write rows, whose values are in the order of the columns, in pieces of about ``size``.

        Only as many rows are read as make the next piece. Raises Unencodable for what has no form
        in the format, and whatever ``rows`` raises.
        """

    def feed_batches(self, batches: Iterable[Any]) -> Iterator[bytes]:
        """Write each ``pyarrow.RecordBatch``, whole where the format can take it."""

    def finish(self) -> bytes:
        """Give what comes after the last row; it may be empty.

        It is for the true end alone: a failure leaves the answer without it, and so to be seen.
        """


# What a field without quotes can hold that is no text: numbers, times, base64.
_IN_FIELDS: Final = frozenset("+-.:/=_\"'\r\n\0")


@dataclass(frozen=True, kw_only=True)
class RowOptions:
    """How rows are written; what does not concern a format does not change it.

    Raises ValueError or TypeError for an option that cannot be.
    """

    size: int = 128 * 1024
    """Bytes of a piece, about; 1: each row by itself, for rows that come slowly."""
    complete: bool = False
    """ndjson: a last record ``{"complete":true,"rows":N}``; json: as further keys beside "rows"."""
    decimals: str = "text"
    """ndjson, json: a Decimal is ``"text"``, exact for any reader, or a ``"number"``."""
    default: Callable[[Any], Any] | None = None
    """Gives for a value without a form of its own one that has; None: it cannot be written."""
    wrapped: bool = False
    """json: ``{"rows": [...]}`` and not the bare array."""
    header: bool = True
    """csv, tsv: the first line has the names of the columns."""
    delimiter: str = ","
    """csv: between two fields."""
    quote: str = '"'
    """csv, tsv: around a field that needs it, and twice within it."""
    newline: str = "\r\n"
    """csv, tsv: after each line, CRLF or LF."""
    bom: bool = False
    """csv, tsv: begin with the mark by which Excel knows UTF-8."""
    guard: bool = False
    """csv, tsv: an apostrophe before text that a spreadsheet would take for a formula."""
    by_arrow: bool = False
    """csv, tsv, of record batches: written by Arrow, which is quicker, where it has words for them:
    all text has quotes, 1.0 is 1 and NaN is nan."""
    types: Mapping[str, Any] = field(default_factory=dict)
    """arrow, parquet: of columns by name, a ``pyarrow.DataType`` or its alias such as ``int64``."""

    def __post_init__(self) -> None:
        if type(self.size) is not int or self.size < 1:
            raise ValueError(f"The size of a piece is 1 byte or more, not {self.size!r}.")
        if self.decimals not in ("text", "number"):
            raise ValueError(f"Decimals are 'text' or 'number', not {self.decimals!r}.")
        if self.default is not None and not callable(self.default):
            raise TypeError(f"default is a function of a value, not {self.default!r}.")
        if self.quote not in ('"', "'"):
            raise ValueError(f"Quotes are \" or ', not {self.quote!r}.")
        if self.newline not in ("\r\n", "\n"):
            raise ValueError(f"A newline is CRLF or LF, not {self.newline!r}.")
        if not isinstance(self.types, Mapping):
            raise TypeError(f"types are by the names of columns, not {self.types!r}.")
        self._check_delimiter()

    def _check_delimiter(self) -> None:
        mark = self.delimiter
        if not isinstance(mark, str):
            raise TypeError(f"A delimiter is one character, not {mark!r}.")
        if len(mark) != 1 or not mark.isascii() or mark.isalnum() or mark in _IN_FIELDS:
            raise ValueError(f"A delimiter is one character such as , ; | or a tab, not {mark!r}.")


#: Rows as they are written where nothing else is said.
DEFAULTS: Final = RowOptions()
