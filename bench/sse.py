"""SSE: the events of sse-starlette, the library by which Starlette and FastAPI have them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bench.apps import now
from bench.asgi import hello

# As all others have it.
_LINE_END: Final = "\n"

_queues: Final[set[asyncio.Queue[ServerSentEvent]]] = set()


async def events(request: Request) -> Response:
    return EventSourceResponse(_events(), sep=_LINE_END)


async def _events() -> AsyncIterator[ServerSentEvent]:
    queue: asyncio.Queue[ServerSentEvent] = asyncio.Queue()
    _queues.add(queue)
    try:
        yield ServerSentEvent(comment="welcome", sep=_LINE_END)
        while True:
            yield await queue.get()
    finally:
        _queues.discard(queue)


async def publish(request: Request) -> Response:
    event = ServerSentEvent(now(), sep=_LINE_END)
    for queue in tuple(_queues):
        queue.put_nowait(event)
    return PlainTextResponse(f"{len(_queues)}\n")


app = Starlette(
    routes=[
        Route("/hello", hello),
        Route("/events", events),
        Route("/publish", publish, methods=["POST"]),
    ]
)
