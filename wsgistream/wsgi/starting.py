"""Starting: what an application may say when it begins its answer (PEP 3333)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from typing import Final

from wsgistream.types import Header

# Fields between a server and its client (RFC 2616 §13.5.1, which PEP 3333 refers to).
_HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailers",
        "transfer-encoding",
        "upgrade",
    }
)

_STATUS: Final = re.compile(r"[1-9]\d\d\b", re.ASCII)


def check_start(status: str, headers: Sequence[Header]) -> int | None:
    """Check what was given to start_response; gives the Content-Length (bytes), if there is one.

    Raises AssertionError for what PEP 3333 forbids, ValueError for what would break the head.
    """
    try:
        texts = "".join([status, *chain.from_iterable(headers)])
    except TypeError:
        raise AssertionError("The status and the headers are strings (PEP 3333).") from None
    if "\n" in texts or "\r" in texts:
        raise ValueError("There is a line end in the status or in a header.")
    if not _STATUS.match(status):
        raise ValueError("The status does not begin with a number of three digits (PEP 3333).")
    names = [name.lower() for name, _ in headers]
    if not _HOP_BY_HOP.isdisjoint(names):
        theirs = ", ".join(sorted(_HOP_BY_HOP.intersection(names)))
        raise AssertionError(f"These are between servers and clients alone (PEP 3333): {theirs}.")
    if "content-length" not in names:
        return None
    if names.count("content-length") > 1:
        raise ValueError("The application gives two lengths (RFC 9110 §8.6).")
    return _length(headers[names.index("content-length")][1])


def _length(value: str) -> int:
    if not (value.isascii() and value.strip().isdigit()):
        raise ValueError(f"A Content-Length of {value!r} is none.")
    return int(value)
