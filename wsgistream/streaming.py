"""Streaming: any iterable, text, file or function as an answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from typing import IO, Final

from wsgistream.respond import begin, enact, extra_fields, plan_body
from wsgistream.rules.conditions import check_entity_tag
from wsgistream.rules.decide import NOSNIFF, decide, give_whole
from wsgistream.rules.disposition import content_disposition
from wsgistream.rules.fields import check_header, whole_seconds
from wsgistream.rules.media import DEFAULT, charset_of, with_charset
from wsgistream.sources.anything import Form, is_maker, source_maker
from wsgistream.sources.restartable import Restartable
from wsgistream.sources.stream import Stream
from wsgistream.types import Body, Environ, Header, Meta, Plan, Source, StartResponse
from wsgistream.wsgi.bodies import Unbegun
from wsgistream.wsgi.chunks import check_size
from wsgistream.wsgi.text import Chunk
from wsgistream.wsgi.waiting import IN_LOOP, Wakeable, WouldBlock

# Answers that never have a body (RFC 9110 §15.3.5, §15.3.6, §15.4.5).
_BODILESS: Final = (204, 205, 304)

# An application has no interim answer, and a Range decides 206 and 416 (RFC 9110 §15.2, §14.2).
_STATUSES: Final = frozenset(s for s in HTTPStatus if s >= 200 and s not in (206, 416))

_EVENTS: Final = "text/event-stream"


class StreamingResponse:
    """Any body as a WSGI callable, for a view to return, or to be mounted as an application.

    ``iterable``: bytes or text, an iterable of them, a binary file, a ``Restartable``, or a
    function that makes one of these for each request. What can be read only once is sent only
    once; anything else as often as it is asked for. Text is encoded by the charset of
    ``content_type``, utf-8 if it names none.

    ``content_length`` (bytes) holds the body to it, and makes it rangeable; it need not be given
    for what is in memory, a regular file (from its present position on) and a ``Restartable``. An
    answer of unknown length is sent in chunks, or until the connection closes. ``end`` is added
    where the body has come to its end and nowhere else, for clients that could not tell a cut
    from it: a last record, a last event, a last line. It is part of the content length.

    ``filename`` and ``download`` make the Content-Disposition, ``headers`` are further fields.
    ``etag``: an entity-tag with its quotes; ``last_modified``: a datetime with a time zone, or
    seconds since 1970. ``status``: with any other than 200 there are neither ranges nor
    preconditions. ``live``: what is sent is of now, so that nobody on the way may hold it back or
    change it; None: if it is ``text/event-stream``, or ``Wakeable``. Under our server a slow client
    holds no thread: it may be another thread that goes on reading, unless ``pausable`` is false,
    as for a cursor of sqlite3.

    Raises TypeError or ValueError for what cannot be sent; when it is called, RuntimeError for what
    was sent already, and Unbegun for an OSError before the first byte.
    """

    def __init__(
        self,
        iterable: Iterable[Chunk]
        | Restartable
        | IO[bytes]
        | Callable[[], Iterable[Chunk] | Restartable | IO[bytes]],
        *,
        content_type: str = DEFAULT,
        status: int = 200,
        headers: Iterable[Header] | Mapping[str, str] = (),
        content_length: int | None = None,
        filename: str | None = None,
        download: bool = False,
        etag: str | None = None,
        last_modified: datetime | float | None = None,
        end: Chunk | None = None,
        live: bool | None = None,
        pausable: bool = True,
    ) -> None:
        media = _media(content_type)
        extra = (NOSNIFF, *_disposition(filename, download), *extra_fields(None, headers))
        is_live = media.startswith(_EVENTS) if live is None else live
        # Whether a body may be idle is known only when it is there.
        self._may_be_idle = live is None and not is_live
        self._form = Form(
            media,
            None if content_length is None else check_size("content_length", content_length),
            check_entity_tag(etag),
            None if last_modified is None else whole_seconds(last_modified),
            _live(extra, media) if is_live else extra,
            charset_of(media),
            _check_end(end),
            pausable,
        )
        self._status = _check_status(status, iterable, self._form)
        self._is_made = is_maker(iterable)
        #: See ``wsgistream.wsgi.waiting``.
        self.quick = isinstance(iterable, (bytes, str))
        self._open = source_maker(iterable, self._form)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        now = time.time()
        if self._is_made:
            if IN_LOOP in environ:
                raise WouldBlock
            plan = self._plan(environ, self._form.meta(), now)
            if self._status == 200 and plan.status in (304, 412):
                begin(plan, start_response)
                return plan_body(plan, environ)  # for which nothing need be made
        try:
            return self._give(environ, start_response, now)
        except OSError as error:
            raise Unbegun from error

    def _give(self, environ: Environ, start_response: StartResponse, now: float) -> Body:
        source = self._open()
        try:
            if self._may_be_idle and _may_be_idle(source):
                meta = source.meta
                source.meta = replace(meta, extra=_live(meta.extra, meta.content_type))
            plan = self._plan(environ, source.meta, now)
        except BaseException:
            source.close()
            raise
        return enact(plan, environ, start_response, source)

    def _plan(self, environ: Environ, meta: Meta, now: float) -> Plan:
        if self._status == 200:
            return decide(environ, meta, now)
        return give_whole(environ, self._status, meta, now)


def _may_be_idle(source: Source) -> bool:
    return isinstance(source, Stream) and isinstance(source.body, Wakeable)


@lru_cache(maxsize=1024)
def _media(content_type: str) -> str:
    if not isinstance(content_type, str) or "/" not in content_type:
        raise ValueError(f"A content type looks like text/plain, and not {content_type!r}.")
    return with_charset(check_header("Content-Type", content_type)[1])


def _disposition(filename: str | None, download: bool) -> tuple[Header, ...]:
    if filename is not None:
        if not isinstance(filename, str):
            raise TypeError(f"filename is the name as text, not {filename!r}.")
        return (("Content-Disposition", content_disposition(filename, download=download)),)
    # Without a name, a browser takes the last part of the address.
    return (("Content-Disposition", "attachment"),) if download else ()


def _live(extra: tuple[Header, ...], media: str) -> tuple[Header, ...]:
    """Add what keeps a stream from being held back or changed; what is said already stands."""
    # What was told at a moment is of no use at another, and nobody need keep it.
    control = "no-store, no-transform" if media.startswith(_EVENTS) else "no-transform"
    given = {name.lower() for name, _ in extra}
    fields = (("Cache-Control", control), ("X-Accel-Buffering", "no"))
    return (*extra, *(field for field in fields if field[0].lower() not in given))


def _check_end(end: Chunk | None) -> Chunk:
    if end is not None and not isinstance(end, (bytes, str)):
        raise TypeError(f"end is bytes or text, not {end!r}.")
    return end or b""


def _check_status(status: int, body: object, form: Form) -> int:
    if isinstance(status, bool) or not isinstance(status, int):
        raise TypeError(f"A status is a number such as 404, not {status!r}.")
    if status not in _STATUSES:
        raise ValueError(f"An answer cannot be made with the status {status}.")
    # Of anything else, as of a query, the truth may take its time.
    is_empty = isinstance(body, (bytes, str, list, tuple)) and not body and not form.end
    if status in _BODILESS and not is_empty:
        raise ValueError(f"An answer with the status {status} has no body: give b'' for none.")
    return status
