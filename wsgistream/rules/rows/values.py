"""Values: the one text that each kind of value has, whatever database gave it."""

from __future__ import annotations

import ipaddress
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

from wsgistream.rules.rows.formats import Unencodable

_MINUTE: Final = timedelta(minutes=1)


def float_text(value: float) -> str:
    """Write a number with as few digits as give it back; NaN and infinities are null."""
    text = float.__repr__(value)
    # Those have an n; what is very large or very small, an exponent.
    return _other_float_text(text) if "n" in text or "e" in text else text


def _other_float_text(text: str) -> str:
    if "n" in text:
        return "null"
    mantissa, _, exponent = text.partition("e")
    if exponent == "-05":
        sign = "-" if mantissa[0] == "-" else ""
        return f"{sign}0.0000{mantissa.lstrip('-').replace('.', '')}"
    return f"{mantissa}e{int(exponent)}"


def moment_text(value: datetime | time) -> str:
    """Write a moment as RFC 3339 has it; one without a zone, without one.

    An offset has whole minutes there: seconds, which zones had long ago, are rounded.
    """
    text = value.isoformat()
    if value.tzinfo is None:
        return text
    if text.endswith("+00:00"):
        return text[:-6] + "Z"
    offset = value.utcoffset()
    if offset is None or not offset % _MINUTE:
        return text
    minutes = round(offset / _MINUTE)
    rounded = value.replace(tzinfo=timezone(minutes * _MINUTE))
    return moment_text(rounded)


def duration_text(value: timedelta) -> str:
    """Write a duration as ISO 8601 has it, in days and seconds: ``P1DT0.5S``."""
    sign, value = ("-", -value) if value < timedelta() else ("", value)
    seconds = str(value.seconds)
    if value.microseconds:
        seconds += f".{value.microseconds:06}".rstrip("0")
    days = f"{value.days}D" if value.days else ""
    clock = f"T{seconds}S" if seconds != "0" else ""
    return f"{sign}P{days}{clock}" if days or clock else "P0D"


def bytes_text(value: bytes | bytearray | memoryview) -> str:
    """Write bytes as base64."""
    return b64encode(value).decode("ascii")


#: What is a number, true or false in JSON, and the same text elsewhere.
BARE: Final[dict[type, Callable[[Any], str]]] = {
    bool: {True: "true", False: "false"}.__getitem__,
    int: int.__repr__,
    float: float_text,
}

#: What is text, and has only characters that need no quotes anywhere.
QUOTED: Final[dict[type, Callable[[Any], str]]] = {
    Decimal: str,
    UUID: str,
    date: date.isoformat,
    datetime: moment_text,
    time: moment_text,
    timedelta: duration_text,
    bytes: bytes_text,
    bytearray: bytes_text,
    memoryview: bytes_text,
}

# A subclass is written as what it is one of. The more special stands first: a datetime is a date.
_BASES: Final[tuple[tuple[type, Callable[[Any], Any]], ...]] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (Decimal, Decimal),
    (datetime, lambda value: datetime.combine(value.date(), value.timetz())),
    (date, lambda value: date(value.year, value.month, value.day)),
    (timedelta, lambda value: timedelta(value.days, value.seconds, value.microseconds)),
    (UUID, lambda value: UUID(int=value.int)),
    (bytes, memoryview),
    (bytearray, memoryview),
    (Mapping, dict),
    (Sequence, list),
    (Set, list),
)
_ADDRESSES: Final = (
    ipaddress.IPv4Address,
    ipaddress.IPv6Address,
    ipaddress.IPv4Interface,
    ipaddress.IPv6Interface,
    ipaddress.IPv4Network,
    ipaddress.IPv6Network,
)


def plain(value: Any, default: Callable[[Any], Any] | None = None) -> Any:
    """Give for a value of a kind without a text of its own one that has, or that is nearer to it.

    Raises Unencodable where there is none, and whatever ``default`` raises.
    """
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bool):
        # It has a form everywhere but as a key, for which alone it is brought here.
        raise Unencodable(f"A key in an object is text, not {value!r}.")
    if isinstance(value, _ADDRESSES):
        return str(value)
    for base, make in _BASES:
        if isinstance(value, base):
            return make(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    if default is None:
        raise Unencodable(f"There is no form for a value of the type {type(value).__name__}.")
    return default(value)
