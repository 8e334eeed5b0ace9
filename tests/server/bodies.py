"""Bodies that tests steer from outside, and that tell what was done to them."""

from __future__ import annotations

import hashlib
import io
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.servers import DEADLINE, Running, running
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.waiting import Wakeable

CHUNK = 64 * 1024

#: Small, so that little has to be sent until a client is slow.
WINDOW = 8192

#: More than the system takes for a client that takes nothing.
BIG = 64 * 1024 * 1024


@contextmanager
def narrow(app: WSGIApp, **options: Any) -> Iterator[Running]:
    """Run our server, for which the system holds little of what its clients do not take."""
    with running(app, **options) as run:
        for sock in run.server._sockets:  # which those of its clients inherit
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, WINDOW)
        yield run


def answering(
    make: Callable[[], Iterable[bytes]], status: str = "200 OK", *headers: tuple[str, str]
) -> WSGIApp:
    """An application that answers everything with what ``make`` gives."""

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response(status, [("Content-Type", "text/plain"), *headers])
        return make()

    return app


def chunk_of(seed: int, number: int) -> bytes:
    """A chunk that no other client gets, nor this one at another place."""
    return hashlib.sha256(f"{seed} {number}".encode()).digest() * (CHUNK // 32)


class Steered:
    """A generator's body that counts its closings, and notes the threads that went on with it."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self.pausable = True
        self.closings = 0
        self.closed = threading.Event()
        self.threads: set[int] = set()
        self._inside = threading.Lock()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        assert self._inside.acquire(blocking=False), "two threads at a time"
        try:
            self.threads.add(threading.get_ident())
            return next(self._chunks)
        finally:
            self._inside.release()

    def close(self) -> None:
        assert self._inside.acquire(blocking=False), "closed while it was read"
        self.closings += 1
        self.closed.set()
        self._inside.release()


class Feed(Wakeable):
    """A stream that a test feeds: bytes, an exception to be raised, or None for its end."""

    def __init__(self, *items: bytes | BaseException | None) -> None:
        self.items: deque[bytes | BaseException | None] = deque(items)
        self.takes = 0
        self.beats = 0
        self.closings = 0
        self.closed = threading.Event()
        self._inside = threading.Lock()

    def give(self, *items: bytes | BaseException | None) -> None:
        self.items.extend(items)
        self.wake()

    def take(self) -> bytes | None:
        with _Alone(self._inside):
            self.takes += 1
            if not self.items:
                return None
            item = self.items.popleft()
            if item is None:
                raise StopIteration
            if isinstance(item, BaseException):
                raise item
            return item

    def beat(self) -> bytes:
        self.beats += 1
        return b":\n"

    def close(self) -> None:
        with _Alone(self._inside):
            self.closings += 1
        self.closed.set()

    def ended(self) -> bool:
        """Wait until it is closed; tell whether that was once."""
        return self.closed.wait(DEADLINE) and self.closings == 1


class _Alone:
    """Fail where somebody else is inside."""

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        assert self._lock.acquire(blocking=False), "two threads at a time"

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def quickly(app: WSGIApp) -> WSGIApp:
    """Make an application that is answered in the loop."""

    def quick(environ: Environ, start_response: StartResponse) -> Body:
        return app(environ, start_response)

    quick.quick = True  # type: ignore[attr-defined]
    return quick


def giving(*chunks: Any, length: int | None = None, status: str = "200 OK") -> WSGIApp:
    """An application that gives chunks of any type, one by one."""
    headers = [] if length is None else [("Content-Length", str(length))]
    return answering(lambda: Steered(iter(chunks)), status, *headers)


def failing(error: BaseException) -> WSGIApp:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        raise error

    return app


class File(io.BytesIO):
    """A file of very many bytes, which takes no room."""

    def __init__(self, size: int, ends: int | None = None) -> None:
        super().__init__()
        self.size = size
        self.ends = size if ends is None else ends
        self.position = 0
        self.is_closed = threading.Event()

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self.position = (0, self.position, self.size)[whence] + offset
        return self.position

    def tell(self) -> int:
        return self.position

    def read(self, size: int | None = -1) -> bytes:
        if self.position >= self.ends < self.size:
            raise OSError("The file has shrunk.")
        assert size is not None
        size = min(size, 256 * 1024, self.size - self.position)
        self.position += size
        return b"x" * size

    def close(self) -> None:
        self.is_closed.set()
        super().close()


def as_file(environ: Environ, file: io.BytesIO) -> Body:
    body: Body = environ["wsgi.file_wrapper"](file)
    return body


def text(size: int | None, body: Callable[[Environ], Body], status: str = "200 OK") -> WSGIApp:
    """An application that announces ``size`` bytes and gives ``body``."""

    def app(environ: Environ, start_response: StartResponse) -> Body:
        length = [] if size is None else [("Content-Length", str(size))]
        start_response(status, [("Content-Type", "text/plain"), *length])
        return body(environ)

    return app


def sizes(environ: Environ, start_response: StartResponse) -> Body:
    """Answers ``/1000`` with as many bytes, of a file, of a length or of chunks."""
    kind, size = environ["PATH_INFO"].strip("/").split("/")
    body = [b"x" * int(size)]
    if kind == "file":
        return text(int(size), lambda _: as_file(environ, File(int(size))))(environ, start_response)
    if environ["REQUEST_METHOD"] == "HEAD":
        body = []
    return text(int(size), lambda _: body)(environ, start_response)


class HeldBody:
    """A body that tells when it is closed, and can be held up there."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.chunks = iter(chunks)
        self.closing = threading.Event()
        self.may_close = threading.Event()
        self.may_close.set()

    def __iter__(self) -> Iterator[bytes]:
        return self.chunks

    def close(self) -> None:
        self.closing.set()
        assert self.may_close.wait(DEADLINE)


def megabytes() -> Iterator[bytes]:
    for _ in range(BIG // 1_000_000):
        yield b"x" * 1_000_000


def broken(error: Exception) -> Callable[[Environ], Iterator[bytes]]:
    def body(environ: Environ) -> Iterator[bytes]:
        yield b"012"
        yield b"34"
        raise error

    return body


def echo(environ: Environ, start_response: StartResponse) -> Body:
    body = environ["wsgi.input"].read()
    return text(len(body), lambda _: [body])(environ, start_response)
