"""Starting: what an application may say when it begins its answer (PEP 3333)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from wsgiref.util import is_hop_by_hop

from wsgistream.types import Header


def check_start(status: str, headers: Sequence[Header]) -> int | None:
    """Check what was given to start_response; gives the Content-Length (bytes), if there is one.

    Raises AssertionError for what PEP 3333 forbids, ValueError for what would break the head.
    """
    try:
        texts = "".join([status, *[text for header in headers for text in header]])
    except TypeError:
        raise AssertionError("The status and the headers are strings (PEP 3333).") from None
    if "\n" in texts or "\r" in texts:
        raise ValueError("There is a line end in the status or in a header.")
    if not re.match(r"[1-9]\d\d\b", status, re.ASCII):
        raise ValueError("The status does not begin with a number of three digits (PEP 3333).")
    length = None
    for name, value in headers:
        if name.lower() == "content-length":
            if length is not None:
                raise ValueError("The application gives two lengths (RFC 9110 §8.6).")
            length = _length(value)
        elif is_hop_by_hop(name):
            raise AssertionError(f"{name} is between servers and clients alone (PEP 3333).")
    return length


def _length(value: str) -> int:
    if not re.fullmatch(r"\d+", value.strip(), re.ASCII):
        raise ValueError(f"A Content-Length of {value!r} is none.")
    return int(value)
