"""Request: the head of a plain HTTP/1.1 request, read at once (RFC 9112 §3, §5)."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

# A path from the root, of the characters that a URI has (RFC 3986 §3.3, §3.4), and fields without
# a folded line. No name with an underscore: in an environ it would be that of another field.
_PLAIN: Final = re.compile(
    r"([A-Z]+) ((/(?!/)[\w.~%!$&'()*+,;=:@/-]*)(?:\?([\w.~%!$&'()*+,;=:@/?-]*))?) HTTP/1\.1\r\n"
    r"((?:[!#$%&'*+.^`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*)\r\n",
    re.ASCII,
)

# What says that there is more than a head to be read.
_OF_A_BODY: Final = frozenset({"CONTENT_LENGTH", "EXPECT", "TRANSFER_ENCODING"})


class PlainRequest(NamedTuple):
    """What the head of a request says; all text is bytes as latin-1."""

    method: str
    target: str
    path: str
    """Unescaped."""
    query: str
    headers: dict[str, str]
    """By their names in an environ, without ``HTTP_``."""


def read_plain(head: bytes) -> PlainRequest | None:
    """Read the head of a request that has no body; None: it takes a closer look.

    It is whole, with the empty line at its end.
    """
    found = _PLAIN.fullmatch(head.decode("latin-1"))
    if found is None:
        return None
    method, target, path, query, fields = found.groups()
    headers: dict[str, str] = {}
    for field in fields.split("\r\n")[:-1]:
        name, _, value = field.partition(":")
        key = name.upper().replace("-", "_")
        value = value.strip(" \t")
        # A list that is spread over several lines (RFC 9110 §5.3).
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    if not _OF_A_BODY.isdisjoint(headers):
        return None
    if "%" in path:
        path = unquote_to_bytes(path).decode("latin-1")
    return PlainRequest(method, target, path, query or "", headers)
