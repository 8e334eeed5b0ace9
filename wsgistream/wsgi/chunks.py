"""Chunks: a file as an iterable of bytes, which any WSGI server or framework can send."""

from __future__ import annotations

import io
import select
from collections.abc import Callable, Iterator
from typing import Any, Final

from wsgistream.wsgi.bodies import Truncated, close
from wsgistream.wsgi.text import as_bytes

#: Bytes of a chunk: smaller ones cost more, and larger ones gain nothing that can be measured.
CHUNK: Final = 128 * 1024


def chunked_iter(
    file: Any, size: int = CHUNK, start: int = 0, stop: int | None = None
) -> FileChunks:
    """Give a binary file, or any object with a ``read``, in chunks of at most ``size`` bytes.

    ``start`` and ``stop`` (bytes) count from the file's present position; ``stop`` is not included,
    and None is the end of the file. What comes before ``start`` is sought where the file can seek,
    and else read and dropped. The file is closed once: at the end, at a failure, or by ``close``,
    and also if nothing was read.

    Raises TypeError for what is no binary file and ValueError for bounds that cannot be. The
    chunks raise what the file raises, and Truncated where it ends before a ``stop`` that was given.
    """
    check_file(file)
    check_size("size", size, 1)
    check_size("start", start)
    if stop is not None:
        check_size("stop", stop, start)
    return FileChunks(file, size, start, stop)


def check_size(name: str, value: int, least: int = 0) -> int:
    """Return a number of bytes as it is; raises TypeError or ValueError for what is none."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a number of bytes, not {value!r}.")
    if value < least:
        raise ValueError(f"{name} is a number of bytes from {least} on, not {value}.")
    return value


def check_file(file: Any) -> None:
    """Raise TypeError, or ValueError, for what no bytes can be read from."""
    if not callable(getattr(file, "read", None)):
        raise TypeError(f"A file has a read method, and {type(file).__name__} has none.")
    if isinstance(file, io.TextIOBase):
        raise TypeError("The file gives text: open it in binary mode, such as 'rb'.")
    if isinstance(file, io.IOBase) and not file.readable():  # which raises where it is closed
        raise ValueError("The file is not open for reading.")


class FileChunks:
    """The bytes of a file from ``start`` to ``stop``, read as they are asked for; see above."""

    #: Any thread may go on reading; see ``wsgistream.Pausable``.
    pausable = True

    def __init__(self, file: Any, size: int, start: int, stop: int | None) -> None:
        self._file: Any = file
        self._size = size
        self._skipped = start
        self._left = None if stop is None else stop - start
        self._read: Callable[[int], bytes | None] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._file is None:
            raise StopIteration
        try:
            block = self._next()
        except BaseException:
            self.close()
            raise
        if not block:
            self.close()
            raise StopIteration
        return block

    def close(self) -> None:
        file, self._file = self._file, None
        close(file)

    # Who leaves in the middle of a loop has no other way to say so.
    __del__ = close

    def _next(self) -> bytes:
        if self._read is None:
            self._read = self._begin()
        if self._left is None:
            return self._block(self._read, self._size)
        block = self._block(self._read, min(self._size, self._left)) if self._left else b""
        self._left -= len(block)
        if self._left and not block:
            raise Truncated("The file ended before the bytes that were asked for.")
        return block

    def _begin(self) -> Callable[[int], bytes | None]:
        """Go to the start; gives what to read with."""
        seekable = getattr(self._file, "seekable", None)
        if seekable is not None and seekable():
            if self._skipped:
                self._file.seek(self._skipped, io.SEEK_CUR)
            read: Callable[[int], bytes | None] = self._file.read
            return read
        # A pipe or a connection gives what it has by now: to wait for a whole block could be long.
        read = getattr(self._file, "read1", self._file.read)
        while self._skipped and (block := self._block(read, min(self._size, self._skipped))):
            self._skipped -= len(block)
        return read

    def _block(self, read: Callable[[int], bytes | None], size: int) -> bytes:
        """Read; b"" is the end alone."""
        block = read(size)
        if not block and read != self._file.read:
            block = self._file.read(1)  # read1 gives b"" also where there is nothing yet
        while block is None:
            self._wait()
            block = self._file.read(size)
        block = as_bytes(block)
        if len(block) > size:
            raise ValueError("The file gave more bytes than it was asked for.")
        return block

    def _wait(self) -> None:
        """Wait for a file that does not block until there is something to read, or its end."""
        poll = select.poll()
        poll.register(self._file, select.POLLIN)
        poll.poll()
