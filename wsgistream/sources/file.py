"""File: a source of one regular file, opened first and then asked what it is."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeAlias

from wsgistream.rules.conditions import check_entity_tag
from wsgistream.rules.decide import NOSNIFF
from wsgistream.rules.media import guess_media
from wsgistream.types import Header, Meta
from wsgistream.wsgi.files import READ_SIZE, read_at

#: Makes the entity-tag of an open file from its status, or None; must not move its position.
EtagMaker: TypeAlias = Callable[[io.FileIO, os.stat_result], str | None]

# O_NONBLOCK: a FIFO put where a file was a moment ago must not hold us.
_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def etag_of_status(file: io.FileIO, status: os.stat_result) -> str:
    """Make a strong entity-tag from size and modification time in nanoseconds."""
    return f'"{status.st_size:x}-{status.st_mtime_ns:x}"'


def etag_of_content(file: io.FileIO, status: os.stat_result) -> str:
    """Make a strong entity-tag from the bytes (SHA-256), kept until size or times change."""
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return f'"{_sha256(_Content((status.st_dev, status.st_ino, *times), status.st_size, file))}"'


@dataclass(frozen=True)
class _Content:
    """What tells one content of a file from another, and the open file to read it from."""

    identity: tuple[int, ...]
    size: int
    file: io.FileIO = field(compare=False)


@lru_cache(maxsize=4096)
def _sha256(content: _Content) -> str:
    from hashlib import sha256  # noqa: PLC0415 - and OpenSSL with it, for the few who want this

    digest, position = sha256(), 0
    while position < content.size:
        block = read_at(content.file, position, min(READ_SIZE, content.size - position))
        digest.update(block)
        position += len(block)
    return digest.hexdigest()


def open_regular(path: str | os.PathLike[str]) -> io.FileIO:
    """Open a regular file for reading.

    Raises FileNotFoundError for anything else, which is never opened at all (opening a device
    can do things), and what ``os.open`` raises.
    """
    _check_regular(os.stat(path))
    file = io.FileIO(os.open(path, _FLAGS))
    try:
        # The truth is what is open, not what was there a moment before.
        _check_regular(os.fstat(file.fileno()))
    except OSError:
        file.close()
        raise
    return file


def _check_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise FileNotFoundError(errno.ENOENT, "Not a regular file.")


class File:
    """A regular file as a source; what it opens it closes.

    ``name`` gives the content type where ``content_type`` does not; ``etag`` makes the
    entity-tag (None: no tag) and raises ValueError through here if what it makes is none;
    ``extra`` are further header fields. Raises OSError where the file cannot be opened.
    """

    def __init__(
        self,
        file: str | os.PathLike[str] | io.FileIO,
        *,
        name: str | None = None,
        content_type: str | None = None,
        encoding: str | None = None,
        etag: EtagMaker | None = etag_of_status,
        extra: tuple[Header, ...] = (),
    ) -> None:
        #: Where it was opened, as far as that is known.
        self.path = None if isinstance(file, io.FileIO) else os.fspath(file)
        self.file: io.FileIO = file if isinstance(file, io.FileIO) else open_regular(file)
        try:
            #: What the meta was made from.
            self.status = status = os.fstat(self.file.fileno())
            media = guess_media(name if name is not None else os.path.basename(str(file)))
            self.meta = Meta(
                size=status.st_size,
                content_type=content_type or media.content_type,
                etag=check_entity_tag(etag and etag(self.file, status)),
                modified=status.st_mtime_ns // 1_000_000_000,
                encoding=encoding or media.encoding,
                extra=(NOSNIFF, *extra),
            )
        except BaseException:
            self.file.close()
            raise

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Read by offset, so that nothing depends on a position that others could move."""
        while start < stop:
            block = read_at(self.file, start, min(READ_SIZE, stop - start))
            start += len(block)
            yield block

    def close(self) -> None:
        self.file.close()
