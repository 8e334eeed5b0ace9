"""Places: how many streams without an end may each hold a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from wsgistream.rules.decide import sentence
from wsgistream.types import Body, Environ
from wsgistream.wsgi.bodies import Closing
from wsgistream.wsgi.waiting import PARKS, Wakeable

#: What is answered when no thread can be spared.
NO_PLACE: Final = sentence(
    503,
    "Each viewer holds a thread here, and no more can be spared; please try again.",
    (("Retry-After", "1"),),
)


class NoPlace(Exception):
    """As many threads are held as may be."""


class Places:
    """As many as ``limit`` streams may hold a thread; raises ValueError for what is no number.

    Where a server parks them none does, and any number is let in.
    """

    def __init__(self, limit: int) -> None:
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
            raise ValueError(f"limit is a number of viewers from 0, not {limit!r}.")
        self._threads = threading.Semaphore(limit)

    def let_in(self, environ: Environ, view: Callable[[], Wakeable]) -> Body:
        """Give a stream, which leaves its place when it is closed; raises NoPlace."""
        if PARKS in environ:
            return view()
        if not self._threads.acquire(blocking=False):
            raise NoPlace
        try:
            return Closing(view(), self._threads.release)
        except BaseException:
            self._threads.release()
            raise


def check_heartbeat(seconds: float) -> float:
    """Return the seconds of a heartbeat as they are; raises ValueError for what is none."""
    if not 0 < seconds <= threading.TIMEOUT_MAX:
        raise ValueError(f"A heartbeat is seconds, more than 0, not {seconds!r}.")
    return seconds
