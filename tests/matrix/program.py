"""Program: what every server of the matrix runs: files and streams that tell of their closing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Final, cast

from tests.matrix.cases import CHUNK, LINES
from wsgistream import DirectoryApp, StreamingResponse, Wakeable, respond
from wsgistream.types import Body, Environ, Source, StartResponse, WSGIApp
from wsgistream.wsgi.files import READ_SIZE, FileWrapper

# Threads and processes write whole lines to it, one after the other.
_LOG: Final = os.open(os.environ["MATRIX_LOG"], os.O_WRONLY | os.O_APPEND)


class Told:
    """Writes to the log that it was opened, and each time that it is closed."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tell("opened")

    def _tell(self, event: str) -> None:
        os.write(_LOG, f"{self._name} {event}\n".encode())

    def close(self) -> None:
        self._tell("closed")


class _ToldSource(Told):
    """A source as another, that tells."""

    def __init__(self, name: str, source: Source) -> None:
        super().__init__(name)
        self._source = source
        self.meta = source.meta

    @property
    def file(self) -> IO[bytes] | None:
        return self._source.file

    def read(self, start: int, stop: int) -> Iterable[bytes]:
        return self._source.read(start, stop)

    def close(self) -> None:
        super().close()
        self._source.close()


class ToldBody(Told):
    """An iterable as another, that tells."""

    def __init__(self, name: str, chunks: Iterable[bytes]) -> None:
        super().__init__(name)
        self._chunks = iter(chunks)

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks


class _Silence(Told, Wakeable):
    """A stream that says one thing and then shows that it is there."""

    heartbeat = 0.05

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._said = False

    def take(self) -> bytes | None:
        if self._said:
            return None
        self._said = True
        return b"data: here\n\n"

    def beat(self) -> bytes:
        return b":\n\n"


class _Countdown(Told, Wakeable):
    """A stream that is told by its own clock to go on, and ends."""

    heartbeat = 0.02

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._left = 2

    def take(self) -> bytes | None:
        if not self._left:
            raise StopIteration
        return None

    def beat(self) -> bytes:
        self._left -= 1
        return b"beat\n"


def _failing() -> Iterator[bytes]:
    yield CHUNK
    raise OSError("the disk is gone")


def _endless() -> Iterator[bytes]:
    while True:
        yield CHUNK


def _slow() -> Iterator[bytes]:
    while True:
        yield b"slow\n"
        time.sleep(0.02)


def _told(
    chunks: Callable[[], Iterable[bytes]], length: int | None = None
) -> Callable[[str], WSGIApp]:
    return lambda name: StreamingResponse(ToldBody(name, chunks()), content_length=length)


_VIEWS: Final[dict[str, Callable[[str], WSGIApp]]] = {
    "/unknown": _told(lambda: LINES),
    "/known": _told(lambda: LINES, len(b"".join(LINES))),
    "/failing": _told(_failing),
    "/failing-known": _told(_failing, 2 * len(CHUNK)),
    "/short": _told(lambda: [CHUNK], 2 * len(CHUNK)),
    "/long": _told(lambda: [CHUNK, CHUNK], len(CHUNK)),
    "/failing-at-once": _told(lambda: iter(_failing_at_once, b"")),
    "/endless": _told(_endless),
    "/endless-known": _told(_endless, 1 << 40),
    "/slow": _told(_slow),
    "/native": lambda name: _native,
    "/silence": lambda name: StreamingResponse(_Silence(name)),
    "/countdown": lambda name: StreamingResponse(_Countdown(name)),
}


def _failing_at_once() -> bytes:
    raise OSError("the disk was never there")


def _native(environ: Environ, start_response: StartResponse) -> Body:
    """A whole file as the server itself likes to send it: what ours is measured against."""
    file = open(os.path.join(os.environ["MATRIX_ROOT"], "sparse.bin"), "rb", buffering=0)
    start_response("200 OK", [("Content-Length", str(os.fstat(file.fileno()).st_size))])
    wrapper = environ.get("wsgi.file_wrapper", FileWrapper)
    return cast(Body, wrapper(file, READ_SIZE))


def respond_told(environ: Environ, start_response: StartResponse, source: Source) -> Body:
    return respond(environ, start_response, _ToldSource(name_of(environ), source))


def name_of(environ: Environ) -> str:
    """The name of what is opened for a request, as its query says."""
    return str(environ.get("QUERY_STRING", "")) or "nameless"


_FILES: Final = DirectoryApp(os.environ["MATRIX_ROOT"], responder=respond_told, listing=True)


def app(environ: Environ, start_response: StartResponse) -> Body:
    view = _VIEWS.get(environ["PATH_INFO"])
    answer = _FILES if view is None else view(name_of(environ))
    return answer(environ, start_response)
