"""Answers: one call of a WSGI application, and its body in the loop or in threads, as it can be."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from contextlib import suppress
from contextvars import copy_context
from typing import Any, TypeVar

from wsgistream.asgi.daphne import below
from wsgistream.asgi.requests import ClientGone, Receive
from wsgistream.asgi.sending import Outgoing, Send
from wsgistream.types import Body, Environ, Header, WSGIApp
from wsgistream.wsgi.bodies import close
from wsgistream.wsgi.waiting import Wakeable, is_pausable

_Result = TypeVar("_Result")


class Answer:
    """An answer on its way; of its application, nothing ever runs in two threads at a time."""

    def __init__(
        self, app: WSGIApp, environ: Environ, send: Send, threads: Executor, pausable: bool
    ) -> None:
        self._app = app
        self._environ = environ
        self._daphne = below(send)
        self._outgoing = Outgoing(self._daphne or send, environ["REQUEST_METHOD"])
        self._threads = threads
        self._pausable = pausable
        self._loop = asyncio.get_running_loop()
        # What the application keeps there goes with its answer, whichever thread makes it.
        self._context = copy_context()
        self._alone = threading.Lock()
        #: There is news of the stream, or of the client.
        self._stirred = asyncio.Event()
        self._gone = self._silent = self._ended = False
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

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._leave()

    def _leave(self) -> None:
        """Tell whoever makes the answer that nobody wants it any more."""
        self._gone = True
        self._stirred.set()
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
        await self._in_thread(self._call)
        body = self._body
        if isinstance(body, Wakeable):
            await self._stream(body)
        elif isinstance(body, (list, tuple)):
            for chunk in body:
                await self._put(_checked(chunk))
                await asyncio.sleep(0)  # the loop has other clients
        elif body is not None:
            while self._outgoing.is_wanted():
                chunk = await self._in_thread(self._next)
                if chunk is None:
                    return
                await self._put(chunk)

    def _call(self) -> None:
        """Ask the application; a body that may belong to this thread is sent from here as well."""
        self._body = body = self._app(self._environ, self._start_response)
        self._outgoing.know_length(body)
        if isinstance(body, (list, tuple, Wakeable)):
            return
        self._chunks = iter(body)
        if self._pausable or is_pausable(body):
            return
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
            return _checked(chunk)
        return None

    async def _stream(self, body: Wakeable) -> None:
        """Send what a stream has, whenever it has something; no thread waits for it."""
        body.wake_by(self._wake)
        ask = self._at_once if body.quick else self._in_thread
        while self._outgoing.is_wanted():
            self._stirred.clear()
            chunk = await ask(lambda: self._take(body))
            if self._ended:
                return
            if chunk is None:
                await self._outgoing.show()
                if not await self._news(body.heartbeat):
                    chunk = await ask(body.beat)
            await self._put(_checked(chunk or b""))
            await asyncio.sleep(0)

    def _take(self, body: Wakeable) -> bytes | None:
        try:
            return body.take()
        except StopIteration:  # which no coroutine lets through
            self._ended = True
            return None

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it the answer
            self._loop.call_soon_threadsafe(self._stirred.set)

    async def _news(self, patience: float) -> bool:
        """Wait for news; False: there were none for so many seconds."""
        if self._gone:
            raise ClientGone
        timer = self._loop.call_later(patience, self._fall_silent)
        try:
            await self._stirred.wait()
        finally:
            timer.cancel()
        silent, self._silent = self._silent, False
        return not silent

    def _fall_silent(self) -> None:
        self._silent = True
        self._stirred.set()

    async def _put(self, chunk: bytes) -> None:
        """Send a chunk; an empty one does not begin the answer (PEP 3333)."""
        if chunk and not self._gone:
            await self._outgoing.put(chunk)
        if self._gone:
            raise ClientGone

    def _put_from_thread(self, data: bytes) -> None:
        """Have the loop send a chunk while this thread waits."""
        self._sending = asyncio.run_coroutine_threadsafe(self._put(_checked(data)), self._loop)
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


def _checked(data: Any) -> bytes:
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    raise TypeError(f"A body is made of bytes, not of {type(data).__name__} (PEP 3333).")
