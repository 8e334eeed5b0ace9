"""Quick: JSON written by msgspec, where it is installed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from importlib import import_module
from itertools import starmap
from typing import Any, Final, TypeAlias

from wsgistream.rules.rows.values import plain

#: Writes each row as an object of its own, on a line of its own.
WriteLines: TypeAlias = Callable[[Iterable[Sequence[Any]]], bytes]
#: Writes each of a column's values as text.
WriteColumn: TypeAlias = Callable[[Sequence[Any]], list[str]]

# What a Decimal can be that no number in JSON is, and any text that has it.
_NO_NUMBERS: Final = (b"NaN", b"Infinity")


class Doubtful(ValueError):
    """What was written may not be JSON."""


def quick_values(default: Callable[[Any], Any] | None) -> WriteColumn | None:
    """Make what writes a column as JSON; None: msgspec is not installed."""
    if (library := _library()) is None:
        return None
    encode = _encoder(library, "text", default).encode_lines

    def write(values: Sequence[Any]) -> list[str]:
        lines: bytes = encode(list(values))
        return lines.decode().split("\n")[:-1]

    return write


def quick_lines(
    columns: tuple[str, ...], decimals: str, default: Callable[[Any], Any] | None
) -> WriteLines | None:
    """Make what writes rows; None: msgspec is not installed.

    It raises what msgspec does, and Doubtful, where the rows are to be written in another way.
    """
    if (library := _library()) is None:
        return None
    encode = _encoder(library, decimals, default).encode_lines
    make = _row_maker(library, columns)

    def write(rows: Iterable[Sequence[Any]]) -> bytes:
        lines: bytes = encode(list(starmap(make, rows)))
        if decimals == "number" and any(word in lines for word in _NO_NUMBERS):
            raise Doubtful
        return lines

    return write


def quick_column() -> WriteColumn | None:
    """Make what writes a column as text, with nothing for null; None: msgspec is not installed.

    It is for such values as have neither commas nor quotes in them.
    """
    if (library := _library()) is None:
        return None
    encode = _encoder(library, "text", None).encode

    def write(values: Sequence[Any]) -> list[str]:
        array: bytes = encode(values)
        if b"null" in array:
            # As long as text has its quotes, only a null can begin without.
            array = array.replace(b"[null", b"[").replace(b",null", b",")
        return array.replace(b'"', b"")[1:-1].decode().split(",")

    return write


@lru_cache
def json_reader() -> Callable[[Any], Any]:
    """Make what reads JSON, of text or bytes; it raises ValueError."""
    library = _library()
    decode = json.loads if library is None else library.json.decode

    def read(data: Any) -> Any:
        try:
            return decode(data)
        except Exception:
            # Such as a number that no float can hold.
            return json.loads(data if isinstance(data, str) else bytes(data))

    return read


def _library() -> Any:
    try:
        return import_module("msgspec")
    except ImportError:
        return None


def _encoder(library: Any, decimals: str, default: Callable[[Any], Any] | None) -> Any:
    form = "string" if decimals == "text" else decimals
    return library.json.Encoder(enc_hook=partial(plain, default=default), decimal_format=form)


@lru_cache(maxsize=128)
def _row_maker(library: Any, columns: tuple[str, ...]) -> Callable[..., Any]:
    """Make a class of rows: it is made and written four times as fast as a dict."""
    names = {f"f{number}": column for number, column in enumerate(columns)}
    try:
        made: Callable[..., Any] = library.defstruct("Row", list(names), rename=names, gc=False)
    except ValueError:  # a name that would have to be escaped, which a class cannot have
        return lambda *values: dict(zip(columns, values, strict=True))
    return made
