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
    fields = list(headers)
    chunked = False
    if not has_body(status):
        fields = [field for field in fields if field[0].lower() != "content-length"]
    elif "content-length" not in names:
        chunked = length is None and version == "1.1"
        # Without a length, HTTP/1.0 has only the end of the connection to end a body.
        close = close or (length is None and not chunked)
        if chunked:
            fields.append(("Transfer-Encoding", "chunked"))
        elif length is not None:
            fields.append(("Content-Length", str(length)))
    close = close or "close" in options or (version == "1.0" and "keep-alive" not in options)
    if close and "connection" not in names:
        fields.append(("Connection", "close"))
    elif not close and version == "1.0":
        fields.append(("Connection", "keep-alive"))
    # An answer that names its server already has passed through this one (RFC 9110 §7.6.3).
    fields.append(("Via", f"1.1 {server}") if "server" in names else ("Server", server))
    if "date" not in names:
        fields.append(("Date", format_http_date(int(now))))
    lines = "\r\n".join([f"{name}: {value}" for name, value in fields])
    return Head(f"HTTP/{version} {status}\r\n{lines}\r\n\r\n".encode("latin-1"), chunked, close)
