"""Forms: an object as it is, or a sibling that has it in a coding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from wsgistream.rules.negotiation import IDENTITY, SUFFIXES
from wsgistream.sources.folder import VARY, NotAcceptable, encoded
from wsgistream.sources.objects.source import Object
from wsgistream.sources.objects.wish import HEAD

#: Opens what is at a path, with the options of the first request to the store; None: nothing is.
Open: TypeAlias = Callable[[Mapping[str, Any], Sequence[str]], "Object | None"]


def first_form(
    open_at: Open, wish: Mapping[str, Any], path: Sequence[str], codings: Sequence[str]
) -> Object | None:
    """Open the first form there is; whether there are others is not asked, so all may vary.

    None: there is none. Raises NotAcceptable where there are others, and what ``open_at`` raises.
    """
    for coding in codings:
        if coding == IDENTITY:
            plain = open_at(wish, path)
            return None if plain is None else _varying(plain)
        sibling = _sibling(open_at, coding, wish, path)
        if sibling is not None:
            return _varying(sibling)
    if open_at(HEAD, path) is None:
        return None
    raise NotAcceptable


def _sibling(
    open_at: Open, coding: str, wish: Mapping[str, Any], path: Sequence[str]
) -> Object | None:
    """Open the object in a coding, unless it is older than the plain one."""
    try:
        sibling = open_at(wish, (*path[:-1], path[-1] + SUFFIXES[coding]))
    except PermissionError:  # which Amazon also says of what is missing, to who may not list
        return None
    if sibling is None:
        return None
    try:
        plain = open_at(HEAD, path)
    except BaseException:
        sibling.close()
        raise
    if plain is None or plain.meta.encoding is not None or _is_older(sibling, plain):
        sibling.close()
        return None
    sibling.meta = encoded(sibling.meta, plain.meta, coding)
    return sibling


def _varying(found: Object) -> Object:
    found.meta = replace(found.meta, extra=(*found.meta.extra, VARY))
    return found


def _is_older(sibling: Object, plain: Object) -> bool:
    return (sibling.meta.modified or 0) < (plain.meta.modified or 0)
