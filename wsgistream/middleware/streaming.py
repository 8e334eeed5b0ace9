"""Streaming: the user's own hook over all that an application streams."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi import Reply, call
from wsgistream.wsgi.changing import changed, tell_of_change
from wsgistream.wsgi.text import as_bytes
from wsgistream.wsgi.watching import Transfer

#: Which answers are meant: those that are no list of chunks, all, or those it says yes to.
When: TypeAlias = Literal["streaming", "all"] | Callable[[Environ, Reply], bool]


class StreamingMiddleware:
    """Call hooks as answers of ``app`` stream: for progress, audits, watermarks or accounts.

    Each is called with the Transfer: ``start(transfer)`` before the answer begins,
    ``chunk(transfer, data)`` with each chunk, before it leaves, and ``finish(transfer)`` when the
    body has been closed: ``transfer.outcome`` then is ``"finished"``, ``"aborted"`` (the client has
    left) or ``"failed"`` (``transfer.error`` says how). What ``chunk`` returns is sent in place of
    the data (None: the data itself); such an answer has no length, no ranges and a weak tag. With
    ``changes=False`` it only looks, and all of that stays. What a hook raises cuts the answer.
    ``finish`` must not wait: a server that sends a file by itself calls it in its loop.

    ``when``: ``"streaming"`` leaves out what is sent as a list, ``"all"`` nothing, and a function
    ``(environ, reply)`` decides. ``clock`` (seconds) times it. Raises ValueError or TypeError for
    an option that cannot be.
    """

    def __init__(
        self,
        app: WSGIApp,
        *,
        chunk: Callable[[Transfer, bytes], bytes | None] | None = None,
        start: Callable[[Transfer], object] | None = None,
        finish: Callable[[Transfer], object] | None = None,
        when: When = "streaming",
        changes: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        for name, hook in (("chunk", chunk), ("start", start), ("finish", finish)):
            if hook is not None and not callable(hook):
                raise TypeError(f"{name} is a function, not {hook!r}.")
        if not callable(when) and when not in ("streaming", "all"):
            raise ValueError(f"when is 'streaming', 'all' or a function, not {when!r}.")
        self.app = app
        self._chunk = chunk
        self._start = start
        self._finish = finish
        self._when = when
        self._changes = changes and chunk is not None
        self._clock = clock

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        transfer = Transfer(environ, self._finish or _nothing, clock=self._clock)
        if self._changes:
            # A part of the bytes that were is no part of those that will be (RFC 9110 §14.2).
            environ = {**environ}
            environ.pop("HTTP_RANGE", None)
            environ.pop("HTTP_IF_RANGE", None)
        reply = call(self.app, environ)
        try:
            if self._changes and reply.status.startswith("304"):
                _weaken(reply)  # as it is with the answer that the client has kept
            if self._is_meant(environ, reply):
                self._follow(transfer, reply)
        except BaseException as error:
            transfer.fail(error)
            reply.close()
            raise
        return transfer.send(reply, start_response)

    def _is_meant(self, environ: Environ, reply: Reply) -> bool:
        if callable(self._when):
            return self._when(environ, reply)
        # The body of a HEAD does not tell what that of a GET would be.
        is_head = self._changes and environ["REQUEST_METHOD"] == "HEAD"
        return self._when == "all" or is_head or not isinstance(reply.body, (list, tuple))

    def _follow(self, transfer: Transfer, reply: Reply) -> None:
        if self._chunk is not None:
            reply.body = changed(reply.body, _Hook(transfer, self._chunk, self._changes))
        if self._changes:
            tell_of_change(reply)
            _weaken(reply)
        transfer.follow(reply)
        if self._start is not None:
            self._start(transfer)


class _Hook:
    """The hook for chunks, as a change."""

    def __init__(
        self, transfer: Transfer, chunk: Callable[[Transfer, bytes], bytes | None], changes: bool
    ) -> None:
        self._transfer = transfer
        self._chunk = chunk
        self._changes = changes

    def feed(self, chunk: Any) -> bytes:
        data = as_bytes(chunk)
        given = self._chunk(self._transfer, data) if data else None
        return data if given is None or not self._changes else given

    def finish(self) -> bytes:
        return b""


def _weaken(reply: Reply) -> None:
    etag = reply.get("ETag")
    if etag is not None and not etag.startswith("W/"):
        reply.set("ETag", f"W/{etag}")


def _nothing(transfer: Transfer) -> None:
    """Nobody wants to know."""
