"""Quick: JSON written by msgspec, where it is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from importlib import import_module
from itertools import starmap
from typing import Any, Final, TypeAlias

from wsgistream.rules.rows.values import plain

#: Writes one value as JSON.
Write: TypeAlias = Callable[[Any], bytes]
#: Writes each row as an object of its own, on a line of its own.
WriteLines: TypeAlias = Callable[[Iterable[Sequence[Any]]], bytes]

# What a Decimal can be that no number in JSON is, and any text that has it.
_NO_NUMBERS: Final = (b"NaN", b"Infinity")


class Doubtful(ValueError):
    """What was written may not be JSON."""


def quick_value(decimals: str, default: Callable[[Any], Any] | None) -> Write | None:
    """Make what writes any value; None: msgspec is not installed."""
    library = _library()
    return None if library is None else _encoder(library, decimals, default).encode


def quick_lines(
    columns: tuple[str, ...], decimals: str, default: Callable[[Any], Any] | None
) -> WriteLines | None:
    """Make what writes rows; None: msgspec is not installed.

    It raises what msgspec does, and Doubtful, where the rows are to be written in another way.
    """
    library = _library()
    if library is None:
        return None
    encode = _encoder(library, decimals, default).encode_lines
    make = _row_maker(library, columns)

    def write(rows: Iterable[Sequence[Any]]) -> bytes:
        lines: bytes = encode(list(starmap(make, rows)))
        if decimals == "number" and any(word in lines for word in _NO_NUMBERS):
            raise Doubtful
        return lines

    return write


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
