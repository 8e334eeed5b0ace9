"""Follow: a file that grows, as a stream without an end."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from wsgistream.rules.sse import LONGEST, encode_event
from wsgistream.sources.file import open_regular
from wsgistream.sources.live.sight import Sight
from wsgistream.wsgi.alarm import ALARMS, Alarms
from wsgistream.wsgi.waiting import Around, Wakeable

# Bytes that are read at once.
_CHUNK: Final = 64 * 1024

# Seconds between two looks at a file of which the system tells nothing.
_POLL: Final = 0.5


def follow(
    path: str | os.PathLike[str],
    *,
    whole: bool = False,
    events: bool = False,
    poll: float | None = None,
    alarms: Alarms = ALARMS,
) -> Wakeable:
    """Stream what is added to a file from now on, as ``tail -F`` does: ``follow("app.log")``.

    ``whole``: what is there already comes first. ``events``: each line is an event of
    text/event-stream, with invalid UTF-8 replaced; otherwise the bytes come as they are. A file
    that was cut short is read from its beginning again, and one that took the name of another is
    read after what is left of that. ``poll``: seconds between two looks at it, by ``alarms``; None:
    the system tells of changes, where it can (Linux, on a disk of its own).

    Raises OSError for a file that is not there, or is none, and ValueError for an option that
    cannot be.
    """
    if poll is not None and not poll > 0:
        raise ValueError(f"poll is seconds, more than 0, not {poll!r}.")
    file = Follow(path, whole, poll, alarms)
    return _Lines(file) if events else file


class Follow(Wakeable):
    """The bytes of a file, as they come."""

    #: A disk may take its time.
    quick = False

    def __init__(
        self, path: str | os.PathLike[str], whole: bool, poll: float | None, alarms: Alarms
    ) -> None:
        self._path = os.fspath(path)
        self._alarms = alarms
        self._closed = False
        self._file: io.FileIO = open_regular(self._path)
        #: How often it has begun a file anew.
        self.begun = 0
        if not whole:
            self._file.seek(0, os.SEEK_END)
        self._sight = self._watch(poll)

    def take(self) -> bytes | None:
        chunk = self._file.read(_CHUNK)
        if chunk:
            return chunk
        if self._file.tell() > os.fstat(self._file.fileno()).st_size:
            self._file.seek(0)
            self.begun += 1
            return self._file.read(_CHUNK) or None
        return self._next() if self._was_replaced() else None

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._sight.close()
            self._file.close()

    def _was_replaced(self) -> bool:
        with suppress(OSError):  # the next may be yet to come
            return not os.path.samestat(os.stat(self._path), os.fstat(self._file.fileno()))
        return False

    def _next(self) -> bytes | None:
        """Go on with the file that has taken the name, after what was added to the other."""
        chunk = self._file.read(_CHUNK)
        if chunk:
            return chunk
        with suppress(OSError):
            file = open_regular(self._path)
            self._file.close()
            self._file = file
            self.begun += 1
            self._sight.close()
            self._sight = self._watch(self._sight.poll)
            return self._file.read(_CHUNK) or None
        return None

    def _watch(self, poll: float | None) -> Sight:
        # A link, and what it leads to.
        paths = {os.path.abspath(self._path), os.path.realpath(self._path)}
        return Sight(paths, self.wake, poll=poll, otherwise=_POLL, alarms=self._alarms)


class Growing(Follow):
    """A file from its beginning, up to where ``is_growing`` tells that there is its end."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        is_growing: Callable[[], bool],
        alarms: Alarms = ALARMS,
    ) -> None:
        # That it has ended, nobody tells.
        super().__init__(path, True, _POLL, alarms)
        self._is_growing = is_growing

    def take(self) -> bytes | None:
        may_grow = self._is_growing()  # asked first, for more may come until then
        chunk = self._file.read(_CHUNK)
        if not (chunk or may_grow):
            raise StopIteration
        return chunk or None


class _Lines(Around):
    """Lines as events."""

    _body: Follow

    def __init__(self, body: Follow) -> None:
        super().__init__(body)
        self._rest = b""
        self._begun = body.begun

    def take(self) -> bytes | None:
        chunk = self._body.take()
        if self._body.begun > self._begun:
            self._begun = self._body.begun
            # What was left without an end is no part of the line that comes first now.
            chunk = (b"\n" if self._rest else b"") + (chunk or b"")
        if chunk is None:
            return None
        *lines, rest = (self._rest + chunk).split(b"\n")
        if len(rest) >= LONGEST:
            lines.append(rest)
            rest = b""
        self._rest = rest
        return b"".join(map(_event, lines))

    def beat(self) -> bytes:
        return b":\n\n"


def _event(line: bytes) -> bytes:
    return encode_event(line.removesuffix(b"\r").decode(errors="replace"), longest=sys.maxsize)
