"""Files: handing a file, or parts of one, to a server's ``wsgi.file_wrapper``, and taking one."""

from __future__ import annotations

import io
import os
import stat
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import accumulate
from typing import IO, Any, Final

from wsgistream.types import Body, Environ, Slice
from wsgistream.wsgi.bodies import Pieces, Truncated, close
from wsgistream.wsgi.waiting import WouldBlock

#: Bytes read at a time: the best of the sizes measured where the kernel cannot send by itself.
READ_SIZE: Final = 256 * 1024

# Bytes that one client of waitress may take before its loop turns to the others.
_TURN: Final = 2 * 1024 * 1024


def read_at(file: IO[bytes], start: int, size: int) -> bytes:
    """Read at most ``size`` bytes at ``start`` (bytes), wherever the file's own position is.

    Raises Truncated where the file ends before ``start``: it has shrunk since it was opened.
    """
    block = os.pread(file.fileno(), size, start)
    if not block:
        raise Truncated("The file has shrunk while it was being sent.")
    return block


def read_cached(file: IO[bytes], piece: Slice) -> bytes:
    """Read exactly these bytes, if they are in memory already.

    Raises WouldBlock where a disk might have to be waited for, or the file ends sooner.
    """
    block = bytearray(piece.stop - piece.start)
    try:
        count = os.preadv(file.fileno(), [block], piece.start, os.RWF_NOWAIT)
    except OSError:  # not in memory, or on a file system that does not tell
        raise WouldBlock from None
    if count < len(block):
        raise WouldBlock
    return bytes(block)


class PiecesFile:
    """A body of pieces as a seekable file, whose positions are those of the body.

    It has no ``fileno``: servers that find one send from the wrong offset, or too much. It reads
    at most READ_SIZE bytes at a time and gives again from memory what was read and not yet sent.
    """

    #: Its reader is waitress, which is to turn to others from time to time.
    turns = False

    def __init__(self, body: Pieces, file: IO[bytes]) -> None:
        self._body = body
        self._file = file
        sizes = (
            len(piece) if isinstance(piece, bytes) else piece.stop - piece.start
            for piece in body.pieces
        )
        self._starts = list(accumulate(sizes, initial=0))
        self._position = 0
        self._block = b""
        self._block_start = 0
        self._taken = 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_CUR:
            self._taken += max(0, offset)
            offset += self._position
        elif whence == os.SEEK_END:
            offset += self._starts[-1]
        self._position = offset
        return offset

    def read(self, size: int = -1) -> bytes | memoryview:
        if size < 0:
            return b"".join(iter(lambda: self.read(READ_SIZE), b""))
        if self.turns and self._taken >= _TURN and size:
            # waitress takes an empty read for a full socket, and comes back to it in its next turn.
            self._taken = 0
            return b""
        ahead = self._position - self._block_start
        if not 0 <= ahead < len(self._block):
            self._block, self._block_start, ahead = self._next_block(), self._position, 0
        # waitress sends a view as well, and need not have what it leaves unsent copied once more.
        block = memoryview(self._block) if self.turns else self._block
        chunk = block[ahead : ahead + size]
        self._position += len(chunk)
        return chunk

    def close(self) -> None:
        self._body.close()

    def span(self) -> tuple[int, int, int] | None:
        """Find what stands at the position: descriptor, start and size; None: no part of the file.

        This is for a server that knows this class, and so can have the system send it.
        """
        piece = self._next_piece()
        if isinstance(piece, bytes):
            return None
        return self._file.fileno(), piece.start, piece.stop - piece.start

    def _next_block(self) -> bytes:
        """Read from the position up to the end of its piece, or READ_SIZE bytes of it."""
        piece = self._next_piece()
        if isinstance(piece, bytes):
            return piece
        return read_at(self._file, piece.start, min(READ_SIZE, piece.stop - piece.start))

    def _next_piece(self) -> bytes | Slice:
        """Cut the piece that the position is in down to what follows; at the end it is empty."""
        if self._position >= self._starts[-1]:
            return b""
        index = bisect_right(self._starts, self._position) - 1
        piece = self._body.pieces[index]
        skipped = self._position - self._starts[index]
        return (
            piece[skipped:]
            if isinstance(piece, bytes)
            else Slice(piece.start + skipped, piece.stop)
        )


