"""Choosing: in which format a client has its rows (RFC 9110 §12.5.1)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from wsgistream.rules.accept import LONGEST, best_type
from wsgistream.rules.rows.formats import FORMATS, Format, check_format
from wsgistream.rules.rows.tables import OF_LIBRARY, find_library, is_present


class UnknownFormat(ValueError):
    """``?format=`` has a name that is not offered: 400; the text says so to the client."""


class NoAcceptableFormat(ValueError):
    """Accept has no type that is offered: 406, with Vary: Accept; the text says which there are."""


def choose_format(
    query: str | None, accept: str | None, allowed: tuple[str, ...] = tuple(FORMATS)
) -> Format:
    """Choose one of the allowed formats, which are named the most wanted first.

    ``query``: the value of ``?format=``, which counts before ``accept``, the Accept field; None:
    there is none. Raises UnknownFormat and NoAcceptableFormat.
    """
    if query is not None:
        if query not in allowed:
            raise UnknownFormat(f"The format is one of {', '.join(allowed)}.")
        return FORMATS[query]
    # RFC 9110 §5.6.1.2: empty list elements count for nothing.
    weighed = (accept or "").strip(" \t,")
    if not weighed or len(weighed) > LONGEST:
        return FORMATS[allowed[0]]
    name = _acceptable(weighed, allowed)
    if name is None:
        types = ", ".join(FORMATS[each].media_type for each in allowed)
        raise NoAcceptableFormat(f"The rows can be had as {types}.")
    return FORMATS[name]


def check_formats(names: Iterable[str] | None = None) -> tuple[str, ...]:
    """Return the formats that are named, or all whose library is there.

    Raises MissingLibrary for one that is named and cannot be made, ValueError for one unknown.
    """
    if names is None:
        return tuple(name for name in FORMATS if name not in OF_LIBRARY or is_present())
    if isinstance(names, str):
        raise TypeError(f"Formats are a list such as ['ndjson', 'csv'], not {names!r}.")
    checked = tuple(dict.fromkeys(names))
    for name in checked:
        check_format(name)
        if name in OF_LIBRARY:
            find_library(name)
    if not checked:
        raise ValueError("At least one format is offered.")
    return checked


@lru_cache(maxsize=1024)
def _acceptable(accept: str, allowed: tuple[str, ...]) -> str | None:
    """Name the format that Accept weighs most; of equals, the first."""
    names = {FORMATS[name].content_type: name for name in allowed}
    accepted = best_type(accept, tuple(names))
    return None if accepted is None else names[accepted]
