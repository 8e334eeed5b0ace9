"""Parameters: what a query string says, read as the types that are declared."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes
from uuid import UUID


class BadParameter(ValueError):
    """A parameter of a request cannot be: 400; the text says which and why, to the client."""


def read_query(query: str) -> dict[str, str]:
    """Read a query string as a form writes it; raises BadParameter for what stands twice."""
    found: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        name, _, value = map(_text, pair.partition("="))
        if name in found:
            raise BadParameter(f"The parameter {name} is given twice.")
        found[name] = value
    return found


def _text(part: str) -> str:
    # PEP 3333: bytes as latin-1.
    raw = part.replace("+", " ").encode("latin-1")
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise BadParameter("The query is not UTF-8.") from None


class Kind(NamedTuple):
    """A type that a parameter is declared to have."""

    read: Callable[[str], Any]
    what: str


# A number, and not the digits of every language, underscores, or spaces around them.
_WHOLE: Final = re.compile(r"-?\d{1,18}", re.ASCII)
_NUMBER: Final = re.compile(r"-?\d{1,400}(\.\d{1,400})?([eE][+-]?\d{1,3})?", re.ASCII)
_MOMENT: Final = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([+-]\d\d:\d\d)?", re.ASCII
)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SWITCH: Final = {"1": True, "true": True, "0": False, "false": False}


def _matching(pattern: re.Pattern[str], read: Callable[[str], Any]) -> Callable[[str], Any]:
    def checked(text: str) -> Any:
        if pattern.fullmatch(text) is None:
            raise ValueError
        return read(text)

    return checked


def _moment(text: str) -> datetime:
    # Python 3.10 wants three digits or six of a fraction.
    return datetime.fromisoformat(re.sub(r"\.\d+", lambda found: f"{found[0]:0<7}", text))


#: The types by name.
KINDS: Final[Mapping[str, Kind]] = {
    "text": Kind(str, "text"),
    "int": Kind(_matching(_WHOLE, int), "a whole number"),
    "float": Kind(_matching(_NUMBER, float), "a number"),
    "decimal": Kind(_matching(_NUMBER, Decimal), "a number"),
    "bool": Kind(_SWITCH.__getitem__, "true or false"),
    "date": Kind(_matching(_DAY, date.fromisoformat), "a date such as 2024-12-31"),
    "datetime": Kind(_matching(_MOMENT, _moment), "a moment such as 2024-12-31T23:59:59+01:00"),
    "uuid": Kind(UUID, "a UUID"),
}


def read_parameters(
    given: Mapping[str, str], kinds: Mapping[str, str], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """Read what is given for parameters of these kinds; ``defaults`` stand for what is not.

    Raises BadParameter for one that is unknown, is missing, or cannot be read.
    """
    for name in given:
        if name not in kinds:
            known = f"there are {', '.join(kinds)}" if kinds else "there is none"
            raise BadParameter(f"There is no parameter {name}; {known}.")
    return {name: _read(name, kind, given, defaults) for name, kind in kinds.items()}


def _read(name: str, kind: str, given: Mapping[str, str], defaults: Mapping[str, Any]) -> Any:
    if name in given:
        return read_value(name, kind, given[name])
    if name in defaults:
        return defaults[name]
    raise BadParameter(f"The parameter {name} is missing: it is {KINDS[kind].what}.")


def read_value(name: str, kind: str, text: str) -> Any:
    """Read one parameter; raises BadParameter."""
    try:
        if "\0" in text:
            raise ValueError  # which PostgreSQL has no text with
        return KINDS[kind].read(text)
    except (ValueError, KeyError):
        raise BadParameter(f"The parameter {name} is {KINDS[kind].what}.") from None
