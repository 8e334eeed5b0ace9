"""Encodable: what an answer's head says of whether its content may get a coding."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from wsgistream.rules.fields import OWS
from wsgistream.types import Header

# Without content, or with none that a coding could be for (RFC 9110 §15.2, §15.3.5, §15.3.6).
_BODILESS: Final = ("1", "204", "205")
_COMPLETE_LENGTH: Final = re.compile(r"bytes \d+-\d+/(\d+)", re.ASCII | re.IGNORECASE)
_TYPE: Final = re.compile(r"[^/;,\s]+/[^/;,\s]+")
_DIGITS: Final = re.compile(r"\d{1,18}", re.ASCII)


class Whole(NamedTuple):
    """What is known of a representation, from an answer that carries it, a part, or nothing."""

    kind: str | None
    """Its media type in lower case, without parameters; None: this answer does not tell."""
    size: int | None
    """Bytes; None: this answer does not tell."""
    is_here: bool
    """It is this answer's own content, and not that of another."""


def whole_of(status: str, headers: Iterable[Header]) -> Whole | None:
    """Tell what a coding would be for; None: there must be none, or there is one already."""
    fields: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        fields[key] = f"{fields[key]},{value}" if key in fields else value
    number = status[:3]
    if (
        number.startswith(_BODILESS)
        or "content-encoding" in fields
        or ("content-range" in fields and number != "206")
        or _is_to_stay(fields)
    ):
        return None
    length = _DIGITS.fullmatch(fields.get("content-length", "").strip(OWS))
    size = int(length[0]) if length else None
    kind = fields.get("content-type", "").partition(";")[0].strip(OWS).lower()
    if number == "206":
        complete = _COMPLETE_LENGTH.match(fields.get("content-range", ""))
        size = int(complete[1]) if complete else None
        return Whole(None if kind == "multipart/byteranges" else kind, size, False)
    if number == "304":
        return Whole(kind or None, size, False)
    return Whole(kind, size, True)


def check_types(types: Iterable[str]) -> frozenset[str]:
    """Read media types such as ``text/html`` and ``text/*``; raises ValueError or TypeError."""
    if isinstance(types, str):
        raise TypeError(f"Types are a list such as ['text/*'], not {types!r}.")
    checked = frozenset(each.lower() for each in types)
    for each in checked:
        if _TYPE.fullmatch(each) is None:
            raise ValueError(f"A type is such as text/html or text/*, not {each!r}.")
    return checked


def is_of(kind: str, types: frozenset[str]) -> bool:
    """Tell whether a media type is one of these."""
    return kind in types or f"{kind.partition('/')[0]}/*" in types


def _is_to_stay(fields: Mapping[str, str]) -> bool:
    """Tell whether no coding is wanted; a live stream only tells proxies not to hold it back."""
    is_live = fields.get("x-accel-buffering", "").strip(OWS).lower() == "no"
    return not is_live and "no-transform" in _elements(fields.get("cache-control", ""))


def _elements(field: str) -> list[str]:
    return [element.strip(OWS).lower() for element in field.split(",")]
