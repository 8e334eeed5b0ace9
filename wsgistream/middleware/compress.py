"""Compress: answers in zstd, br or gzip, as they stream, for whoever takes them so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from wsgistream.rules.coding import (
    LEVELS,
    LIVE,
    STREAM,
    Encoder,
    Maker,
    encoder_maker,
    present_codings,
)
from wsgistream.rules.conditions import is_entity_tag
from wsgistream.rules.encodable import Whole, check_types, is_of, whole_of
from wsgistream.rules.encoded import Variant, known_tag, tag_of, translated, variant_of
from wsgistream.rules.media import is_compressible
from wsgistream.rules.negotiation import IDENTITY, acceptable_codings, with_vary
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi import Reply, call
from wsgistream.wsgi.bodies import Truncated, close
from wsgistream.wsgi.changing import changed, tell_of_change
from wsgistream.wsgi.text import as_bytes
from wsgistream.wsgi.waiting import IN_LOOP, Pausable, Wakeable, is_quick

_EVENTS: Final = "text/event-stream"
_LIVE_TYPES: Final = (_EVENTS, "application/x-ndjson")
# Those that a stream may be kept in for hours: of br it would hold 290 KiB, whatever its window.
_LIVE_CODINGS: Final = ("gzip", "zstd")

# Bytes that a loop compresses in no more than 0.2 ms.
_QUICK: Final = 16 * 1024
# The window of the smallest list: with less, nothing would be gained.
_SMALLEST: Final = 13


class CompressMiddleware:
    """Compress answers of ``app`` as the request's Accept-Encoding has it (RFC 9110 §12.5.3).

    ``codings``: of zstd, br and gzip; where a client likes two equally, the first is used. None:
    those whose library is there. ``minimum`` (bytes): what is known to be smaller stays as it is.
    ``types``: such as ``("text/*", "application/json")``; None: text, and what is text in all but
    name. ``level``: for all codings, or for each by name: zstd 1 to 19 (usually 3), br 0 to 11 (5),
    gzip 1 to 9 (5). Raises ValueError or TypeError for an option that cannot be, and MissingLibrary
    for a coding that is named and whose library is not there.

    Nothing is read ahead. Events, lines of JSON, what is sent with ``X-Accel-Buffering: no`` and
    what may be idle leave chunk by chunk; the rest as it fills. Parts, what is encoded already
    and ``Cache-Control: no-transform`` (beside ``X-Accel-Buffering: no`` it is meant for proxies)
    are left alone: a range is one of the bytes as they are. A strong ETag gets the name of the
    coding, and is understood when it comes back.

    Whoever sees how long an answer is can guess, bit by bit, a secret in it that stands beside
    something of their own choice, such as a search (BREACH): keep such answers out by
    ``no-transform``, or disguise the secret anew in each.
    """

    def __init__(
        self,
        app: WSGIApp,
        *,
        codings: Iterable[str] | None = None,
        minimum: int = 500,
        types: Iterable[str] | None = None,
        level: int | Mapping[str, int] | None = None,
    ) -> None:
        if type(minimum) is not int or minimum < 0:
            raise ValueError(f"A minimum is a number of bytes, not {minimum!r}.")
        self.app = app
        self._codings = present_codings(codings)
        self._live = tuple(coding for coding in _LIVE_CODINGS if coding in self._codings)
        levels: dict[str, int | None] = dict.fromkeys(self._codings)
        levels |= level if isinstance(level, Mapping) else dict.fromkeys(levels, level)
        self._makers = {coding: encoder_maker(coding, each) for coding, each in levels.items()}
        # A level above the usual one takes its time even for little.
        self._is_light = not any(
            each and each > LEVELS[coding].usual for coding, each in levels.items()
        )
        self.quick = self._is_light and is_quick(app)
        self._minimum = max(1, minimum)
        self._types = None if types is None else check_types(types)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        accept = environ.get("HTTP_ACCEPT_ENCODING")
        accepted = acceptable_codings(accept, self._codings)
        fields = translated(environ, self._codings, accepted)
        reply = call(self.app, _with(fields, environ) if fields else environ)
        try:
            whole = whole_of(reply.status, reply.headers)
            offers = () if whole is None else self._offers(reply, whole, environ)
            if offers:
                reply.headers = with_vary(reply.headers, "Accept-Encoding")
            if reply.status.startswith("304"):
                known = environ.get("HTTP_IF_NONE_MATCH", "")
                self._confirm(reply, known, accepted if offers else (IDENTITY,))
            else:
                # A part is one of the bytes as they are.
                is_part = reply.status.startswith("206")
                best = () if is_part else acceptable_codings(accept, offers)
                self._encode(reply, whole, best[0] if best else IDENTITY, environ)
        except BaseException:
            reply.close()
            raise
        return reply.send(start_response)

    def _offers(self, reply: Reply, whole: Whole, environ: Environ) -> tuple[str, ...]:
        """List the codings that an answer, or the whole of which it is a part, could be sent in."""
        size = whole.size
        if size is None and whole.is_here and isinstance(reply.body, (list, tuple)):
            # What is empty in a HEAD says nothing of a GET.
            size = sum(map(len, reply.body)) or (None if _is_head(environ) else 0)
        if size is not None and size < self._minimum:
            return ()
        if whole.kind is not None and not self._is_wanted(whole.kind):
            return ()
        return self._live if _is_live(reply, whole.kind) else self._codings

    def _is_wanted(self, kind: str) -> bool:
        return is_compressible(kind) if self._types is None else is_of(kind, self._types)

    def _confirm(self, reply: Reply, known: str, accepted: Sequence[str]) -> None:
        """Name in a 304 what the client has, of what it knows by its If-None-Match."""
        etag = _tag(reply)
        if etag is None:
            return
        tag = known_tag(known, etag, self._codings, accepted)
        if tag is None:
            tag = tag_of(Variant(etag, IDENTITY), self._codings)
            if accepted != (IDENTITY,):
                # It asked by date, and may have it in any coding.
                tag = f"W/{tag.removeprefix('W/')}"
        reply.set("ETag", tag)
        if variant_of(tag, self._codings).coding != IDENTITY:
            tell_of_change(reply)

    def _encode(self, reply: Reply, whole: Whole | None, coding: str, environ: Environ) -> None:
        etag = _tag(reply)
        if etag is not None:
            reply.set("ETag", tag_of(Variant(etag, coding), self._codings))
        if whole is None or coding == IDENTITY:
            return
        if etag is None:
            reply.set("ETag", None)  # what is no tag can be none of a coding
        tell_of_change(reply)
        reply.set("Content-Encoding", coding)
        body, make, length = reply.body, self._makers[coding], whole.size
        if _is_head(environ):
            reply.body = []
            close(body)
        elif isinstance(body, (list, tuple)) and length in (None, sum(map(len, body))):
            _compress_list(reply, body, make, IN_LOOP in environ)
        else:
            is_live = _is_live(reply, whole.kind)
            change = _Compression(make(LIVE if is_live else STREAM), length, flushes=is_live)
            reply.body = changed(body, change, quick=self._is_light and whole.kind == _EVENTS)


class _Compression:
    """A compression, as a change."""

    def __init__(self, encoder: Encoder, length: int | None, *, flushes: bool) -> None:
        self._encoder = encoder
        self._flushes = flushes
        self._missing = length

    def feed(self, chunk: Any) -> bytes:
        data = as_bytes(chunk)
        if not data:
            return b""
        if self._missing is not None:
            self._missing -= len(data)
            if self._missing < 0:
                raise Truncated("The application gave more bytes than it announced.")
        given = self._encoder.feed(data)
        return given + self._encoder.flush() if self._flushes else given

    def finish(self) -> bytes:
        # The length that would have told of it was that of other bytes, and is gone.
        if self._missing:
            raise Truncated("The application gave fewer bytes than it announced.")
        return self._encoder.finish()


def _compress_list(reply: Reply, body: Sequence[bytes], make: Maker, in_loop: bool) -> None:
    """Compress what is there as a whole, unless others would have to wait for it."""
    size = sum(map(len, body))
    encoder = make(min(max(size.bit_length(), _SMALLEST), STREAM))
    if in_loop and size > _QUICK:
        # The server takes a thread for what is no list.
        reply.body = changed(Pausable(body), _Compression(encoder, size, flushes=False))
        return
    data = b"".join([*map(encoder.feed, body), encoder.finish()])
    reply.set("Content-Length", str(len(data)))
    reply.body = [data]
    close(body)


def _is_live(reply: Reply, kind: str | None) -> bool:
    """Tell whether each chunk is to leave as it comes."""
    return (
        kind in _LIVE_TYPES
        or isinstance(reply.body, Wakeable)
        or (reply.get("X-Accel-Buffering") or "").lower() == "no"
    )


def _is_head(environ: Environ) -> bool:
    return bool(environ["REQUEST_METHOD"] == "HEAD")


def _tag(reply: Reply) -> str | None:
    etag = reply.get("ETag")
    return etag if etag is not None and is_entity_tag(etag) else None


def _with(fields: Mapping[str, str | None], environ: Environ) -> Environ:
    kept = {key: value for key, value in environ.items() if key not in fields}
    return kept | {key: value for key, value in fields.items() if value is not None}
