"""Wish: what of an object is asked for first, so that most requests take no second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from wsgistream.rules.conditions import has_conditions
from wsgistream.rules.ranges import parse_range

#: Options of the library's ``get`` for the head alone, and for the whole.
HEAD: Final[Mapping[str, Any]] = {"head": True}
WHOLE: Final[Mapping[str, Any]] = {}


def first_wish(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Choose the options of the first ``get`` for a request (a WSGI environ).

    The head alone where it may be all that is answered, or where only the size tells what is: for
    HEAD, with preconditions, and for several ranges. If-Range is taken to hold, as it mostly does.
    """
    if request["REQUEST_METHOD"] != "GET" or has_conditions(request):
        return HEAD
    specs = parse_range(request.get("HTTP_RANGE", ""))
    if specs is None:
        return WHOLE
    (first, last), *others = specs
    if others or (first is None and not last):
        return HEAD
    if first is None:
        return {"range": {"suffix": last}}
    if last is None:
        # Of an empty object there would be no range from its first byte on.
        return {"range": {"offset": first}} if first else WHOLE
    return {"range": (first, last + 1)}
