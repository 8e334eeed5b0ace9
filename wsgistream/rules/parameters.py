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
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([+-]\d\d:\d\d|Z)?", re.ASCII
)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SWITCH: Final = {"1": True, "true": True, "0": False, "false": False}


def _matching(pattern: re.Pattern[str], read: Callable[[str], Any]) -> Callable[[str], Any]:
    def checked(text: str) -> Any:
        if pattern.fullmatch(text) is None:
            raise ValueError
        return read(text)

    return checked


def read_moment(text: str) -> datetime:
    """Read a moment as RFC 3339 has it, with or without a zone; raises ValueError."""
    if _MOMENT.fullmatch(text) is None:
        raise ValueError
    # Python 3.10 wants three digits or six of a fraction, and knows no Z.
    text = re.sub(r"\.\d+", lambda found: f"{found[0]:0<7}", text.replace("Z", "+00:00"))
    return datetime.fromisoformat(text)


#: The types by name.
KINDS: Final[Mapping[str, Kind]] = {
    "text": Kind(str, "text"),
    "int": Kind(_matching(_WHOLE, int), "a whole number"),
    "float": Kind(_matching(_NUMBER, float), "a number"),
    "decimal": Kind(_matching(_NUMBER, Decimal), "a number"),
    "bool": Kind(_SWITCH.__getitem__, "true or false"),
    "date": Kind(_matching(_DAY, date.fromisoformat), "a date such as 2024-12-31"),
    "datetime": Kind(read_moment, "a moment such as 2024-12-31T23:59:59+01:00"),
    "uuid": Kind(UUID, "a UUID"),
}


class Signature(NamedTuple):
    """What something is called, and the parameters it takes."""

    name: str
    kinds: Mapping[str, str]
    defaults: Mapping[str, Any]
    """Of those that may be left out."""

    def read(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Read what is given; raises BadParameter for what is unknown, missing or unreadable."""
        for name in given:
            if name not in self.kinds:
                known = f"there are {', '.join(self.kinds)}" if self.kinds else "there is none"
                raise BadParameter(f"There is no parameter {name!r}; {known}.")
        return {name: self._read(name, kind, given) for name, kind in self.kinds.items()}

    def _read(self, name: str, kind: str, given: Mapping[str, str]) -> Any:
        if name in given:
            return read_value(name, kind, given[name])
        if name in self.defaults:
            return self.defaults[name]
        raise BadParameter(f"The parameter {name} is missing: it is {KINDS[kind].what}.")


_SIGNATURE: Final = re.compile(r"\s*([A-Za-z_][\w-]*)\s*(?:\((.*)\))?\s*", re.ASCII | re.DOTALL)
_PARAMETER: Final = re.compile(
    r"\s*([A-Za-z_]\w*)\s*(?::\s*(\w+)\s*)?(?:=\s*(.*?)\s*)?", re.ASCII | re.DOTALL
)


def read_signature(text: str) -> Signature:
    """Read ``orders`` or ``orders(first: int, since: date = 2024-01-01)``; without a kind, text.

    Raises ValueError.
    """
    found = _SIGNATURE.fullmatch(text)
    if found is None:
        raise ValueError(f"A query is called orders, or orders(first: int), and not {text!r}.")
    kinds: dict[str, str] = {}
    defaults: dict[str, Any] = {}
    for part in (found[2] or "").split(",") if (found[2] or "").strip() else ():
        parameter = _PARAMETER.fullmatch(part)
        if parameter is None or parameter[1] in kinds or (parameter[2] or "text") not in KINDS:
            types = ", ".join(KINDS)
            raise ValueError(f"A parameter is written as first: int, of {types}, not as {part!r}.")
        name, kind, default = parameter.groups()
        kinds[name] = kind or "text"
        if default is not None:
            defaults[name] = read_value(name, kinds[name], default)
    return Signature(found[1], kinds, defaults)


def read_value(name: str, kind: str, text: str) -> Any:
    """Read one parameter; raises BadParameter."""
    try:
        if "\0" in text:
            raise ValueError  # which PostgreSQL has no text with
        return KINDS[kind].read(text)
    except (ValueError, KeyError):
        raise BadParameter(f"The parameter {name} is {KINDS[kind].what}.") from None
