"""Kinds: values of the types that columns are said to have, where a database has none for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Context, Decimal
from functools import partial
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID

from wsgistream.rules.parameters import read_moment
from wsgistream.rules.rows.quick import json_reader

#: Gives of what a database has stored the value that is meant.
Read: TypeAlias = Callable[[Any], Any]

# More digits than any number that is stored.
_EXACT: Final = Context(prec=100_000)
_DECIMAL: Final = re.compile(r"decimal\((\d{1,4})\)", re.ASCII)
_SWITCH: Final = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


class _Kind(NamedTuple):
    """A type, and how it is read from another."""

    types: tuple[type, ...]
    read: Read


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _whole(value: Any) -> int:
    return int(str(value))  # which takes nothing off a float


def _switch(value: Any) -> bool:
    return _SWITCH[str(value).lower()]


def _decimal(value: Any, places: int | None = None) -> Decimal:
    number = Decimal(str(value))
    if places is None or not number.is_finite():
        return number
    return number.quantize(Decimal(1).scaleb(-places), context=_EXACT)


def _uuid(value: Any) -> UUID:
    return UUID(bytes=value) if isinstance(value, bytes) else UUID(str(value))


def _json(value: Any) -> Any:
    return json_reader()(value)


_KINDS: Final[Mapping[str, _Kind]] = {
    "text": _Kind((str,), _text),
    "int": _Kind((int,), _whole),
    "float": _Kind((float,), float),
    "decimal": _Kind((Decimal,), _decimal),
    "bool": _Kind((bool,), _switch),
    "date": _Kind((date,), date.fromisoformat),
    "datetime": _Kind((datetime,), read_moment),
    "uuid": _Kind((UUID,), _uuid),
    "json": _Kind((dict, list, int, float), _json),
}


def readers_of(kinds: Mapping[str, str]) -> dict[str, Read]:
    """Make what reads columns, by their names; raises ValueError for a kind that there is not."""
    return {name: _reader(name, kind) for name, kind in kinds.items()}


def _reader(name: str, kind: str) -> Read:
    if places := _DECIMAL.fullmatch(kind):
        types: tuple[type, ...] = ()
        read: Read = partial(_decimal, places=int(places[1]))
    elif kind in _KINDS:
        types, read = _KINDS[kind]
    else:
        raise ValueError(f"A kind is one of {', '.join(_KINDS)} or decimal(2), not {kind!r}.")

    def checked(value: Any) -> Any:
        if value is None or isinstance(value, types):
            return value
        try:
            return read(value)
        except (ValueError, TypeError, ArithmeticError, KeyError):
            raise ValueError(f"The column {name!r} has {value!r}, which is no {kind}.") from None

    return checked


def meant(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], readers: Mapping[str, Read]
) -> Iterator[Sequence[Any]]:
    """Give rows with the values that are meant; no more of them are read than are taken."""
    places = [(columns.index(name), read) for name, read in readers.items() if name in columns]

    def each(row: Sequence[Any]) -> Sequence[Any]:
        values = list(row)
        for place, read in places:
            values[place] = read(values[place])
        return values

    return map(each, rows)
