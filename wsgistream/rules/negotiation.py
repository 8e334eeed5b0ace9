"""Negotiation: which coding and which format a client would rather have (RFC 9110 §12)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from webob.acceptparse import (
    AcceptEncodingValidHeader,
    create_accept_encoding_header,
    create_accept_header,
)

from wsgistream.rules.fields import OWS
from wsgistream.types import Header

IDENTITY: Final = "identity"

#: The codings we know, best first, each with the suffix of a file stored in it.
SUFFIXES: Final = {"zstd": ".zst", "br": ".br", "gzip": ".gz"}

# RFC 9110 §5.6.1.2: empty list elements count for nothing, even where webob would not have them.
_AROUND: Final = OWS + ","

# Longer than any client's, and short enough to be kept by the thousand.
_LONGEST_FIELD: Final = 1000


def acceptable_codings(
    accept_encoding: str | None, offers: tuple[str, ...] = tuple(SUFFIXES)
) -> tuple[str, ...]:
    """List the codings that a client accepts, and ``identity`` if it does, most wanted first.

    RFC 9110 §12.5.3. At equal weight the earlier of ``offers`` wins; an absent or malformed field
    means identity alone; a coding that the field does not weigh comes after those it does.
    """
    if accept_encoding is None or len(accept_encoding) > _LONGEST_FIELD:
        return (IDENTITY,)
    return _acceptable_codings(accept_encoding, offers)


@lru_cache(maxsize=1024)
def _acceptable_codings(accept_encoding: str, offers: tuple[str, ...]) -> tuple[str, ...]:
    # RFC 9110 §8.4.1.3: x-gzip is gzip.
    field = accept_encoding.lower().replace("x-gzip", "gzip").strip(_AROUND)
    header = create_accept_encoding_header(field)
    if not isinstance(header, AcceptEncodingValidHeader):
        return (IDENTITY,)
    accepted = header.acceptable_offers([*offers, IDENTITY])
    if not {IDENTITY, "*"} & dict(header.parsed).keys():
        accepted.sort(key=lambda offer: offer[0] == IDENTITY)
    return tuple(coding for coding, _ in accepted)


def with_vary(headers: Sequence[Header], name: str) -> list[Header]:
    """Give these headers with a field named in one Vary, where it is not yet (RFC 9110 §12.5.5)."""
    others = [header for header in headers if header[0].lower() != "vary"]
    values = [value for key, value in headers if key.lower() == "vary"]
    named = {each.strip().lower() for value in values for each in value.split(",")}
    if not named & {"*", name.lower()}:
        values.append(name)
    return [*others, ("Vary", ", ".join(filter(None, values)))]


def prefers_json(accept: str | None) -> bool:
    """Tell whether a client would rather have JSON than HTML (RFC 9110 §12.5.1)."""
    if accept is None or len(accept) > _LONGEST_FIELD:
        return False
    header = create_accept_header(accept.strip(_AROUND))
    offers = header.acceptable_offers(["text/html", "application/json"])
    return bool(offers) and offers[0][0] == "application/json"
