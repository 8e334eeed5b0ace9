"""Daphne: what an application cannot tell it by ASGI, told to the request of Twisted below it."""

from __future__ import annotations

import asyncio
from typing import Any

from wsgistream.asgi.sending import Send


def below(send: Send) -> DaphneSend | None:
    """Find the request that ``send`` belongs to, if it is daphne's: a partial function of it."""
    (request,) = getattr(send, "args", ())[:1] or (None,)
    # Of a client that has left there is no channel any more.
    is_open = hasattr(request, "registerProducer") and getattr(request, "channel", None)
    return DaphneSend(send, request) if is_open else None


class DaphneSend:
    """The ``send`` of daphne, which keeps in memory whatever it is given; this one waits.

    Nor does daphne end the connection of an answer that fails: ``lose`` does.
    """

    def __init__(self, send: Send, request: Any) -> None:
        self._send = send
        self._request = request
        self._room = asyncio.Event()
        self._room.set()
        request.registerProducer(self, True)

    async def __call__(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.release()
        await self._send(message)
        await self._room.wait()

    def release(self) -> None:
        """Leave the request to daphne again; nothing is done twice."""
        if self._request.producer is self and getattr(self._request, "channel", None):
            self._request.unregisterProducer()

    def lose(self) -> None:
        """End the connection, behind what has been sent."""
        self._request.loseConnection()

    def pauseProducing(self) -> None:  # noqa: N802
        self._room.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        self._room.set()

    def stopProducing(self) -> None:  # noqa: N802
        self._room.set()
