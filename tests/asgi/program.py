"""A program for ASGI servers: what tests ask for, and what became of it."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

from tests.server.bodies import Feed
from tests.servers import DEADLINE
from wsgistream import DirectoryApp, Pausable, StreamingResponse
from wsgistream.asgi import ASGIBridge
from wsgistream.types import Body, Environ, StartResponse

CHUNK = 64 * 1024


class Tracked:
    """An endless body that belongs to the thread that began it, and says who closed it when."""

    def __init__(self, chunk: bytes) -> None:
        self.chunk = chunk
        self.closings = 0
        self.closed = threading.Event()
        self.threads: set[int] = set()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.threads.add(threading.get_ident())
            yield self.chunk
            time.sleep(0.001)

    def close(self) -> None:
        self.closings += 1
        self.closed.set()


bodies: dict[str, Any] = {}


def endless(query: dict[str, str]) -> Body:
    body = Tracked(b"x" * CHUNK)
    bodies[query["name"]] = body
    return Pausable(body) if query["kind"] == "pausable" else body


def parked(query: dict[str, str]) -> Body:
    body = bodies[query["name"]] = Feed(b"welcome\n")
    return body


def publish(query: dict[str, str]) -> Body:
    feeds = [body for body in bodies.values() if isinstance(body, Feed) and not body.closings]
    for feed in feeds:
        feed.give(b"news\n", None)
    return [b"%d" % len(feeds)]


def closed(query: dict[str, str]) -> Body:
    """Wait until a body is closed; tell how often it was, and how many threads were in it."""
    body = bodies[query["name"]]
    assert body.closed.wait(DEADLINE)
    return [b"%d %d" % (body.closings, len(getattr(body, "threads", ())))]


def failing(query: dict[str, str]) -> Iterator[bytes]:
    yield b"x" * 100_000
    raise OSError("the disk is gone")


def memory(query: dict[str, str]) -> Body:
    """Tell the resident memory in kilobytes, and the number of threads."""
    with open("/proc/self/status") as status:
        lines = dict(line.split(":", 1) for line in status)
    return [f"{lines['VmRSS'].split()[0]} {threading.active_count()}".encode()]


def gibibyte(query: dict[str, str]) -> Body:
    return Pausable(b"x" * CHUNK for _ in range(1024**3 // CHUNK))


VIEWS: dict[str, Callable[[dict[str, str]], Body]] = {
    "/endless": endless,
    "/parked": parked,
    "/publish": publish,
    "/closed": closed,
    "/memory": memory,
    "/gibibyte": gibibyte,
    "/broken": lambda query: [b"%d" % (1 // 0)],
}


def echo(environ: Environ, start_response: StartResponse) -> Body:
    """Tell the digest of what was posted, read in pieces."""
    digest = hashlib.sha256()
    while block := environ["wsgi.input"].read(CHUNK):
        digest.update(block)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ.get('CONTENT_LENGTH')} {digest.hexdigest()}".encode()]


def views(environ: Environ, start_response: StartResponse) -> Body:
    path = environ["PATH_INFO"]
    if path == "/stream":
        return StreamingResponse(b"chunk %d " % n for n in range(1000))(environ, start_response)
    if path == "/failing":
        return StreamingResponse(failing({}))(environ, start_response)
    if path == "/short":
        return StreamingResponse(iter([b"too", b"short"]), content_length=100)(
            environ, start_response
        )
    if path == "/echo":
        return echo(environ, start_response)
    query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    status = "200 OK" if path in VIEWS else "404 Not Found"
    start_response(status, [("Content-Type", "text/plain")])
    return VIEWS[path](query) if path in VIEWS else [b"no such view"]


application = ASGIBridge(
    DirectoryApp(os.environ["PROGRAM_ROOT"], app=views),
    threads=int(os.environ.get("PROGRAM_THREADS", "10")),
)
