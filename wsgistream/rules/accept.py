"""Accept: what a client weighs of all that it could be given (RFC 9110 §12.4, §12.5)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

#: The longest field that is read, in characters: longer than any client's.
LONGEST: Final = 1000

_NAME: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_WEIGHT: Final = r"(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)"
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'

# An element of a list, and the comma that ends it; without an element it counts for nothing
# (RFC 9110 §5.6.1.2). No text is matched in two ways, so that none takes long.
_END: Final = r"[ \t]*(?:,|\Z)"
_CODING: Final = re.compile(
    rf"[ \t]*(?:({_NAME})(?:[ \t]*;[ \t]*[qQ]={_WEIGHT})?)?{_END}", re.ASCII
)
_PARAMETER: Final = re.compile(rf"({_NAME})(?:=({_NAME}|{_QUOTED}))?", re.ASCII)
_RANGE: Final = re.compile(
    rf"[ \t]*(?:({_NAME})/({_NAME})((?:[ \t]*;(?:[ \t]*{_PARAMETER.pattern})?)*))?{_END}",
    re.ASCII,
)
_WHOLE_WEIGHT: Final = re.compile(_WEIGHT, re.ASCII)


def read_codings(field: str) -> dict[str, float] | None:
    """Read Accept-Encoding: the weight of each coding, in small letters; None: it is malformed."""
    weights: dict[str, float] = {}
    position = 0
    while position < len(field):
        found = _CODING.match(field, position)
        if found is None:
            return None
        position = found.end()
        if found[1]:
            coding, weight = found[1].lower(), float(found[2] or 1)
            # Of two weights the lesser, so that what is refused stays refused.
            weights[coding] = min(weight, weights.get(coding, weight))
    return weights


def best_type(field: str, offers: Sequence[str]) -> str | None:
    """Find which of these media types Accept weighs most; of equals, the first; None: it has none.

    There is one offer at least. A field that is empty or malformed counts for nothing.
    """
    ranges = _read_ranges(field)
    if not ranges:
        return offers[0]
    weights = [_weigh(_split(offer), ranges) for offer in offers]
    most = max(weights)
    return offers[weights.index(most)] if most else None


class _Media(NamedTuple):
    """A media type with its parameters; or all those of a kind, for which a star stands."""

    kind: str
    subtype: str
    parameters: frozenset[tuple[str, str]] = frozenset()


def _read_ranges(field: str) -> list[tuple[_Media, float]] | None:
    """Read Accept; None: it is malformed."""
    ranges: list[tuple[_Media, float]] = []
    position = 0
    while position < len(field):
        found = _RANGE.match(field, position)
        if found is None:
            return None
        position = found.end()
        if found[1]:
            media, weight = _range(found[1], found[2], found[3])
            if weight is None:
                return None
            ranges.append((media, weight))
    return ranges


def _range(kind: str, subtype: str, parameters: str) -> tuple[_Media, float | None]:
    """Tell the parameters of a media range from its weight, behind which none follow (§12.5.1)."""
    named: list[tuple[str, str]] = []
    weight: float | None = 1.0
    for found in _PARAMETER.finditer(parameters):
        name, value = found[1].lower(), found[2] or ""
        if name == "q":
            weight = float(value) if _WHOLE_WEIGHT.fullmatch(value) else None
            break
        named.append((name, _unquoted(value).lower()))
    return _Media(kind.lower(), subtype.lower(), frozenset(named)), weight


def _split(offer: str) -> _Media:
    media, _, parameters = offer.partition(";")
    kind, _, subtype = media.partition("/")
    return _range(kind, subtype, parameters)[0]


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value[:1] == '"' else value


def _weigh(offer: _Media, ranges: Sequence[tuple[_Media, float]]) -> float:
    """Weigh what is offered by the range that says the most of it (§12.5.1)."""
    for said in (
        offer,
        _Media(offer.kind, offer.subtype),
        _Media(offer.kind, "*"),
        _Media("*", "*"),
    ):
        weights = [weight for media, weight in ranges if media == said]
        if weights:
            return weights[0]
    return 0.0
