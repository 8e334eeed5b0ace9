"""Sending: the head and the body of an answer, as messages to an ASGI server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from wsgistream.asgi.requests import ClientGone
from wsgistream.rules.head import has_body
from wsgistream.types import Body, Header
from wsgistream.wsgi.bodies import Truncated
from wsgistream.wsgi.files import FileWrapper, length_of
from wsgistream.wsgi.starting import check_start

Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]

_BODY: Final = "http.response.body"


class Outgoing:
    """What is sent of an answer: nothing before its first chunk, and never more than its length."""

    def __init__(self, send: Send, method: str) -> None:
        self._send = send
        self._is_head = method == "HEAD"
        self._status: str | None = None
        self._headers: list[Header] = []
        self._length: int | None = None
        self._made = 0
        #: The head is with the server.
        self.begun = False

    def start(self, status: str, headers: list[Header], exc_info: Any = None, /) -> None:
        """Take the head from the application; another replaces it in a failure, if in time."""
        if exc_info is not None and self.begun:
            raise exc_info[1].with_traceback(exc_info[2])
        if exc_info is None and self._status is not None:
            raise AssertionError("start_response was called twice without exc_info (PEP 3333).")
        self._length = check_start(status, headers)
        self._status, self._headers = status, list(headers)

    def know_length(self, body: Body) -> None:
        """Take the length of what is there as a whole, if it has not been told."""
        if self._length is not None or self.begun or not self._may_have_body():
            return
        if isinstance(body, (list, tuple)):
            self._length = sum(map(len, body))
        elif isinstance(body, FileWrapper):
            self._length = length_of(body.file) or None
        if self._length is not None:
            self._headers.append(("Content-Length", str(self._length)))

    def is_wanted(self) -> bool:
        """Tell whether more of the body is; the first of it may yet begin the answer."""
        surplus = self._length is not None and self._made > self._length
        return self._status is None or (self._may_have_body() and not surplus)

    def _may_have_body(self) -> bool:
        return not self._is_head and self._status is not None and has_body(self._status)

    async def _emit(self, message: dict[str, Any]) -> None:
        try:
            await self._send(message)
        except OSError:  # so says ASGI, since 2.4, that the client has left
            raise ClientGone from None

    async def begin(self) -> None:
        """Send the head, if that has not been done."""
        if self.begun:
            return
        if self._status is None:
            raise AssertionError("The application gave a body without start_response (PEP 3333).")
        self.begun = True
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in self._headers
            # uvicorn would wait for the bytes that a 304 tells the length of.
            if has_body(self._status) or name.lower() != "content-length"
        ]
        status = int(self._status[:3])
        await self._emit({"type": "http.response.start", "status": status, "headers": headers})

    async def show(self) -> None:
        """Send the head though there is nothing of the body; daphne waits for some of it."""
        if not self.begun:
            await self.begin()
            await self._emit({"type": _BODY, "body": b"", "more_body": True})

    async def put(self, chunk: bytes) -> None:
        """Send a chunk, after the head; gives back when the server has room for another."""
        await self.begin()
        room = None if self._length is None else max(0, self._length - self._made)
        self._made += len(chunk)
        data = chunk[:room] if self._may_have_body() else b""
        if data:
            await self._emit({"type": _BODY, "body": data, "more_body": True})

    async def finish(self) -> None:
        """Send what ends the answer; raises Truncated where it is shorter than its length."""
        await self.begin()
        if self._may_have_body() and self._length is not None and self._made < self._length:
            raise Truncated("The application gave fewer bytes than its Content-Length.")
        await self._emit({"type": _BODY, "body": b""})
