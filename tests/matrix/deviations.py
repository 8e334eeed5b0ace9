"""Deviations: what a server itself does wrong, whatever it is given, and what that means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_UNKNOWN: Final = ("HEAD of a stream of unknown length", "HEAD of a stream that pauses")

_LAST_CHUNK: Final = (
    "The answer to HEAD of an unknown length ends with the last chunk of a body that it has not"
)
_NO_LENGTH: Final = (
    "The answer to HEAD of an unknown length says `Content-Length: 0`, which GET would not say."
)


def _all() -> Iterator[tuple[str, tuple[str, ...], str]]:
    yield "waitress", _UNKNOWN, f"{_LAST_CHUNK}; the connection is closed after it."
    yield (
        "bjoern",
        _UNKNOWN,
        f"{_LAST_CHUNK}, and a client that goes on takes it for the next answer.",
    )
    yield "gevent", _UNKNOWN, _NO_LENGTH
    yield "wsgiref", _UNKNOWN, _NO_LENGTH
    yield (
        "wsgiref",
        ("a failure of unknown length",),
        "It speaks HTTP/1.0, in which a cut looks like the end.",
    )
    yield (
        "uWSGI",
        ("a failure of unknown length",),
        "It sends no chunks by itself, and without them a cut looks like the end.",
    )
    yield (
        "uWSGI",
        ("a failure before the first byte",),
        "What fails after `start_response` is answered with its status and no byte.",
    )
    yield (
        "mod_wsgi daemon",
        ("a failure of unknown length",),
        "Apache does not hear of the failure in the other process and ends the chunks as usual.",
    )
    yield (
        "granian",
        ("a failure of unknown length", "a failure before the first byte"),
        "It ends the chunks of a body that failed as those of one that has ended.",
    )
    for server in ("werkzeug", "uvicorn"):
        yield (
            server,
            ("a stream of unknown length by HTTP/1.0",),
            "It sends chunks to a client of HTTP/1.0, which does not know them.",
        )
    yield (
        "werkzeug",
        ("POST of much",),
        "It says that it closes the connection, and then waits for the client to do so.",
    )


#: By the name of a server and of a case. Each has to fail: who does better is taken from here.
DEVIATIONS: Final = {(server, case): reason for server, cases, reason in _all() for case in cases}
