"""Multipart: the pieces of a multipart/byteranges body (RFC 9110 §14.6)."""

from __future__ import annotations

import os
from collections.abc import Iterable

from wsgistream.rules.ranges import content_range
from wsgistream.types import Slice


def random_boundary() -> str:
    """Make a boundary that no author of content can foresee (32 hexadecimal digits)."""
    return os.urandom(16).hex()


def byteranges(
    slices: Iterable[Slice], size: int, content_type: str, boundary: str
) -> tuple[bytes | Slice, ...]:
    """Put each slice of ``size`` bytes behind its part header, and the end after the last."""
    pieces: list[bytes | Slice] = []
    delimiter = f"--{boundary}\r\n"
    for piece in slices:
        head = (
            f"{delimiter}Content-Type: {content_type}\r\n"
            f"Content-Range: {content_range(piece, size)}\r\n\r\n"
        )
        pieces += [head.encode("latin-1"), piece]
        delimiter = f"\r\n--{boundary}\r\n"
    return (*pieces, f"\r\n--{boundary}--\r\n".encode("latin-1"))
