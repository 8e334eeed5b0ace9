"""Negotiation: which coding and which format a client would rather have (RFC 9110 §12)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Final

from wsgistream.rules.accept import LONGEST, best_type, read_codings
from wsgistream.types import Header

IDENTITY: Final = "identity"

#: The codings we know, best first, each with the suffix of a file stored in it.
SUFFIXES: Final = {"zstd": ".zst", "br": ".br", "gzip": ".gz"}

# RFC 9110 §8.4.1.3: the same coding.
_OLD_NAME: Final = "x-gzip"


def acceptable_codings(
    accept_encoding: str | None, offers: tuple[str, ...] = tuple(SUFFIXES)
) -> tuple[str, ...]:
    """List the codings that a client accepts, and ``identity`` if it does, most wanted first.

    RFC 9110 §12.5.3. At equal weight the earlier of ``offers`` wins; an absent or malformed field
    means identity alone; a coding that the field does not weigh comes after those it does.
    """
    if accept_encoding is None or len(accept_encoding) > LONGEST:
        return (IDENTITY,)
    return _acceptable_codings(accept_encoding, offers)


@lru_cache(maxsize=1024)
def _acceptable_codings(accept_encoding: str, offers: tuple[str, ...]) -> tuple[str, ...]:
    weights = read_codings(accept_encoding)
    if weights is None:
        return (IDENTITY,)
    if _OLD_NAME in weights:
        weights["gzip"] = min(weights[_OLD_NAME], weights.get("gzip", 1.0))
    others = weights.get("*", 0.0)
    weighed = [(weights.get(offer, others), offer) for offer in (*offers, IDENTITY)]
    accepted = [
        offer for weight, offer in sorted(weighed, key=itemgetter(0), reverse=True) if weight
    ]
    if not {IDENTITY, "*"} & weights.keys():
        accepted.append(IDENTITY)  # of which nothing is said, and which anybody can have
    return tuple(accepted)


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
    if accept is None or len(accept) > LONGEST:
        return False
    return best_type(accept, ("text/html", "application/json")) == "application/json"
