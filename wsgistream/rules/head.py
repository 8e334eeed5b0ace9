"""Head: how an HTTP/1 answer begins, and so how its end is seen (RFC 9112 §6, §9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from wsgistream.rules.fields import format_http_date
from wsgistream.types import Header

# Answers that never have a body (RFC 9112 §6.3), beside those that begin with 1.
_BODILESS: Final = ("204", "304")


class Head(NamedTuple):
    """The first bytes of an answer, and what they promise."""

    data: bytes
    bodied: bool
    """An answer with this status can have a body."""
    chunked: bool
    """The body comes in chunks."""
    close: bool
    """The connection ends with the answer."""


def has_body(status: str) -> bool:
    """Tell whether an answer with this status line can have a body."""
    return status[:1] != "1" and status[:3] not in _BODILESS


def write_head(
    status: str,
    headers: Sequence[Header],
    *,
    version: str,
    connection: str,
    length: int | None,
    close: bool,
    server: str,
    now: float,
) -> Head:
    """Write the head of an answer to a request of ``version``, ``"1.0"`` or ``"1.1"``.

    ``connection`` is what the request said of it, ``length`` (bytes) what is known without a
    Content-Length, ``close`` that the server will. ``now``: seconds since 1970.
    """
    names = {name.lower() for name, _ in headers}
    options = {option.strip().lower() for option in connection.split(",")} if connection else ()
    bodied, chunked = has_body(status), False
    if not bodied:
        headers = [field for field in headers if field[0].lower() != "content-length"]
    lines = [f"HTTP/{version} {status}", *[f"{name}: {value}" for name, value in headers]]
    if bodied and "content-length" not in names:
        chunked = length is None and version == "1.1"
        # Without a length, HTTP/1.0 has only the end of the connection to end a body.
        close = close or (length is None and not chunked)
        if chunked:
            lines.append("Transfer-Encoding: chunked")
        elif length is not None:
            lines.append(f"Content-Length: {length}")
    close = close or "close" in options or (version == "1.0" and "keep-alive" not in options)
    if close and "connection" not in names:
        lines.append("Connection: close")
    elif not close and version == "1.0":
        lines.append("Connection: keep-alive")
    # An answer that names its server already has passed through this one (RFC 9110 §7.6.3).
    lines.append(f"Via: 1.1 {server}" if "server" in names else f"Server: {server}")
    if "date" not in names:
        lines.append(f"Date: {format_http_date(int(now))}")
    data = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return Head(data, bodied, chunked, close)
