"""Conditions: whether a request's preconditions let the answer proceed (RFC 9110 §13)."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from wsgistream.rules.fields import OWS, parse_http_date
from wsgistream.types import Meta

_ENTITY_TAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_SEPARATOR: Final = re.compile(r"[ \t]*(?:,[ \t]*)+|[ \t]*\Z")


class Outcome(enum.Enum):
    """What the preconditions say: a three-way answer is not a bool."""

    PROCEED = enum.auto()
    NOT_MODIFIED = enum.auto()
    FAILED = enum.auto()


def is_entity_tag(text: str) -> bool:
    """Tell whether ``text`` is a quoted entity-tag, weak or strong (RFC 9110 §8.8.3)."""
    return _ENTITY_TAG.fullmatch(text) is not None


def check_entity_tag(text: str | None) -> str | None:
    """Return an entity-tag as it is, or raise ValueError for what is none; None is no tag."""
    if text is not None and not is_entity_tag(text):
        raise ValueError(
            f'An entity-tag looks like "abc" or W/"abc", quotes included, not {text!r}.'
        )
    return text


def has_conditions(request: Mapping[str, Any]) -> bool:
    """Tell whether a request has preconditions; If-Range is one of its Range alone (§13.1.5)."""
    # Without a loop, for every request is asked.
    return (
        "HTTP_IF_NONE_MATCH" in request
        or "HTTP_IF_MODIFIED_SINCE" in request
        or "HTTP_IF_MATCH" in request
        or "HTTP_IF_UNMODIFIED_SINCE" in request
    )


def evaluate(request: Mapping[str, Any], meta: Meta, now: float) -> Outcome:
    """Try the preconditions of a GET or HEAD in the order of RFC 9110 §13.2.2.

    An impossible date is no condition (§13.1.3, §13.1.4). ``now``: seconds since 1970.
    """
    if not has_conditions(request):
        return Outcome.PROCEED
    if_match = _field(request, "HTTP_IF_MATCH")
    if_none_match = _field(request, "HTTP_IF_NONE_MATCH")
    if if_match:
        if not _names(if_match, meta.etag, strong=True):
            return Outcome.FAILED
    elif _changed_since(request, "HTTP_IF_UNMODIFIED_SINCE", meta, now) is True:
        return Outcome.FAILED
    if if_none_match:
        if _names(if_none_match, meta.etag, strong=False):
            return Outcome.NOT_MODIFIED
    elif _changed_since(request, "HTTP_IF_MODIFIED_SINCE", meta, now) is False:
        return Outcome.NOT_MODIFIED
    return Outcome.PROCEED


def range_applies(request: Mapping[str, Any], meta: Meta, now: float) -> bool:
    """Tell whether If-Range lets the Range stand: the very tag, or the very date (§13.1.5)."""
    if_range = request.get("HTTP_IF_RANGE")
    if if_range is None:
        return True
    validator = if_range.strip(OWS)
    if validator.startswith('"'):
        return bool(validator == meta.etag)
    date = parse_http_date(validator, now)
    return date is not None and date == meta.modified


def _field(request: Mapping[str, Any], key: str) -> str:
    return str(request.get(key, "")).strip(OWS)


def _names(field: str, etag: str | None, *, strong: bool) -> bool:
    """Compare an entity-tag, strongly or weakly, with a field's list or its ``*`` (§8.8.3.2)."""
    if field == "*":
        return True
    if etag is None or (strong and etag.startswith("W/")):
        return False
    if strong:
        return etag in entity_tags(field)
    opaque = etag.removeprefix("W/")
    return any(tag.removeprefix("W/") == opaque for tag in entity_tags(field))


def entity_tags(field: str) -> Iterator[str]:
    """Read a list of entity-tags up to its end, or to what is none (§5.6.1.2)."""
    position = len(field) - len(field.lstrip(OWS + ","))
    while (tag := _ENTITY_TAG.match(field, position)) is not None:
        separator = _SEPARATOR.match(field, tag.end())
        if separator is None:
            return
        yield tag[0]
        position = separator.end()


def _changed_since(request: Mapping[str, Any], key: str, meta: Meta, now: float) -> bool | None:
    """Compare the modification date with the field's; None where either is unknown."""
    date = parse_http_date(request.get(key, ""), now)
    return None if date is None or meta.modified is None else meta.modified > date
