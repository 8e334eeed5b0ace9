"""Opened: a source of a regular file that somebody else has opened, from its position on."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from typing import IO, Any

from wsgistream.types import Meta
from wsgistream.wsgi.files import READ_SIZE, plain_file, read_at


class Opened:
    """What is left of a file in ``raw``, as of ``plain_part``, as a source; it closes ``file``."""

    def __init__(self, file: Any, raw: IO[bytes], origin: int) -> None:
        self._given = file
        self._raw = raw
        self._origin = origin
        self.meta = Meta(max(0, os.fstat(raw.fileno()).st_size - origin))
        #: The system sends a file by its own offsets.
        self.file = None if origin else raw

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Read by offset, so that nothing depends on a position that others could move."""
        start, stop = self._origin + start, self._origin + stop
        while start < stop:
            block = read_at(self._raw, start, min(READ_SIZE, stop - start))
            start += len(block)
            yield block

    def close(self) -> None:
        self._given.close()


def plain_part(file: Any) -> tuple[IO[bytes], int] | None:
    """Find where the bytes of a regular file are, and from which offset on; None: it is none.

    What was written into it and is not in the file yet is put there.
    """
    if isinstance(file, tempfile._TemporaryFileWrapper):
        file = file.file
    buffered = type(file) is io.BufferedRandom
    if buffered:
        file.flush()
    raw = plain_file(file.raw if buffered else file)
    return None if raw is None else (raw, file.tell())
