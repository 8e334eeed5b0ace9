"""An ASGI server of one request, in the hands of a test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tests.client import Answer

Message = dict[str, Any]


def make_scope(path: str = "/", **more: Any) -> Message:
    """Make the scope of a request as uvicorn would."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"test")],
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.2", 50_000),
        **more,
    }


class Server:
    """What an application receives, and what it has sent."""

    def __init__(self, *messages: Message) -> None:
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self.sent: list[Message] = []
        self.any = asyncio.Event()
        for message in messages or ({"type": "http.request", "body": b"", "more_body": False},):
            self._inbox.put_nowait(message)

    async def receive(self) -> Message:
        return await self._inbox.get()

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        self.any.set()

    async def sends(self) -> None:
        """Wait for the next message."""
        await self.any.wait()
        self.any.clear()

    def leave(self) -> None:
        """Have the client go away."""
        self._inbox.put_nowait({"type": "http.disconnect"})

    @property
    def is_heard(self) -> bool:
        """Tell whether all that there was to receive has been."""
        return self._inbox.empty()

    @property
    def is_complete(self) -> bool:
        return bool(self.sent) and not self.sent[-1].get("more_body", False)

    def answer(self) -> Answer:
        """Read what was sent, which is one head and one body."""
        start, *parts = self.sent
        assert [part["type"] for part in parts] == ["http.response.body"] * len(parts)
        chunks = [part["body"] for part in parts]
        headers = [(name.decode(), value.decode("latin-1")) for name, value in start["headers"]]
        return Answer(start["status"], headers, b"".join(chunks), chunks)


App = Callable[[Message, Any, Any], Awaitable[None]]


def ask(app: App, *messages: Message, scope: Message | None = None) -> Answer:
    """Ask once, and take the whole answer."""

    async def run() -> Answer:
        server = Server(*messages)
        await app(scope or make_scope(), server.receive, server.send)
        assert server.is_complete
        return server.answer()

    return asyncio.run(run())
