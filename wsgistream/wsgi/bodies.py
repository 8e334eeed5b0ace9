"""Bodies: iterables of bytes that close what they read from exactly once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from wsgistream.types import UNKNOWN, Body, Slice, Source


class Truncated(OSError):
    """A source ended before the bytes that were announced: the connection has to be cut."""


def close(body: object) -> None:
    """Close a body, if it can be closed (PEP 3333)."""
    closer = getattr(body, "close", None)
    if closer is not None:
        closer()


class Enclosing:
    """A body around another, which begins when its first chunk is asked for."""

    def __init__(self, body: Body) -> None:
        self._body: Any = body
        self._chunks: Iterator[bytes] | None = None

    @property
    def pausable(self) -> bool:
        """Whether any thread may go on reading it; see ``wsgistream.wsgi.waiting``."""
        return getattr(self._body, "pausable", False) is True

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._chunks is None:
            self._chunks = iter(self._body)
        return next(self._chunks)


class Closing(Enclosing):
    """A body, with something to be done once, when it is closed."""

    def __init__(self, body: Body, then: Callable[..., object], *arguments: Any) -> None:
        super().__init__(body)
        self._then = then
        self._arguments = arguments

    def close(self) -> None:
        body, self._body, self._chunks = self._body, None, iter(())
        if body is None:
            return
        try:
            close(body)
        finally:
            self._then(*self._arguments)


class Unbegun(Exception):
    """A source failed before its first byte: there is nothing to be cut, and the answer is a 500.

    Servers take an OSError for one of the connection, and then leave the client without an answer.
    """

    def __init__(self) -> None:
        super().__init__("The body failed before its first byte.")


class Pieces:
    """The pieces of a plan, read from a source as they are asked for.

    A source that gives fewer or more bytes than its slice raises Truncated, so that the server
    cuts the connection and the client sees it. Any OSError before the first byte is an Unbegun.
    """

    def __init__(self, source: Source, pieces: Sequence[bytes | Slice]) -> None:
        self.source = source
        self.pieces = pieces
        self._chunks: Generator[bytes, None, None] = self._read()
        self._closed = False

    @property
    def pausable(self) -> bool:
        """Whether any thread may go on reading it: unless its source says that it may not."""
        return bool(getattr(self.source, "pausable", True))

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def read(self, piece: Slice) -> bytes:
        """Read a piece at once; raises Truncated where the source has more of it, or less."""
        return b"".join(_exactly(piece, self.source.read(*piece)))

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._chunks.close()
            self.source.close()

    def _read(self) -> Generator[bytes, None, None]:
        chunks = chain.from_iterable(map(self._part, self.pieces))
        try:
            for chunk in chunks:
                yield chunk
                if chunk:
                    break
        except OSError as error:
            raise Unbegun from error
        chunk = b""  # or the first would be held to the end
        yield from chunks

    def _part(self, piece: bytes | Slice) -> Iterable[bytes]:
        if isinstance(piece, bytes):
            return (piece,)
        return _exactly(piece, self.source.read(*piece))


def _exactly(piece: Slice, chunks: Iterable[bytes]) -> Iterator[bytes]:
    missing = piece.stop - piece.start
    for chunk in chunks:
        missing -= len(chunk)
        if missing < 0:
            raise Truncated("The source gave more bytes than it announced.")
        yield chunk
    if missing and piece.stop != UNKNOWN:
        raise Truncated("The source gave fewer bytes than it announced.")


class OnePass:
    """An iterable of bytes that is read once, in slices that ascend; what lies between is dropped.

    Nothing is read beyond the chunk that holds the last byte asked for.
    """

    def __init__(self, body: Body) -> None:
        self._body = body
        self._chunks: Iterator[bytes] | None = None
        self._rest = b""
        self._position = 0  # of the first byte of the rest

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Give the bytes from ``start`` to ``stop``, or to the end if that comes first."""
        if self._chunks is None:
            self._chunks = iter(self._body)
        while self._position < stop:
            chunk = self._rest or next(self._chunks, None)
            if chunk is None:
                return
            wanted = chunk[max(0, start - self._position) : stop - self._position]
            used = min(len(chunk), stop - self._position)
            self._rest = chunk[used:]
            self._position += used
            if wanted:
                yield wanted

    def close(self) -> None:
        close(self._body)