def hand_over(environ: Environ, body: Pieces) -> Body:
    """Give a body that comes from a local file to the server's ``wsgi.file_wrapper``, if any."""
    wrapper = environ.get("wsgi.file_wrapper")
    file = body.source.file
    if wrapper is None or file is None:
        return body
    return wrapped_by(wrapper, PiecesFile(body, file), READ_SIZE)


def wrapped_by(wrapper: Callable[..., Body], file: Any, block_size: int) -> Body:
    """Give a file to a server's ``wsgi.file_wrapper``."""
    if getattr(wrapper, "__name__", None) == "uwsgi_sendfile" and not hasattr(file, "fileno"):
        # uWSGI would read it to its end, though its client has gone; chunks it gives up at once.
        return FileWrapper(file, block_size)
    if isinstance(file, PiecesFile):
        file.turns = getattr(wrapper, "__module__", None) == "waitress.buffers"
    return wrapper(file, block_size)


class FileWrapper:
    """A ``wsgi.file_wrapper`` of our own (PEP 3333), which keeps the file itself in reach."""

    #: Whoever sends a file reads it, in whatever thread: that is what handing it over means.
    pausable = True

    def __init__(self, file: Any, block_size: int = READ_SIZE) -> None:
        self.file = file
        self.block_size = block_size
        self._watchers: list[tuple[Callable[[], object], Callable[[], object]]] = []

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.file.read(self.block_size):
            yield chunk

    def watch(self, before: Callable[[], object], after: Callable[[], object]) -> None:
        """Have these called before, and after, the file is closed."""
        self._watchers.append((before, after))

    def close(self) -> None:
        watchers, self._watchers = self._watchers, []
        with ExitStack() as last:  # each is told, whatever another of them raises
            for _, after in reversed(watchers):
                last.callback(after)
            last.callback(close, self.file)
            for before, _ in watchers:
                before()

    @property
    def is_watched(self) -> bool:
        """Whether somebody wants to know how much of the file is read."""
        return bool(self._watchers)

    def given_to(self, wrapper: Callable[..., Body]) -> Body:
        """Wrap the same file in a server's own wrapper; who watches this one still hears of it."""
        if wrapper is FileWrapper:
            return self
        file = _Watched(self) if self.is_watched else self.file
        return wrapped_by(wrapper, file, self.block_size)


class _Watched:
    """The file of a wrapper, to be read and closed by a server that does not know the wrapper.

    It has no ``fileno``: what the system sends by itself does not move the file's position.
    """

    def __init__(self, wrapper: FileWrapper) -> None:
        file = wrapper.file
        self.read, self.seek, self.tell, self.seekable = (
            file.read,
            file.seek,
            file.tell,
            file.seekable,
        )
        self.close = wrapper.close


def length_of(file: Any) -> int:
    """Count the bytes from where a file stands to its end; 0 where only reading could tell."""
    seekable = getattr(file, "seekable", None)
    if seekable is None or not seekable():
        return 0
    here = file.tell()
    file.seek(0, os.SEEK_END)
    end = file.tell()
    file.seek(here)
    return max(0, int(end - here))


def plain_file(file: Any) -> IO[bytes] | None:
    """Return ``file`` if its descriptor is a regular file of the very bytes it reads, else None.

    Any other object may have a descriptor, and give other bytes than are in it, as GzipFile does.
    """
    raw = file.raw if type(file) is io.BufferedReader else file
    if type(raw) is not io.FileIO or not stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
        return None
    return raw
