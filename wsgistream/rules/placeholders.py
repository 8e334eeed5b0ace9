"""Placeholders: the ``:name`` of a statement in SQL, written as a driver wants them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

# What a colon in it does not make a placeholder: texts, names, comments, and casts.
_PARTS: Final = re.compile(
    r"""
    (?P<other>
        (?<![A-Za-z0-9_]) [eE] ' (?: [^'\\] | \\. | '' )* '     # PostgreSQL: E'it\'s'
      | ' (?: [^'] | '' )* '
      | " (?: [^"] | "" )* "
      | ` [^`]* `
      | -- [^\n]*
      | /\* .*? \*/
      | (?<![A-Za-z0-9_]) (?P<tag> \$ (?:[A-Za-z_]\w*)? \$ ) .*? (?P=tag)    # PostgreSQL: $$ $$
      | :: | :=
    )
    | (?<![A-Za-z0-9_:]) : (?P<name> [A-Za-z_]\w* )
    | %
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)

# How a parameter is written, by the driver's ``paramstyle`` (PEP 249); the last ones count.
_NAMED: Final[Mapping[str, str]] = {"named": ":{}", "pyformat": "%({})s"}
_COUNTED: Final[Mapping[str, str]] = {
    "qmark": "?",
    "format": "%s",
    "numeric": ":{}",
    "numeric_dollar": "${}",  # PostgreSQL's own, which is in no PEP
}


@lru_cache(maxsize=256)
def names_in(statement: str) -> tuple[str, ...]:
    """Name the parameters of a statement, each once, as they come."""
    found = (match["name"] for match in _PARTS.finditer(statement))
    return tuple(dict.fromkeys(name for name in found if name))


def bound(statement: str, values: Mapping[str, Any], style: str) -> tuple[str, Any]:
    """Write a statement and its parameters for a driver; nothing is put into the text.

    ``style``: the driver's ``paramstyle`` (PEP 249). Raises ValueError for a parameter without a
    value, a value without a parameter, and a style that there is not.
    """
    names = names_in(statement)
    _check(names, values)
    if style in _NAMED:
        text = _written(statement, style, _NAMED[style].format)
        return text, {name: values[name] for name in names}
    if style not in _COUNTED:
        raise ValueError(f"A driver has no paramstyle {style!r} (PEP 249).")
    order: list[str] = []

    def place(name: str) -> str:
        order.append(name)
        return _COUNTED[style].format(len(order))

    text = _written(statement, style, place)
    return text, tuple(values[name] for name in order)


def _check(names: tuple[str, ...], values: Mapping[str, Any]) -> None:
    for name in names:
        if name not in values:
            raise ValueError(f"The parameter {name} has no value.")
    for name in values:
        if name not in names:
            raise ValueError(f"There is no parameter {name} in the statement.")


def _written(statement: str, style: str, place: Callable[[str], str]) -> str:
    percent = style in ("format", "pyformat")
    return "".join(_pieces(statement, percent, place))


def _pieces(statement: str, percent: bool, place: Callable[[str], str]) -> Iterator[str]:
    """Give the statement in pieces; a driver that formats it wants its percent signs twice."""
    position = 0
    for match in _PARTS.finditer(statement):
        yield statement[position : match.start()]
        position = match.end()
        text = place(match["name"]) if match["name"] else None
        yield text or (match[0].replace("%", "%%") if percent else match[0])
    yield statement[position:]
