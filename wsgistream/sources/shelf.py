"""Shelf: the small files of a folder that were asked for a moment ago, kept in memory."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
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

# Bytes that are taken by what is known of a file: its names, its meta, its status.
_BESIDE: Final = 1024

#: Seconds that a file is kept, so that whatever its status may not tell is told soon.
SECONDS: Final = 1.0

_Identity = tuple[int, int, int, int, int]
_Key = tuple[tuple[str, ...], tuple[str, ...]]
_Seen = tuple[tuple[str, _Identity], ...]


#: What tells a file, in the state that its status says, from any other.
identity: Final[Callable[[os.stat_result], _Identity]] = attrgetter(
    "st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns"
)


class _Kept(NamedTuple):
    """A file on the shelf, and what has to be as it was for it to be good."""

    data: bytes
    meta: Meta
    seen: _Seen
    until: float

    def room(self) -> int:
        return len(self.data) + _BESIDE


class _Copy(Memory):
    """What is given of a file on the shelf; its meta may be changed without harm to the others."""

    def __init__(self, kept: _Kept) -> None:
        self._data = kept.data
        self.meta = kept.meta


class Shelf:
    """A folder as a store, whose small files are read again only if their status has changed.

    The status is asked at each request, and that of the folder it lies in: a change is seen at
    once, and so is a sibling that comes or goes; what was changed behind the status's back, within
    ``SECONDS``.
    """

    def __init__(self, folder: Folder, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        # The oldest first.
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()
        self._size = 0
        # Of changes; a look needs none.
        self._lock = threading.Lock()

    def find(self, path: Sequence[str], encodings: Sequence[str] = ()) -> Source | None:
        key = (tuple(path), tuple(encodings))
        kept = self._kept.get(key)
        if kept and kept.until > self._clock() and _are_as_they_were(kept.seen):
            return _Copy(kept)
        # Before it is looked into: a file that comes beside another may be a better answer.
        seen = self._seen_folder(path)
        source = self._folder.find(path, encodings)
        if source is not None and 0 < (source.meta.size or 0) <= SMALL:
            self._keep(key, source, seen)
        return source

    def list(self, path: Sequence[str]) -> Iterable[Entry] | None:
        return self._folder.list(path)

    def _seen_folder(self, path: Sequence[str]) -> _Seen:
        """Look at the folder of a path, which changes as names come and go; it may be missing."""
        location = os.path.join(self._folder.root, *path[:-1])
        try:
            return ((location, identity(os.stat(location))),)
        except OSError:
            return ()

    def _keep(self, key: _Key, source: File, seen: _Seen) -> None:
        now = self._clock()
        try:
            files = self._folder.seen(key[0], source).items()
            data = read_cached(source.file, Slice(0, source.meta.size or 0))
        except (OSError, WouldBlock):
            return
        seen = (*seen, *((name, identity(status)) for name, status in files))
        kept = _Kept(data, source.meta, seen, now + SECONDS)
        with self._lock:
            self._drop(key)
            self._make_room(kept.room(), now)
            self._kept[key] = kept
            self._size += kept.room()

    def _make_room(self, size: int, now: float) -> None:
        """Drop what has been here for long enough, and the oldest where there is no room."""
        while self._kept:
            key, oldest = next(iter(self._kept.items()))
            if oldest.until > now and self._size + size <= ROOM:
                break
            self._drop(key)

    def _drop(self, key: _Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._size -= kept.room()


def _are_as_they_were(seen: _Seen) -> bool:
    try:
        for path, before in seen:
            if identity(os.stat(path)) != before:
                return False
    except OSError:
        return False
    return True
