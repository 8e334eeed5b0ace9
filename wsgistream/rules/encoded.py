"""Encoded: an entity-tag for each content coding of a representation, and the way back from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from wsgistream.rules.conditions import entity_tags
from wsgistream.rules.fields import OWS
from wsgistream.rules.negotiation import IDENTITY

# Between a tag and a coding; a single dash is what others put there, as our own folders do.
_MARK: Final = "--"


class Variant(NamedTuple):
    """What a client's tag stands for: a tag of the application's, and a coding of its bytes."""

    etag: str
    coding: str


def tag_of(variant: Variant, codings: Sequence[str]) -> str:
    """Make the tag of a variant; a strong one names its coding (RFC 9110 §8.8.3.3).

    A weak one says that the content means the same, which no coding changes. A tag that already
    looks like one of ours gets a name more, so that the way back is never in doubt.
    """
    etag, coding = variant
    is_plain = coding == IDENTITY or etag.startswith("W/")
    if is_plain and variant_of(etag, codings) == (etag, IDENTITY):
        return etag
    return f'{etag[:-1]}{_MARK}{IDENTITY if is_plain else coding}"'


def variant_of(tag: str, codings: Sequence[str]) -> Variant:
    """Find what a tag stands for; what is none of ours is the application's own."""
    for coding in (*codings, IDENTITY):
        suffix = f'{_MARK}{coding}"'
        if tag.endswith(suffix):
            return Variant(f'{tag.removesuffix(suffix)}"', coding)
    return Variant(tag, IDENTITY)


def translated(
    request: Mapping[str, Any], codings: Sequence[str], accepted: Sequence[str]
) -> dict[str, str | None]:
    """Put a request's preconditions in the application's terms: what to set; None: to remove.

    ``request`` is a WSGI environ, ``codings`` are those that answers may get, and ``accepted`` what
    the client takes: a tag of another coding is not of what is selected for it (RFC 9110 §13.1).
    """
    # What is sent for another method is not the representation that its tags are about.
    is_read = request["REQUEST_METHOD"] in ("GET", "HEAD")
    selected = accepted if is_read else (*codings, IDENTITY)
    fields = _if_range(request, codings, accepted)
    fields |= _if_none_match(request, codings, selected)
    if is_read and fields.get("HTTP_RANGE", request.get("HTTP_RANGE")) is not None:
        selected = (IDENTITY,)  # the only one of which there are parts
    return fields | _if_match(request, codings, selected)


def known_tag(field: str, etag: str, codings: Sequence[str], accepted: Sequence[str]) -> str | None:
    """Find in an If-None-Match the best that a client has of what the application calls ``etag``.

    It is what a 304 has to name, so that the client knows which (RFC 9111 §4.3.4).
    """
    opaque = etag.removeprefix("W/")
    known = [
        (accepted.index(variant.coding), tag)
        for tag, variant in _variants(field, codings)
        if variant.etag.removeprefix("W/") == opaque and variant.coding in accepted
    ]
    return min(known)[1] if known else None


def _variants(field: str, codings: Sequence[str]) -> list[tuple[str, Variant]]:
    return [(tag, variant_of(tag, codings)) for tag in entity_tags(field.strip(OWS))]


def _if_none_match(
    request: Mapping[str, Any], codings: Sequence[str], selected: Sequence[str]
) -> dict[str, str | None]:
    variants = _variants(request.get("HTTP_IF_NONE_MATCH", ""), codings)
    if not variants:  # none, or a star
        return {}
    tags = [variant.etag for _, variant in variants if variant.coding in selected]
    if tags:
        return {"HTTP_IF_NONE_MATCH": ", ".join(tags)}
    # With the tags, the date that they stand above must go (§13.1.3).
    return {"HTTP_IF_NONE_MATCH": None, "HTTP_IF_MODIFIED_SINCE": None}


def _if_match(
    request: Mapping[str, Any], codings: Sequence[str], selected: Sequence[str]
) -> dict[str, str | None]:
    variants = _variants(request.get("HTTP_IF_MATCH", ""), codings)
    if not variants:
        return {}
    # A weak tag never matches here (§13.1.1), but for the field there must be some.
    tags = (
        variant.etag if variant.coding in selected else f"W/{tag.removeprefix('W/')}"
        for tag, variant in variants
    )
    return {"HTTP_IF_MATCH": ", ".join(tags)}


def _if_range(
    request: Mapping[str, Any], codings: Sequence[str], accepted: Sequence[str]
) -> dict[str, str | None]:
    """Let a Range stand for who has the bytes as they are, and no one else (§13.1.5)."""
    if "HTTP_IF_RANGE" not in request:
        return {}
    etag, coding = variant_of(request["HTTP_IF_RANGE"].strip(OWS), codings)
    # A date is that of every coding, and so does not tell which of them the client has.
    if coding == IDENTITY and (etag.startswith('"') or not {*accepted} & {*codings}):
        return {"HTTP_IF_RANGE": etag}
    return {"HTTP_RANGE": None, "HTTP_IF_RANGE": None}
