"""Decide: the one rule that turns a request and a representation's Meta into a whole answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from wsgistream.rules.conditions import Outcome, evaluate, range_applies
from wsgistream.rules.fields import EARLIEST, format_http_date
from wsgistream.rules.multipart import byteranges, random_boundary
from wsgistream.rules.ranges import content_range, select
from wsgistream.types import UNKNOWN, Header, Meta, Plan, Slice

#: Sent with every body we name a type for: a browser must not guess another.
NOSNIFF: Final = ("X-Content-Type-Options", "nosniff")

# What speaks of the content that a 304 does not carry; the rest of the 200's fields may update
# what a cache has stored (RFC 9110 §15.4.5).
_OF_CONTENT: Final = frozenset(
    {
        "accept-ranges",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-length",
        "content-type",
        "x-content-type-options",
    }
)
# What would let a cache keep, or a client trust, an error as if it were the file.
_OF_THE_200: Final = _OF_CONTENT | {
    "cache-control",
    "content-location",
    "etag",
    "expires",
    "last-modified",
}


def decide(
    request: Mapping[str, Any],
    meta: Meta,
    now: float,
    boundary: Callable[[], str] = random_boundary,
) -> Plan:
    """Answer a request for a representation: 200, 206, 304, 412 or 416, as data.

    ``request`` is a WSGI environ, ``now`` seconds since 1970. Preconditions and ranges are those
    of GET and HEAD (RFC 9110 §13, §14.2); any other method has the whole.
    """
    meta = _dated(meta, now)
    method = request["REQUEST_METHOD"]
    plan = _decide(request, meta, now, boundary) if method in ("GET", "HEAD") else _whole(meta)
    return plan._replace(pieces=()) if method == "HEAD" else plan


def give_whole(request: Mapping[str, Any], status: int, meta: Meta, now: float) -> Plan:
    """Answer any request with the whole, under a status other than 200.

    Ranges and preconditions are for what is the selected representation (RFC 9110 §13.2.1, §14.2).
    """
    meta = _dated(meta, now)
    if status in (204, 304):
        return Plan(status, _not_modified(meta), ())
    plan = _whole(meta)
    headers = _without(plan.headers, frozenset({"accept-ranges"}))
    return Plan(status, headers, () if request["REQUEST_METHOD"] == "HEAD" else plan.pieces)


def _decide(
    request: Mapping[str, Any], meta: Meta, now: float, boundary: Callable[[], str]
) -> Plan:
    outcome = evaluate(request, meta, now)
    if outcome is Outcome.FAILED:
        text = "The file is not in the state that the request requires."
        return sentence(412, text, _without(meta.extra, _OF_THE_200))
    if outcome is Outcome.NOT_MODIFIED:
        return Plan(304, _not_modified(meta), ())
    # RFC 9110 §14.2: a Range is for GET alone.
    value = request.get("HTTP_RANGE") if request["REQUEST_METHOD"] == "GET" else None
    if value is None or meta.size is None or not range_applies(request, meta, now):
        return _whole(meta)
    slices = select(value, meta.size)
    if slices is None or not _can_give(slices, meta):
        return _whole(meta)
    return _partial(slices, meta.size, meta, boundary)


def _can_give(slices: tuple[Slice, ...], meta: Meta) -> bool:
    """Tell whether a representation can be given in these slices, and so in parts."""
    # A multipart body with a Content-Encoding could be taken for encoded as a whole.
    encoded = meta.encoding is not None and len(slices) > 1
    return not encoded and not (meta.one_pass and list(slices) != sorted(slices))


def _dated(meta: Meta, now: float) -> Meta:
    """RFC 9110 §8.8.2.1: a Last-Modified is never later than the answer's own Date."""
    if meta.modified is None or EARLIEST <= meta.modified <= now:
        return meta
    return replace(meta, modified=int(now) if meta.modified > now else None)


def _whole(meta: Meta) -> Plan:
    headers = _representation(meta, meta.content_type)
    if meta.size is None:
        return Plan(200, headers, (Slice(0, UNKNOWN),))
    length = ("Content-Length", str(meta.size))
    pieces = (Slice(0, meta.size),) if meta.size else ()
    return Plan(200, (*headers, length, ("Accept-Ranges", "bytes")), pieces)


def _partial(slices: tuple[Slice, ...], size: int, meta: Meta, boundary: Callable[[], str]) -> Plan:
    if not slices:
        unsatisfied = ("Content-Range", content_range(None, size))
        text = "The file has no bytes in the range asked for."
        return sentence(416, text, (unsatisfied, *_without(meta.extra, _OF_THE_200)))
    pieces: tuple[bytes | Slice, ...] = slices
    if len(slices) == 1:
        headers = _representation(meta, meta.content_type)
        headers += (("Content-Range", content_range(slices[0], size)),)
    else:
        mark = boundary()
        headers = _representation(meta, f"multipart/byteranges; boundary={mark}")
        pieces = byteranges(slices, size, meta.content_type, mark)
    length = ("Content-Length", str(sum(map(_length, pieces))))
    return Plan(206, (*headers, length, ("Accept-Ranges", "bytes")), pieces)


def _length(piece: bytes | Slice) -> int:
    return len(piece) if isinstance(piece, bytes) else piece.stop - piece.start


def _representation(meta: Meta, content_type: str) -> tuple[Header, ...]:
    headers: list[Header] = [("Content-Type", content_type)]
    if meta.encoding is not None:
        headers.append(("Content-Encoding", meta.encoding))
    return (*headers, *_validators(meta), *meta.extra)


def _validators(meta: Meta) -> tuple[Header, ...]:
    headers: tuple[Header, ...] = ()
    if meta.etag is not None:
        headers += (("ETag", meta.etag),)
    if meta.modified is not None:
        headers += (("Last-Modified", format_http_date(meta.modified)),)
    return headers


def _not_modified(meta: Meta) -> tuple[Header, ...]:
    # RFC 9110 §15.4.5: a Last-Modified guides a cache only where there is no ETag.
    validators = _validators(meta)[:1]
    return (*validators, *_without(meta.extra, _OF_CONTENT))


def _without(headers: tuple[Header, ...], names: frozenset[str]) -> tuple[Header, ...]:
    return tuple(header for header in headers if header[0].lower() not in names)


def sentence(status: int, text: str, headers: tuple[Header, ...] = ()) -> Plan:
    """Plan an answer whose body is one sentence in plain text."""
    body = text.encode() + b"\n"
    plain = ("Content-Type", "text/plain; charset=utf-8")
    return Plan(status, (plain, ("Content-Length", str(len(body))), NOSNIFF, *headers), (body,))
