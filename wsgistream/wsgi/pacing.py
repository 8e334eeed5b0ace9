"""Pacing: bodies that are sent no faster than they may be, and need no thread while they wait."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NoReturn, Protocol

from wsgistream.types import Body
from wsgistream.wsgi.bodies import Truncated, close
from wsgistream.wsgi.files import READ_SIZE, FileWrapper, PiecesFile
from wsgistream.wsgi.waiting import Wakeable, is_pausable

# Seconds after which a body that waits in its thread lets its server look for the client.
_PATIENCE: Final = 1.0


class Pace(Protocol):
    """What one answer may send, and when."""

    def ask(self, size: int, /) -> int:
        """Ask for bytes; gives how many may go (0: none yet, and the waker is called then)."""

    def spend(self, count: int, /) -> None:
        """Tell how many of those that may go have gone."""

    def wake_by(self, waker: Callable[[], object], /) -> None:
        """Have ``waker`` called when what was asked for may go."""

    def leave(self) -> None:
        """Ask for nothing any more; called once."""


def paced(body: Body, pace: Pace, *, size: int | None = None, pausable: bool = False) -> Body:
    """Give a body with the bytes of ``body``, sent as ``pace`` allows; both end with it.

    ``size``: bytes of a file, if they are known. ``pausable``: any thread may go on reading it,
    even if it does not say so. One that is not waits in the thread that reads it.
    """
    if isinstance(body, FileWrapper):
        return _PacedFile(body, pace, size)
    if isinstance(body, Wakeable):
        return _PacedStream(body, pace)
    if isinstance(body, (list, tuple)):
        return _PacedChunks(body, pace, quick=True)
    chunks = _PacedChunks(body, pace)
    return chunks if pausable or is_pausable(body) else _Patient(chunks)


class _Paced(Wakeable):
    """What all of them share."""

    @property
    def waits_for_time(self) -> bool:
        return True

    def __init__(self, body: Any, pace: Pace) -> None:
        self._body = body
        self._pace = pace
        self._closed = False

    def wake_by(self, waker: Callable[[], object]) -> None:
        self._pace.wake_by(waker)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._pace.leave()
            close(self._body)


class _PacedChunks(_Paced):
    """A body in chunks: one of them is held, and sent in pieces."""

    def __init__(self, body: Iterable[bytes], pace: Pace, *, quick: bool = False) -> None:
        super().__init__(body, pace)
        self.quick = quick
        self._chunks: Iterator[bytes] | None = None
        self._rest: bytes | memoryview = b""

    def take(self) -> bytes | None:
        if not self._rest:
            chunk = self._next()
            if not chunk:
                return chunk
            self._rest = chunk
        count = self._pace.ask(len(self._rest))
        if not count:
            return None
        piece, self._rest = self._rest, b""
        if count < len(piece):
            # Of a view, so that what is left is not copied with each piece.
            self._rest = memoryview(piece)[count:]
            piece = piece[:count]
        self._pace.spend(count)
        return bytes(piece) if isinstance(piece, memoryview) else piece

    def _next(self) -> bytes | None:
        if self._chunks is None:
            self._chunks = iter(self._body)
        return next(self._chunks)


class _PacedStream(_PacedChunks):
    """A stream that may have nothing to say for now."""

    _body: Wakeable

    def __init__(self, body: Wakeable, pace: Pace) -> None:
        super().__init__(body, pace, quick=body.quick)
        self.heartbeat = body.heartbeat

    @property
    def waits_for_time(self) -> bool:
        return bool(self._rest) or self._body.waits_for_time

    def beat(self) -> bytes:
        # In the middle of a chunk it would be taken for a part of it.
        return b"" if self._rest else self._body.beat()

    def wake_by(self, waker: Callable[[], object]) -> None:
        super().wake_by(waker)
        self._body.wake_by(waker)

    def _next(self) -> bytes | None:
        return self._body.take()


class _PacedFile(_Paced):
    """A file, of which nothing is held while it waits."""

    #: A disk may have to be waited for.
    quick = False

    def __init__(self, body: FileWrapper, pace: Pace, left: int | None) -> None:
        super().__init__(body, pace)
        self._left = left

    def take(self) -> bytes | None:
        if self._left == 0:
            raise StopIteration
        count = self._pace.ask(READ_SIZE if self._left is None else self._left)
        if not count:
            return None
        block = _read(self._body.file, count)
        self._pace.spend(len(block))
        if self._left is not None:
            self._left -= len(block)
        if not block:
            self._end()
        return block

    def _end(self) -> NoReturn:
        if self._left is None:
            raise StopIteration
        raise Truncated("The file has shrunk while it was being sent.")


def _read(file: Any, size: int) -> bytes:
    """Read what is next of a file, and not ahead: what is held is held for long."""
    span = file.span() if isinstance(file, PiecesFile) else None
    if span is None:
        block: bytes = file.read(size)
        return block
    descriptor, start, length = span
    block = os.pread(descriptor, min(size, length), start)
    file.seek(len(block), os.SEEK_CUR)
    return block


class _Patient:
    """A body that waits in the thread that reads it, since no other may."""

    def __init__(self, body: _PacedChunks) -> None:
        self._body = body
        self._news = threading.Event()
        body.wake_by(self._news.set)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self._news.clear()
        chunk = self._body.take()
        if chunk is None:
            # What is empty is no end (PEP 3333), and lets the server see whether its client left.
            self._news.wait(_PATIENCE)
            return b""
        return chunk

    def close(self) -> None:
        self._body.close()
        self._news.set()
