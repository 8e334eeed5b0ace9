"""Respond: the one exit into WSGI, where a source becomes an answer."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Final

from wsgistream.errors import ALLOW, MethodNotAllowed, answer_to
from wsgistream.rules.decide import decide
from wsgistream.rules.disposition import content_disposition
from wsgistream.rules.fields import check_header
from wsgistream.rules.media import with_charset
from wsgistream.sources.file import EtagMaker, File, etag_of_status
from wsgistream.sources.memory import Memory
from wsgistream.sources.objects.address import is_url
from wsgistream.sources.stream import Stream
from wsgistream.types import (
    Body,
    Environ,
    Header,
    Meta,
    Plan,
    Prepared,
    Responder,
    Slice,
    Source,
    StartResponse,
)
from wsgistream.wsgi.bodies import Pieces
from wsgistream.wsgi.files import hand_over, read_cached
from wsgistream.wsgi.waiting import IN_LOOP

#: Bytes of a file that are sent at once: a read and a write are quicker than handing over the file.
SMALL: Final = 64 * 1024

# What an answer says of its own bytes, and what is between a server and its client (PEP 3333).
_OURS: Final = frozenset(
    {
        "accept-ranges",
        "connection",
        "content-length",
        "content-range",
        "content-type",
        "date",
        "etag",
        "keep-alive",
        "last-modified",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def respond(environ: Environ, start_response: StartResponse, source: Source) -> Body:
    """Answer a request with a source, as ``decide`` says; the source is closed with the body."""
    try:
        plan = decide(environ, source.meta, time.time())
    except BaseException:
        source.close()
        raise
    return enact(plan, environ, start_response, source)


def enact(plan: Plan, environ: Environ, start_response: StartResponse, source: Source) -> Body:
    """Carry out a plan about a source: the body is made first, then the answer begins.

    What cannot be read at all is therefore still a clean error. Raises what the source raises.
    """
    if isinstance(source, Memory):
        return _enact_at_once(plan, start_response, source)
    body = Pieces(source, plan.pieces)
    try:
        sent = _body(environ, body)
        begin(plan, start_response)
    except BaseException:
        body.close()
        raise
    return sent


def _enact_at_once(plan: Plan, start_response: StartResponse, source: Memory) -> Body:
    try:
        content = _content(plan.pieces, source.slice)
    finally:
        source.close()
    begin(plan, start_response)
    return content


def _body(environ: Environ, body: Pieces) -> Body:
    slices = [piece for piece in body.pieces if isinstance(piece, Slice)]
    if not slices:
        body.close()
        return [piece for piece in body.pieces if isinstance(piece, bytes)]
    idle = body.source.idle() if isinstance(body.source, Stream) else None
    if idle is not None:
        return idle  # which knows how to wait without a thread
    if body.source.file is None:
        if isinstance(body.source, Prepared):
            body.source.prepare(slices)
        return body
    if sum(stop - start for start, stop in slices) > SMALL:
        return hand_over(environ, body)
    read = partial(read_cached, body.source.file) if IN_LOOP in environ else body.read
    content = _content(body.pieces, read)
    body.close()
    return content


def _content(pieces: Sequence[bytes | Slice], read: Callable[[Slice], bytes]) -> list[bytes]:
    """Put together, in memory, a body of pieces; of nothing it is empty."""
    content = [piece if isinstance(piece, bytes) else read(piece) for piece in pieces]
    return content if len(content) < 2 else [b"".join(content)]


def begin(plan: Plan, start_response: StartResponse) -> None:
    """Send the status and the headers of a plan."""
    start_response(status_line(plan.status), list(plan.headers))


@lru_cache
def status_line(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"


def refuse(error: Exception, environ: Environ, start_response: StartResponse) -> Body:
    """Answer what was raised before the first byte, from the table of errors.

    Raises ``error`` again where the table does not know it.
    """
    plan = answer_to(error)
    begin(plan, start_response)
    return plan_body(plan, environ)


def plan_body(plan: Plan, environ: Environ) -> list[bytes]:
    """Give the body of a plan that needs no source; HEAD has none."""
    if environ["REQUEST_METHOD"] == "HEAD":
        return []
    return [piece for piece in plan.pieces if isinstance(piece, bytes)]


def answer_other_method(environ: Environ, start_response: StartResponse) -> Body:
    """Answer a method other than GET and HEAD, for what can only be read."""
    if environ["REQUEST_METHOD"] != "OPTIONS":
        return refuse(MethodNotAllowed(), environ, start_response)
    begin(Plan(204, (ALLOW,), ()), start_response)
    return []


class FileResponse:
    """A file as a WSGI callable, for a view to return: ``return FileResponse("report.pdf")``.

    ``path``: of a file, or the URL of an object such as ``s3://bucket/key``, whose own tag, type
    and disposition stand where nothing else is said.
    ``filename`` (default: the file's own name) and ``download`` make the Content-Disposition,
    ``headers`` are further fields. ``etag``: makes the entity-tag; None: no tag. ``responder``:
    what answers with the file. Raises ValueError for a header that could not be sent; a missing
    file is a 404 when it is asked for.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        content_type: str | None = None,
        filename: str | None = None,
        download: bool = False,
        cache_control: str | None = None,
        headers: Iterable[Header] = (),
        etag: EtagMaker | None = etag_of_status,
        responder: Responder = respond,
    ) -> None:
        self.path = path
        self._object: Callable[[Environ], Source] | None = None
        if isinstance(path, str) and is_url(path):
            from wsgistream.sources.objects.single import object_at  # noqa: PLC0415 - few need it

            self._object = object_at(path)
        if self._object is not None and etag is not etag_of_status:
            raise ValueError("An object of a store has an entity-tag of its own.")
        #: See ``wsgistream.wsgi.waiting``: a tag that is made of the bytes takes its time.
        self.quick = (
            self._object is None and etag in (None, etag_of_status) and responder is respond
        )
        self._responder = responder
        name = os.path.basename(os.fspath(path)) if filename is None else filename
        disposition = content_disposition(name, download=download)
        self._content_type = None if content_type is None else with_charset(content_type)
        self._etag = etag
        self._extra = extra_fields(cache_control, headers)
        if self._object is None or filename is not None or download:
            self._extra = (("Content-Disposition", disposition), *self._extra)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        try:
            source = self._open() if self._object is None else self._told(self._object(environ))
            return self._responder(environ, start_response, source)
        except OSError as error:
            return refuse(error, environ, start_response)

    def _told(self, source: Source) -> Source:
        """Say of an object what was said here, and leave the rest as it is."""
        if self._content_type is not None:
            source.meta = replace(source.meta, content_type=self._content_type)
        source.meta = with_fields(source.meta, self._extra)
        return source

    def _open(self) -> File:
        return File(self.path, content_type=self._content_type, etag=self._etag, extra=self._extra)


def with_fields(meta: Meta, extra: Iterable[Header]) -> Meta:
    """Add the fields that a caller gives; of those that a source has itself, they take the place.

    Only Vary is a list of what each has to say (RFC 9110 §12.5.5).
    """
    given = tuple(extra)
    replaced = {name.lower() for name, _ in given} - {"vary"}
    kept = (field for field in meta.extra if field[0].lower() not in replaced)
    return replace(meta, extra=(*kept, *given))


def extra_fields(
    cache_control: str | None, headers: Iterable[Header] | Mapping[str, str]
) -> tuple[Header, ...]:
    """Check the header fields that a caller adds; raises ValueError for one that cannot be."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    fields = tuple(check_header(name, value) for name, value in pairs)
    for name, _ in fields:
        if name.lower() in _OURS:
            raise ValueError(f"The header {name} is made from the file and cannot be set.")
    if cache_control is not None:
        fields = (check_header("Cache-Control", cache_control), *fields)
    return fields
