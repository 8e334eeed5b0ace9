"""Texts: JSON written by the standard library, byte for byte as msgspec writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from decimal import Decimal
from json import encoder
from typing import Any, Final

from wsgistream.rules.rows.formats import REFUSALS, Unencodable
from wsgistream.rules.rows.quick import quick_values
from wsgistream.rules.rows.values import BARE, QUOTED, plain

#: Writes text as JSON.
json_string: Final = encoder.encode_basestring


def by_kind(
    makers: dict[type, Callable[[Any], str]], other: Callable[[Any], str], values: Sequence[Any]
) -> list[str]:
    """Write each value of a column by what makes those of its type."""
    kinds = set(map(type, values))
    if len(kinds) == 1:
        return list(map(makers.get(kinds.pop(), other), values))
    return [makers.get(type(value), other)(value) for value in values]


class JSONText:
    """Writes any value as JSON."""

    def __init__(self, decimals: str, default: Callable[[Any], Any] | None) -> None:
        self._default = default
        self._makers: dict[type, Callable[[Any], str]] = {
            **{kind: _quoted(make) for kind, make in QUOTED.items()},
            **BARE,
            **dict.fromkeys((list, tuple, set, frozenset), self._array),
            dict: self._object,
            str: json_string,
            type(None): {None: "null"}.__getitem__,
        }
        if decimals == "number":
            self._makers[Decimal] = _decimal_number

    def __call__(self, value: Any) -> str:
        make = self._makers.get(type(value))
        return make(value) if make is not None else self(plain(value, self._default))

    def column(self, values: Sequence[Any]) -> list[str]:
        """Write each of these values."""
        return by_kind(self._makers, self, values)

    def _array(self, values: Iterable[Any]) -> str:
        return f"[{','.join([self(value) for value in values])}]"

    def _object(self, value: dict[Any, Any]) -> str:
        return f"{{{','.join([f'{self._key(key)}:{self(each)}' for key, each in value.items()])}}}"

    def _key(self, key: Any) -> str:
        if type(key) is str:
            return json_string(key)
        text = self(key)
        if text.startswith('"'):
            return text
        if type(key) is not int:
            raise Unencodable(f"A key in an object is text, not {key!r}.")
        return f'"{text}"'


def _quoted(make: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: f'"{make(value)}"'


def _decimal_number(value: Decimal) -> str:
    return str(value) if value.is_finite() else "null"


def nested_maker(default: Callable[[Any], Any] | None) -> Callable[[Sequence[Any]], list[str]]:
    """Make what writes a column of objects and arrays, for a format that has only text for them."""
    quick, slow = quick_values(default), JSONText("text", default)

    def make(values: Sequence[Any]) -> list[str]:
        if quick is not None:
            with suppress(*REFUSALS):
                return quick(values)
        return slow.column(values)

    return make


class PlainText:
    """Writes any value but None as text: as JSON has it, without the quotes."""

    def __init__(self, default: Callable[[Any], Any] | None) -> None:
        self._default = default
        nested = nested_maker(default)
        self._makers: dict[type, Callable[[Any], str | None]] = {
            **BARE,
            **QUOTED,
            **dict.fromkeys((dict, list, tuple, set, frozenset), lambda value: nested((value,))[0]),
            str: _itself,
            type(None): {None: None}.__getitem__,
        }

    def __call__(self, value: Any) -> str | None:
        make = self._makers.get(type(value))
        return make(value) if make is not None else self(plain(value, self._default))


def _itself(text: str) -> str:
    return text
