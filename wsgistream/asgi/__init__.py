"""ASGI: a bridge on which a WSGI application runs under uvicorn, hypercorn, daphne and the like."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

from wsgistream.asgi.answers import Answer
from wsgistream.asgi.requests import (
    ClientGone,
    Message,
    Receive,
    Scope,
    TooLarge,
    make_environ,
    receive_body,
)
from wsgistream.asgi.sending import Send
from wsgistream.rules.decide import sentence
from wsgistream.types import Plan, WSGIApp


class ASGIBridge:
    """A WSGI application as an ASGI 3 application, for servers that run on asyncio.

    A body is closed once, and at once when its client leaves. A Wakeable body that has nothing to
    send holds no thread, a Pausable one (all of ours are) holds one of the ``threads`` only while a
    chunk is made; any other holds it until its client has taken all, for it may belong to the
    thread that began it. ``threads``: how many, or an Executor that several bridges share.
    ``pausable``: treat every body as Pausable. ``multiprocess``: whether an application is told
    that other processes may serve it too, of which ASGI says nothing. A request is received as a
    whole before the application is called, in a temporary file if it is large; one of more than
    ``max_request_body_size`` bytes is refused. Raises ValueError for what is below one.
    """

    def __init__(
        self,
        app: WSGIApp,
        *,
        threads: int | Executor = 10,
        pausable: bool = False,
        multiprocess: bool = True,
        max_request_body_size: int = 1024**3,
    ) -> None:
        if isinstance(threads, int):
            if threads < 1:
                raise ValueError(f"At least one thread is needed, not {threads}.")
            threads = ThreadPoolExecutor(threads, thread_name_prefix="wsgistream")
        if max_request_body_size < 1:
            raise ValueError(f"A request may have a byte at least, not {max_request_body_size}.")
        self.app = app
        self._pausable = pausable
        self._multiprocess = multiprocess
        self._limit = max_request_body_size
        self._threads = threads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            await self._answer(scope, receive, send)
        elif kind == "lifespan":
            await _live(receive, send)
        elif kind == "websocket":
            await receive()
            await send({"type": "websocket.close"})  # before it is accepted: a 403
        else:
            raise ValueError(f"WSGI has nothing for a connection of the kind {kind!r}.")

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        environ = make_environ(scope, multiprocess=self._multiprocess)
        try:
            with await receive_body(environ, receive, self._threads, self._limit):
                answer = Answer(self.app, environ, send, self._threads, self._pausable)
                await answer.run(receive)
        except TooLarge:
            text = f"A request to this server may have a body of {self._limit} bytes at most."
            await _refuse(sentence(413, text), send)
        except ClientGone:
            return


async def _live(receive: Receive, send: Send) -> None:
    """Tell the server that there is nothing to begin, and then nothing to end."""
    message: Message = {"type": ""}
    while message["type"] != "lifespan.shutdown":
        message = await receive()
        await send({"type": f"{message['type']}.complete"})


async def _refuse(plan: Plan, send: Send) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in plan.headers]
    start: dict[str, Any] = {"type": "http.response.start", "status": plan.status}
    await send({**start, "headers": headers})
    (body,) = plan.pieces
    await send({"type": "http.response.body", "body": body})
