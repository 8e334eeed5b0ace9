"""Outgoing: what waits to be sent to one client, in order: bytes, and parts of files."""

from __future__ import annotations

import os
from typing import Any, Final

from waitress.utilities import logger

from wsgistream.wsgi.files import PiecesFile, plain_file

#: Buffers that the system is handed at once; it takes 1,024 at most.
_AT_ONCE: Final = 64


class FilePart:
    """What is to be sent of a file, from where it stands."""

    __slots__ = ("_file", "_owner", "_plain", "left")

    def __init__(self, file: Any, size: int, owner: Any) -> None:
        self._file = file
        self._plain = None if isinstance(file, PiecesFile) else plain_file(file)
        self._owner = owner
        self.left = size

    def span(self) -> tuple[int, int, int] | None:
        """Find what is next: descriptor, start and size (bytes); None: it has to be read."""
        if isinstance(self._file, PiecesFile):
            span = self._file.span()
            # What is announced may be less than what there is.
            return None if span is None else (span[0], span[1], min(span[2], self.left))
        if self._plain is None:
            return None
        return self._plain.fileno(), self._file.tell(), self.left

    def read(self, size: int) -> bytes | memoryview:
        """Read what is next and stay there; nothing: the file has shrunk."""
        here = self._file.tell()
        block: bytes | memoryview = self._file.read(min(size, self.left))
        self._file.seek(here)
        return block

    def skip(self, count: int) -> None:
        self._file.seek(count, os.SEEK_CUR)
        self.left -= count

    def close(self) -> None:
        """Close the file; called once."""
        try:
            self._owner.close()
        except (Exception, SystemExit):
            # All of it may have been sent; and there are others to be closed.
            logger.exception("Exception while closing a file that was to be sent")


class Outgoing:
    """The queue of a connection; to waitress it is the one buffer of its channel."""

    __slots__ = ("_parts", "_size")

    def __init__(self) -> None:
        self._parts: list[bytes | memoryview | FilePart] = []
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def append(self, part: bytes | FilePart) -> None:
        """Take what is to be sent after all else; nothing of it is copied."""
        self._size += part.left if isinstance(part, FilePart) else len(part)
        self._parts.append(part)

    def file(self) -> FilePart | None:
        """Return the file that is next, if it is one."""
        part = self._parts[0]
        return part if isinstance(part, FilePart) else None

    def buffers(self) -> tuple[list[bytes | memoryview], bool]:
        """Return the bytes that are next, and whether more follows them."""
        buffers: list[bytes | memoryview] = []
        for part in self._parts[:_AT_ONCE]:
            if isinstance(part, FilePart):
                break
            buffers.append(part)
        return buffers, len(buffers) < len(self._parts)

    def skip(self, count: int) -> None:
        """Drop what was sent (bytes)."""
        self._size -= count
        done = 0
        for part in self._parts:
            size = part.left if isinstance(part, FilePart) else len(part)
            if count < size:
                self._keep(done, part, count)
                break
            count -= size
            done += 1
            if isinstance(part, FilePart):
                part.skip(size)  # its position tells whoever watches it
                part.close()
        del self._parts[:done]

    def _keep(self, index: int, part: bytes | memoryview | FilePart, count: int) -> None:
        if isinstance(part, FilePart):
            part.skip(count)
        elif count:
            self._parts[index] = memoryview(part)[count:]

    def close(self) -> None:
        """Forget all that is left, and close its files."""
        parts, self._parts, self._size = self._parts, [], 0
        for part in parts:
            if isinstance(part, FilePart):
                part.close()
