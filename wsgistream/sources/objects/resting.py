"""Resting: the answers of a store that stay open while their clients take their time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Generic, TypeVar

#: Answers that stay open for clients that pause: each is a connection, and up to 1 MiB.
MOST: Final = 4

#: Seconds without taking anything that are a pause.
PAUSE: Final = 0.25

_Answer = TypeVar("_Answer")


class Resting(Generic[_Answer]):
    """What is kept between one chunk and the next, by who reads it.

    The answers of clients that keep pace stay open; of the others, and of those that kept pace
    until they paused, the ``most`` that were read last. Who finds that its answer is not there any
    more has to ask again.
    """

    def __init__(self, most: int = MOST, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._most = most
        # Who was read last is at the end; of those that keep pace with the time of it.
        self._quick: OrderedDict[object, tuple[_Answer, float]] = OrderedDict()
        self._slow: OrderedDict[object, _Answer] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, reader: object, answer: _Answer, *, keeps_pace: bool) -> None:
        """Keep an answer until its reader takes it, or others need the room."""
        now = self.clock()
        given_up = []  # which ends connections, and may take a moment
        with self._lock:
            while self._quick and next(iter(self._quick.values()))[1] <= now - PAUSE:
                who, (paused, _) = self._quick.popitem(last=False)
                self._slow[who] = paused
            if keeps_pace:
                self._quick[reader] = (answer, now)
            else:
                self._slow[reader] = answer
            while len(self._slow) > self._most:
                given_up.append(self._slow.popitem(last=False))

    def take(self, reader: object) -> _Answer | None:
        """Take the answer of a reader, to be kept again after the next chunk; None: it is gone."""
        with self._lock:
            quick = self._quick.pop(reader, None)
            return self._slow.pop(reader, None) if quick is None else quick[0]
