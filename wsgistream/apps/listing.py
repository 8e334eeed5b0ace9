"""Listing: a folder's entries as an answer, a page or JSON as the client prefers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pkgutil import get_data
from typing import Final

from wsgistream.respond import respond
from wsgistream.rules.decide import NOSNIFF
from wsgistream.rules.listing import html_listing, json_listing
from wsgistream.rules.negotiation import prefers_json
from wsgistream.sources.stream import Stream
from wsgistream.types import Body, Entry, Environ, Header, Meta, StartResponse

# Characters that are worth a chunk of their own.
_CHUNK: Final = 16 * 1024


class ListingResponse:
    """The entries of the folder at ``path`` as a WSGI callable; they are read as they are sent.

    ``script`` is what the page runs, from the root of the folders.
    """

    def __init__(
        self,
        path: Sequence[str],
        entries: Iterable[Entry],
        headers: tuple[Header, ...] = (),
        *,
        script: str | None = None,
    ) -> None:
        self._path = path
        self._entries = entries
        self._headers = headers
        self._script = script

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        if prefers_json(environ.get("HTTP_ACCEPT")):
            content_type = "application/json"
            text = json_listing(self._path, self._entries)
        else:
            content_type = "text/html; charset=utf-8"
            text = html_listing(_template(), self._path, self._entries, script=self._script)
        extra = (NOSNIFF, ("Vary", "Accept"), *self._headers)
        source = Stream(_encoded(text), Meta(None, content_type, extra=extra))
        return respond(environ, start_response, source)


@lru_cache
def _template() -> str:
    # importlib.resources would bring what reads archives into each process.
    return (get_data("wsgistream", "pages/listing.html") or b"").decode()


def _encoded(lines: Iterable[str]) -> Iterator[bytes]:
    waiting, size = [], 0
    for line in lines:
        waiting.append(line)
        size += len(line)
        if size >= _CHUNK:
            yield "".join(waiting).encode()
            waiting, size = [], 0
    yield "".join(waiting).encode()
