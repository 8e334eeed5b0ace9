"""Deviations: what a front does otherwise than the server behind it, whatever that sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.matrix.cases import FILES

_HEAD: Final = tuple(f"HEAD of {case.name}" for case in FILES if case.status in (206, 416))


def _all() -> Iterator[tuple[str, tuple[str, ...], str]]:
    yield (
        "Caddy",
        ("a failure of unknown length", "a failure of unknown length by HTTP/2"),
        "It ends the chunks of a stream that was cut as those of one that has ended.",
    )
    yield (
        "HAProxy",
        ("a failure of unknown length by HTTP/2",),
        "It ends a stream that was cut as one that has ended; by HTTP/1.1 the cut is seen.",
    )
    yield (
        "nginx",
        ("POST of much",),
        "It refuses more than 1 MiB by itself, with 413; `client_max_body_size` is for that.",
    )
    yield (
        "Varnish",
        ("a connection is kept",),
        "It closes the connection of an answer that it passes on as it comes.",
    )
    yield (
        "Varnish",
        (
            "a range by HTTP/2",
            "a failure of unknown length by HTTP/2",
            "a failure of known length by HTTP/2",
        ),
        "It knows no TLS, and so no HTTP/2 of browsers: that is for who ends TLS before it.",
    )
    for front in ("nginx offload", "Apache offload"):
        yield front, _HEAD, "A range is answered to HEAD too, as if that were GET."


#: By the name of a front and of a case. Each has to fail: who does better is taken from here.
DEVIATIONS: Final = {(front, case): reason for front, cases, reason in _all() for case in cases}

#: The fields that are other ones behind a proxy, in an answer that it may keep.
CHANGED: Final[dict[str, set[str]]] = {
    "nginx": {"server"},
    "HAProxy": set(),
    "Caddy": set(),
    "Varnish": {"age", "via", "x-varnish"},
}
