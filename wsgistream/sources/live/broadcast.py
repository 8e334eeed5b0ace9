"""Broadcast: a folder that an encoder writes segments and playlists into (HLS, DASH)."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from typing import Final, NamedTuple

from wsgistream.rules.playlists import is_playlist, is_whole
from wsgistream.sources.file import File
from wsgistream.sources.folder import BeingWritten, Folder
from wsgistream.sources.memory import Memory
from wsgistream.sources.shelf import identity
from wsgistream.types import Entry, Meta, Source

# Bytes of the longest playlist that is read, and the playlists that are kept.
_LONGEST: Final = 1024 * 1024
_KEPT: Final = 64

# Seconds in which whoever writes a playlist in several pieces may be between two of them; and
# after which one that does not look like a whole is meant as it is.
_PIECES: Final = 0.1
_MEANT: Final = 2.0

# Seconds for which a playlist stands in for the next; then its segments may be gone.
_GOOD: Final = 5.0


class _Kept(NamedTuple):
    """A playlist as it was when it was whole."""

    identity: tuple[int, int, int, int, int]
    data: bytes
    meta: Meta
    until: float

    def is_same_file(self, status: os.stat_result) -> bool:
        return (status.st_dev, status.st_ino) == self.identity[:2]


class Broadcast:
    """The files of a live broadcast, as ffmpeg writes them: ``DirectoryApp(Broadcast("hls"))``.

    Its playlists are given whole: one that is just being rewritten in its place is given as it was
    before. The others are those of a Folder, whose options these are; ``clock``: seconds since
    1970. Raises ValueError where there is no such folder.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        hidden: bool = False,
        follow_symlinks: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = Folder(root, hidden=hidden, follow_symlinks=follow_symlinks)
        #: As a folder has it.
        self.root = self._folder.root
        self._clock = clock
        # The one that was not asked for the longest comes first.
        self._kept: OrderedDict[tuple[str, ...], _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, path: Sequence[str], encodings: Sequence[str] = ()) -> Source | None:
        """Open a file; raises BeingWritten for a playlist that is not whole, and never was."""
        if not (path and is_playlist(path[-1])):
            return self._folder.find(path, encodings)
        source = self._folder.find(path)
        if source is None or source.status.st_size > _LONGEST:
            return source
        with closing(source):
            return self._whole(tuple(path), source)

    def list(self, path: Sequence[str]) -> Iterable[Entry] | None:
        return self._folder.list(path)

    def _whole(self, path: tuple[str, ...], source: File) -> Memory:
        now = self._clock()
        content = _content(source)
        with self._lock:
            kept = self._kept.get(path)
            if kept is not None and kept.until < now:
                kept = None
            if content is None or not _is_meant(path[-1], content, source.status, kept, now):
                if kept is None:
                    raise BeingWritten
                return Memory(kept.data, kept.meta)
            self._kept[path] = _Kept(identity(source.status), content, source.meta, now + _GOOD)
            self._kept.move_to_end(path)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return Memory(content, source.meta)


def _content(source: File) -> bytes | None:
    """Read what is there; None: it was changed meanwhile."""
    size = source.status.st_size
    content = os.pread(source.file.fileno(), size + 1, 0)
    is_same = identity(os.fstat(source.file.fileno())) == identity(source.status)
    return content if is_same and len(content) == size else None


def _is_meant(
    name: str, content: bytes, status: os.stat_result, kept: _Kept | None, now: float
) -> bool:
    """Tell whether this is the whole of what was written."""
    if kept is not None and kept.identity == identity(status):
        return True
    age = now - status.st_mtime
    if not is_whole(name, content):
        return age > _MEANT
    # What took the place of another file is whole; in its own place more may follow.
    return kept is None or not kept.is_same_file(status) or not 0 <= age < _PIECES
