"""Kinds: what the text of a setting may be, by the annotation of its option."""

from __future__ import annotations

import math
import os
import pkgutil
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from inspect import isabstract
from types import NoneType, UnionType
from typing import Any, Final, Literal, NamedTuple, Union, get_args, get_origin

from wsgistream.values import read_size, read_switch

_WHOLE: Final = re.compile(r"-?\d{1,18}", re.ASCII)
_IMPORTED: Final = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


class CannotImport(Exception):
    """The text names an object, and there is none of that name."""


class Kind(NamedTuple):
    """What a text may be: ``read`` raises ValueError where it is none of that."""

    #: In a union, the lower is tried first.
    rank: int
    #: For a sentence: ``threads of serve is EXPECTED, not 'many'``.
    expected: str
    read: Callable[[str], Any]


def kind_of(annotation: Any) -> Kind:
    """Find what the text of an option with this annotation may be."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return _any_of([kind_of(argument) for argument in arguments])
    if origin is Literal:
        return _one_of(arguments)
    if isinstance(origin, type):
        return _kind_of_generic(origin, arguments)
    return _PLAIN.get(annotation, _OBJECT)


def _kind_of_generic(origin: type, arguments: tuple[Any, ...]) -> Kind:
    if issubclass(origin, os.PathLike):
        return _TEXT
    if issubclass(origin, Mapping):
        return _mapping_of(kind_of(arguments[1]))
    return _several_of(arguments[0], origin) if issubclass(origin, Iterable) else _OBJECT


def _nothing(text: str) -> None:
    if text:
        raise ValueError


def _whole_number(text: str) -> int:
    return int(text) if _WHOLE.fullmatch(text) else read_size(text)


def _number(text: str) -> float:
    with suppress(ValueError):
        number = float(text)
        if math.isfinite(number):
            return number
    return read_size(text)


def _object(text: str) -> Any:
    if not _IMPORTED.fullmatch(text):
        raise ValueError
    try:
        return pkgutil.resolve_name(text)
    except (AttributeError, ImportError) as error:
        raise CannotImport(error) from error


_OR_A_SIZE: Final = "or a size such as 512K or 2M"
_OBJECT: Final = Kind(4, "package.module:name", _object)
_TEXT: Final = Kind(9, "a text", str)

_PLAIN: Final[Mapping[Any, Kind]] = {
    NoneType: Kind(0, "", _nothing),
    bool: Kind(1, "1 or 0", read_switch),
    int: Kind(2, f"a whole number, {_OR_A_SIZE}", _whole_number),
    float: Kind(3, f"a number, {_OR_A_SIZE}", _number),
    str: _TEXT,
    bytes: Kind(8, "a text", str.encode),
}


def _one_of(words: Iterable[Any]) -> Kind:
    known = {str(word): word for word in words}

    def read(text: str) -> Any:
        if text not in known:
            raise ValueError
        return known[text]

    return Kind(5, " or ".join(known), read)


def _any_of(kinds: Iterable[Kind]) -> Kind:
    ordered = sorted(kinds, key=lambda kind: kind.rank)

    def read(text: str) -> Any:
        for kind in ordered:
            try:
                return kind.read(text)
            except ValueError:
                continue
        raise ValueError

    expected = ", or ".join(dict.fromkeys(kind.expected for kind in ordered if kind.expected))
    return Kind(ordered[0].rank, expected, read)


def _mapping_of(kind: Kind) -> Kind:
    def read(text: str) -> dict[str, Any]:
        # A path may have an equals sign too, and is not below the name of its setting.
        if text and not text.startswith("\n"):
            raise ValueError
        return {name: kind.read(value) for name, value in map(_pair("="), _lines(text))}

    return Kind(6, "lines of NAME = VALUE below its name", read)


def _several_of(annotation: Any, made: type) -> Kind:
    by_line = get_origin(annotation) is tuple
    kind = _HEADER if by_line else kind_of(annotation)

    def read(text: str) -> Any:
        parts = _lines(text) if by_line or "\n" in text else text.split()
        return (tuple if isabstract(made) else made)(map(kind.read, parts))

    return Kind(7, f"{kind.expected}, or several", read)


def _pair(between: str) -> Callable[[str], tuple[str, str]]:
    def read(line: str) -> tuple[str, str]:
        name, found, value = line.partition(between)
        if not found:
            raise ValueError
        return name.strip(), value.strip()

    return read


_HEADER: Final = Kind(9, "a line of NAME: VALUE", _pair(":"))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
