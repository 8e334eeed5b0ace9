"""Answers: one call of a WSGI application, and its body in the loop or in threads, as it can be."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from contextvars import copy_context
from typing import Any, TypeVar

from wsgistream.asgi.daphne import below
from wsgistream.asgi.news import News
from wsgistream.asgi.requests import ClientGone, Receive
from wsgistream.asgi.sending import Outgoing, Send
from wsgistream.types import Body, Environ, Header, WSGIApp
from wsgistream.wsgi.bodies import close
from wsgistream.wsgi.text import as_bytes
from wsgistream.wsgi.waiting import IN_LOOP, Wakeable, WouldBlock, is_pausable, is_quick

_Result = TypeVar("_Result")


class Answer:
    """An answer on its way; of its application, nothing ever runs in two threads at a time."""

    def __init__(
        self, app: WSGIApp, environ: Environ, send: Send, threads: Executor, pausable: bool
    ) -> None:
        self._app = app
        self._environ = environ
        self._daphne = below(send)
        self._send = self._daphne or send
        self._outgoing = Outgoing(self._send, environ["REQUEST_METHOD"])
        self._threads = threads
        self._pausable = pausable
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        # What the application keeps there goes with its answer, whichever thread makes it.
        self._context = copy_context()
        self._alone = threading.Lock()
        #: Of the stream, or of the client.
        self._news = News()
        self._gone = self._ended = False
        self._may_move = True
        self._body: Body | None = None
        self._chunks: Iterator[bytes] = iter(())
        self._sending: Future[None] | None = None

    async def run(self, receive: Receive) -> None:
        """Make the answer and send it; raises what the application raises, and ClientGone.

        A server cuts an answer that has begun when this raises.
        """
        watcher = self._loop.create_task(self._watch(receive))
        try:
            await self._make_and_close()
            await self._outgoing.finish()
        except ClientGone:
            raise
        except Exception:
            if self._daphne is not None and self._outgoing.begun:
                self._daphne.lose()
                await asyncio.wait([watcher])  # it is not to know of both
            raise
        finally:
            watcher.cancel()
            if self._daphne is not None:
                self._daphne.release()

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._leave()

    def _leave(self) -> None:
        """Tell whoever makes the answer that nobody wants it any more."""
        self._gone = True
        self._news.tell()
        if self._sending is not None:
            self._sending.cancel()

    async def _make_and_close(self) -> None:
        try:
            await self._make()
        except BaseException:
            self._leave()
            await self._release(True)
            raise
        await self._release(hasattr(self._body, "close"))

    async def _make(self) -> None:
        if not (is_quick(self._app) and self._asked_at_once()):
            await self._in_thread(self._call)
        body = self._body
        if isinstance(body, Wakeable):
            await self._stream(body)
        elif isinstance(body, (list, tuple)):
            for chunk in body:
                await self._put(as_bytes(chunk))
                await asyncio.sleep(0)  # the loop has other clients
        elif body is not None and not self._may_move:
            await self._in_thread(self._send_from_here)
        elif body is not None:
            while self._outgoing.is_wanted():
                chunk = await self._in_thread(self._next)
                if chunk is None:
                    return
                await self._put(chunk)

    def _asked_at_once(self) -> bool:
        """Ask the application in the loop; tell whether it did without a thread."""
        try:
            self._run(lambda: self._ask({**self._environ, IN_LOOP: True}))
        except WouldBlock:
            self._outgoing = Outgoing(self._send, self._environ["REQUEST_METHOD"])
            self._environ["wsgi.input"].seek(0)
            return False
        return True

    def _call(self) -> None:
        """Ask the application; a body that may belong to this thread is sent from here as well."""
        if self._gone:  # while there was no thread
            raise ClientGone
        self._ask(self._environ)
        if not self._may_move:
            self._send_from_here()

    def _ask(self, environ: Environ) -> None:
        self._body = body = self._app(environ, self._start_response)
        self._outgoing.know_length(body)
        if not isinstance(body, (list, tuple, Wakeable)):
            self._chunks = iter(body)
            self._may_move = self._pausable or is_pausable(body)

    def _send_from_here(self) -> None:
        """Send the whole body from this thread, and close it."""
        try:
            while self._outgoing.is_wanted() and (chunk := self._next()) is not None:
                self._put_from_thread(chunk)
        finally:
            self._close()

    def _start_response(
        self, status: str, headers: list[Header], exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        self._outgoing.start(status, headers, exc_info)
        return self._put_from_thread

    def _next(self) -> bytes | None:
        """Take the next chunk; None: there are no more."""
        for chunk in self._chunks:
            return as_bytes(chunk)
        return None

    async def _stream(self, body: Wakeable) -> None:
        """Send what a stream has, whenever it has something; no thread waits for it."""
        body.wake_by(self._news.tell)
        ask = self._at_once if body.quick else self._in_thread
        while self._outgoing.is_wanted():
            self._news.forget()
            chunk = await ask(lambda: self._take(body))
            if self._ended:
                return
            if chunk is None:
                await self._outgoing.show()
                if not self._gone and not await self._news.come(body.heartbeat):
                    chunk = await ask(body.beat)
            await self._put(as_bytes(chunk or b""))
            await asyncio.sleep(0)

    def _take(self, body: Wakeable) -> bytes | None:
        try:
            return body.take()
        except StopIteration:  # which no coroutine lets through
            self._ended = True
            return None

    async def _put(self, chunk: bytes) -> None:
        """Send a chunk; an empty one does not begin the answer (PEP 3333)."""
        if chunk and not self._gone:
            await self._outgoing.put(chunk)
        if self._gone:
            raise ClientGone

    def _put_from_thread(self, data: bytes) -> None:
        """Have the loop send a chunk while this thread waits; raises WouldBlock in the loop."""
        if threading.get_ident() == self._loop_thread:
            raise WouldBlock
        self._sending = asyncio.run_coroutine_threadsafe(self._put(as_bytes(data)), self._loop)
        if self._gone:
            self._sending.cancel()
        try:
            self._sending.result()
        except CancelledError:
            raise ClientGone from None

    async def _release(self, is_to_be_closed: bool) -> None:
        """Close the body when nobody is in it; not even the end of the server hinders that."""
        if isinstance(self._body, Wakeable) and self._body.quick:
            self._close()
        elif is_to_be_closed:
            await asyncio.shield(asyncio.wrap_future(self._submit(self._close)))

    def _close(self) -> None:
        body, self._body, self._chunks = self._body, None, iter(())
        close(body)

    async def _in_thread(self, function: Callable[[], _Result]) -> _Result:
        return await asyncio.wrap_future(self._submit(function))

    async def _at_once(self, function: Callable[[], _Result]) -> _Result:
        return self._run(function)

    def _submit(self, function: Callable[[], _Result]) -> Future[_Result]:
        return self._threads.submit(self._run, function)

    def _run(self, function: Callable[[], _Result]) -> _Result:
        with self._alone:
            return self._context.run(function)
