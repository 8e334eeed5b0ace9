"""Shelf: the small files of a folder that were asked for a moment ago, kept in memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from wsgistream.sources.file import File
from wsgistream.sources.folder import Folder
from wsgistream.sources.memory import Memory
from wsgistream.types import Entry, Meta, Slice, Source
from wsgistream.wsgi.files import read_cached
from wsgistream.wsgi.waiting import WouldBlock

#: Bytes of the largest file that is kept, and of all that are.
SMALL: Final = 16 * 1024
ROOM: Final = 8 * 1024 * 1024

#: Seconds that a file is kept, so that whatever its status may not tell is told soon.
SECONDS: Final = 1.0

_Identity = tuple[int, int, int, int, int]


def identity(status: os.stat_result) -> _Identity:
    """Say what tells a file, in the state that it is in, from any other."""
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return (status.st_dev, status.st_ino, status.st_size, *times)


class _Kept(NamedTuple):
    """A file on the shelf, and the files that it is good for as long as they are what they were."""

    data: bytes
    meta: Meta
    seen: tuple[tuple[str, _Identity], ...]
    until: float


class _Copy(Memory):
    """What is given of a file on the shelf; its meta may be changed without harm to the others."""

    def __init__(self, kept: _Kept) -> None:
        self._data = kept.data
        self.meta = kept.meta


class Shelf:
    """A folder as a store, whose small files are read again only if their status has changed.

    The status is asked at each request, so a change is seen at once; a file that was changed
    behind its status's back, within ``SECONDS``.
    """

    def __init__(self, folder: Folder, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._kept: dict[tuple[Sequence[str], Sequence[str]], _Kept] = {}
        self._size = 0

    def find(self, path: Sequence[str], encodings: Sequence[str] = ()) -> Source | None:
        key = (path, encodings)
        kept = self._kept.get(key)
        if kept is not None:
            if kept.until > self._clock() and all(map(_is_as_it_was, kept.seen)):
                return _Copy(kept)
            self._drop(key)
        source = self._folder.find(path, encodings)
        if source is not None and 0 < (source.meta.size or 0) <= SMALL:
            self._keep(key, source)
        return source

    def list(self, path: Sequence[str]) -> Iterable[Entry] | None:
        return self._folder.list(path)

    def _keep(self, key: tuple[Sequence[str], Sequence[str]], source: File) -> None:
        now = self._clock()
        try:
            seen = self._folder.seen(key[0], source)
            data = read_cached(source.file, Slice(0, source.meta.size or 0))
        except (OSError, WouldBlock):
            return
        self._make_room(len(data), now)
        self._kept[key] = _Kept(
            data,
            source.meta,
            tuple((name, identity(status)) for name, status in seen.items()),
            now + SECONDS,
        )
        self._size += len(data)

    def _make_room(self, size: int, now: float) -> None:
        """Drop what has been here for long enough, and the oldest where there is no room."""
        for key, kept in list(self._kept.items()):
            if kept.until > now and self._size + size <= ROOM:
                break
            self._drop(key)

    def _drop(self, key: tuple[Sequence[str], Sequence[str]]) -> None:
        kept = self._kept.pop(key, None)  # another thread may have been quicker
        if kept is not None:
            self._size -= len(kept.data)


def _is_as_it_was(seen: tuple[str, _Identity]) -> bool:
    path, before = seen
    try:
        return identity(os.stat(path)) == before
    except OSError:
        return False
