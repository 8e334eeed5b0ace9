"""Ranges: what a Range field asks for, and which slices of a representation answer it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from wsgistream.types import Slice

#: More ranges than this in one request are answered with the whole (RFC 9110 §14.2, §17.15).
MOST_RANGES: Final = 64

#: Bytes between two ranges below which one part costs less than two. RFC 9110 §15.3.7.2 speaks
#: of about 80; our smallest part header is longer than that.
NEAR: Final = 80

# A position with more digits lies beyond every file. Cutting it keeps int() linear and within
# the limit that Python sets on the digits of an int.
_LONGEST_POSITION: Final = 18
_BEYOND: Final = 10**_LONGEST_POSITION

_UNIT: Final = re.compile(r"bytes=", re.ASCII | re.IGNORECASE)


class Spec(NamedTuple):
    """One range as it was asked for (RFC 9110 §14.1.1); ``first`` None: the last ``last`` bytes."""

    first: int | None
    last: int | None


def parse_range(value: str) -> tuple[Spec, ...] | None:
    """Read a Range field; None where it must be ignored: another unit, malformed, or too many.

    RFC 9110 §14.1.1 and §14.2. Empty list elements and white space around elements are passed
    over (§5.6.1.2). A header with one malformed range in it is malformed as a whole.
    """
    unit = _UNIT.match(value)
    if unit is None:
        return None
    specs: list[Spec] = []
    for element in value[unit.end() :].split(","):
        text = element.strip(" \t")
        if not text:
            continue
        spec = _parse_spec(text)
        if spec is None or len(specs) == MOST_RANGES:
            return None
        specs.append(spec)
    return tuple(specs) or None


def _parse_spec(text: str) -> Spec | None:
    first, dash, last = text.partition("-")
    if not dash or not (first or last) or not _is_digits(first) or not _is_digits(last):
        return None
    first_digits, last_digits = first.lstrip("0"), last.lstrip("0")
    # Compared as text, so that two numbers beyond _BEYOND still stand in their true order.
    if first and last and (len(first_digits), first_digits) > (len(last_digits), last_digits):
        return None
    return Spec(_position(first), _position(last))


def _is_digits(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit())


def _position(digits: str) -> int | None:
    if not digits:
        return None
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) <= _LONGEST_POSITION else _BEYOND


def satisfy(specs: Iterable[Spec], size: int) -> tuple[Slice, ...]:
    """Turn the satisfiable of ``specs`` into slices of ``size`` bytes, in the order asked.

    RFC 9110 §14.1.2: a last position past the end means the end, and a suffix longer than the
    representation means all of it.
    """
    slices = []
    for first, last in specs:
        if first is None:
            start, stop = max(0, size - (last or 0)), size
        else:
            start, stop = first, size if last is None else min(size, last + 1)
        if start < stop:
            slices.append(Slice(start, stop))
    return tuple(slices)


def coalesce(slices: Iterable[Slice], near: int = NEAR) -> tuple[Slice, ...]:
    """Join slices that overlap or lie less than ``near`` bytes apart; O(n log n).

    Each joined slice stands where the first of its members stood (RFC 9110 §15.3.7.2).
    """
    joined: list[tuple[int, Slice]] = []
    for order, piece in sorted(enumerate(slices), key=lambda item: item[1]):
        if joined and piece.start < joined[-1][1].stop + near:
            earlier, last = joined[-1]
            joined[-1] = min(earlier, order), Slice(last.start, max(last.stop, piece.stop))
        else:
            joined.append((order, piece))
    return tuple(piece for _, piece in sorted(joined))


def select(value: str, size: int) -> tuple[Slice, ...] | None:
    """Choose the slices that answer a Range field on ``size`` bytes.

    None: the field is ignored and the whole is sent; empty: nothing of it can be satisfied (416).
    An empty representation has no range to give, so it is sent whole; more bytes than the whole
    are never sent.
    """
    specs = parse_range(value)
    if specs is None or size == 0:
        return None
    slices = satisfy(specs, size)
    if sum(stop - start for start, stop in slices) > size:
        return None
    return coalesce(slices)


def content_range(piece: Slice | None, size: int) -> str:
    """Write a Content-Range value; ``piece`` None: unsatisfied (RFC 9110 §14.4)."""
    return f"bytes */{size}" if piece is None else f"bytes {piece.start}-{piece.stop - 1}/{size}"
