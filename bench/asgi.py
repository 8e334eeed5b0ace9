"""ASGI: what Starlette does for files, for made bytes and for events, under any ASGI server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bench.apps import now
from bench.compressed import CONTENT_TYPE, lines
from bench.model import GIB, KIB

_CHUNK = 64 * KIB
_queues: set[asyncio.Queue[bytes]] = set()


async def hello(request: Request) -> Response:
    return PlainTextResponse(b"hello, world\n".ljust(KIB, b"."))


async def generator(request: Request) -> Response:
    return StreamingResponse(_chunks(), headers={"Content-Length": str(GIB)})


def _chunks() -> Iterator[bytes]:
    for number in range(GIB // _CHUNK):
        yield number.to_bytes(8, "big") * (_CHUNK // 8)


async def events(request: Request) -> Response:
    return StreamingResponse(_events(), media_type="text/event-stream")


async def _events() -> AsyncIterator[bytes]:
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    _queues.add(queue)
    try:
        yield b": welcome\n\n"
        while True:
            yield await queue.get()
    finally:
        _queues.discard(queue)


async def publish(request: Request) -> Response:
    event = f"data: {now()}\n\n".encode()
    for queue in tuple(_queues):
        queue.put_nowait(event)
    return PlainTextResponse(f"{len(_queues)}\n")


async def stream(request: Request) -> Response:
    return StreamingResponse(lines(request.path_params["mebibytes"]), media_type=CONTENT_TYPE)


app = Starlette(
    routes=[
        Route("/hello", hello),
        Route("/generator", generator),
        Route("/events", events),
        Route("/publish", publish, methods=["GET", "POST"]),
        Mount("/", StaticFiles(directory=os.environ["BENCH_ROOT"])),
    ]
)

compressed = GZipMiddleware(Starlette(routes=[Route("/{mebibytes:int}", stream)]))
