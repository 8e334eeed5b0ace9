"""Ranges: Range, If-Range and preconditions for an application that has none of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import IO, Any, Final

from wsgistream.respond import enact
from wsgistream.rules.conditions import has_conditions, is_entity_tag
from wsgistream.rules.decide import decide
from wsgistream.rules.fields import parse_http_date
from wsgistream.rules.media import DEFAULT
from wsgistream.types import Body, Environ, Meta, Source, StartResponse, WSGIApp
from wsgistream.wsgi import Reply, call
from wsgistream.wsgi.bodies import OnePass
from wsgistream.wsgi.files import READ_SIZE, FileWrapper, plain_file
from wsgistream.wsgi.waiting import is_quick

# What Meta says by itself.
_IN_META: Final = frozenset(
    {"accept-ranges", "content-length", "content-type", "etag", "last-modified"}
)


class RangeMiddleware:
    """Give ranges and preconditions to every 200 answer of ``app`` that can have them.

    Ranges need a length, preconditions an ETag or a Last-Modified. Nothing is buffered: a file is
    positioned, any other body is read up to the range, and neither is read beyond it. What is
    encoded, of unknown length, partial already, or no answer to GET or HEAD, is left alone.
    """

    def __init__(self, app: WSGIApp) -> None:
        self.app = app
        self.quick = is_quick(app)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self.app(environ, start_response)
        reply = call(self.app, environ)
        size = _size(reply, environ["REQUEST_METHOD"])
        if size is None:
            return reply.send(start_response)
        if "HTTP_RANGE" in environ or has_conditions(environ):
            now = time.time()
            meta = _meta(reply, size, now)
            plan = decide(environ, meta, now)
            if plan.status != 200:
                return enact(plan, environ, start_response, _source(reply.body, meta))
        reply.set("Accept-Ranges", "bytes")
        return reply.send(start_response)


def _size(reply: Reply, method: str) -> int | None:
    """Find the length of the body (bytes); None: it is unknown, or to be left alone."""
    if (
        not reply.status.startswith("200")
        or reply.get("Content-Encoding") is not None
        or reply.get("Accept-Ranges") == "none"
    ):
        return None
    length = reply.get("Content-Length")
    if length is not None:
        return int(length) if length.isascii() and length.isdigit() else None
    # The body of HEAD is empty, and so says nothing of that of GET.
    whole = method == "GET" and isinstance(reply.body, (list, tuple))
    return sum(map(len, reply.body)) if whole else None


def _meta(reply: Reply, size: int, now: float) -> Meta:
    """Read what an answer says of its body."""
    etag = reply.get("ETag")
    return Meta(
        size,
        reply.get("Content-Type") or DEFAULT,
        etag=etag if etag is not None and is_entity_tag(etag) else None,
        modified=parse_http_date(reply.get("Last-Modified") or "", now),
        extra=tuple(header for header in reply.headers if header[0].lower() not in _IN_META),
        one_pass=True,
    )


def _source(body: Body, meta: Meta) -> Source:
    seekable = getattr(getattr(body, "file", None), "seekable", None)
    if isinstance(body, FileWrapper) and seekable is not None and seekable():
        return _File(body, meta)
    return _Body(body, meta)


class _Body(OnePass):
    """The body of an answer as a source."""

    file = None

    def __init__(self, body: Body, meta: Meta) -> None:
        super().__init__(body)
        self.meta = meta


class _File:
    """The file of an answer as a source; it begins where the application left its position."""

    def __init__(self, body: FileWrapper, meta: Meta) -> None:
        self._body = body
        self._file: Any = body.file
        self._origin = self._file.tell()
        self.meta = meta
        # What the system sends by itself is not read, and whoever watches would not hear of it.
        read = self._origin or body.is_watched
        self.file: IO[bytes] | None = None if read else plain_file(self._file)

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        self._file.seek(self._origin + start)
        while start < stop and (block := self._file.read(min(READ_SIZE, stop - start))):
            start += len(block)
            yield block

    def close(self) -> None:
        self._body.close()
