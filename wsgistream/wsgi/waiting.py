"""Waiting: bodies that need no thread of their own while their client, or their source, is slow."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from wsgistream.wsgi.bodies import close

# Seconds after which a stream with nothing to say shows that it is still there.
_HEARTBEAT: Final = 15.0

# Only here the system tells whether a file is in memory.
_CAN_TELL: Final = hasattr(os, "RWF_NOWAIT")

#: In the environ of a request that is answered in a server's loop: nothing may block there.
IN_LOOP: Final = "wsgistream.in_loop"

#: In the environ of a server that parks a ``Wakeable``: no thread waits with it.
PARKS: Final = "wsgistream.parks"


class WouldBlock(Exception):
    """An answer may take its time, and so needs a thread; the server asks again in one."""


def is_quick(app: object) -> bool:
    """Tell whether an application may be tried in a loop: it raises WouldBlock in time."""
    return _CAN_TELL and getattr(app, "quick", False) is True


class Pausable:
    """A body that any thread may go on reading, from the next chunk on, never two at a time.

    A server that knows this class reads it no faster than the client does, and holds no thread
    meanwhile. Do not wrap what belongs to the thread that began it, such as a cursor of sqlite3.
    A class of your own needs no wrapper: ``pausable = True`` on it says the same.
    """

    pausable = True

    def __init__(self, body: Iterable[bytes]) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        close(self._body)


def is_pausable(body: object) -> bool:
    """Tell whether a body says of itself that any thread may go on reading it."""
    return getattr(body, "pausable", False) is True


class Wakeable:
    """A body that may have nothing to send for now: ``take`` says so, and ``wake`` ends it.

    A subclass gives ``take``, which must not wait for news, and calls ``wake`` when there is some.
    A server that knows this class parks the stream without a thread; under any other its thread
    waits.
    """

    pausable = True

    #: ``take`` never takes its time; where it may, the server calls it in a thread.
    quick: bool = True

    #: Seconds of silence after which ``beat`` is sent.
    heartbeat: float = _HEARTBEAT

    @property
    def waits_for_time(self) -> bool:
        """Whether what it waits for comes by itself, so that a server that ends waits for it."""
        return False

    def take(self) -> bytes | None:
        """Return the next chunk (bytes; None: nothing now); raises StopIteration at the end."""
        raise NotImplementedError

    def beat(self) -> bytes:
        """Return what is sent in a long silence, so that it is seen whether the client is there."""
        return b""

    def close(self) -> None:
        """Release what the stream holds; called once, from any thread."""

    _waker: Callable[[], object] | None = None

    def wake(self) -> None:
        """Say that there may be something to take; from any thread, and never too often."""
        waker = self._waker
        if waker is not None:
            waker()

    def wake_by(self, waker: Callable[[], object]) -> None:
        """Have ``waker`` called at each ``wake``; what was missed before is to be taken at once."""
        self._waker = waker

    def __iter__(self) -> Iterator[bytes]:
        news = threading.Event()
        self.wake_by(news.set)
        while True:
            news.clear()
            try:
                chunk = self.take()
            except StopIteration:
                return
            if chunk is None and not news.wait(self.heartbeat):
                chunk = self.beat()
            if chunk:
                yield chunk


class Around(Wakeable):
    """A stream around another; what a subclass does not give is that of the other."""

    def __init__(self, body: Wakeable) -> None:
        self._body = body
        self._closed = False
        self.quick = body.quick
        self.heartbeat = body.heartbeat

    @property
    def waits_for_time(self) -> bool:
        return self._body.waits_for_time

    def take(self) -> bytes | None:
        return self._body.take()

    def beat(self) -> bytes:
        return self._body.beat()

    def wake(self) -> None:
        self._body.wake()

    def wake_by(self, waker: Callable[[], object]) -> None:
        self._body.wake_by(waker)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._body.close()
