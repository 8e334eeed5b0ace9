"""Counters: what a server has done so far, in memory that its processes share."""

from __future__ import annotations

import mmap
import threading
import time
from typing import Final

#: What is counted, in the order of its place in memory.
NAMES: Final = ("processes", "connections", "idle_streams", "answers", "aborted", "bytes_sent")
_PROCESSES, _CONNECTIONS, _IDLE_STREAMS, _ANSWERS, _ABORTED, _BYTES_SENT = range(len(NAMES))
_WIDTH: Final = 8 * len(NAMES)

# More than run at a time, those included that only finish their answers.
_ROWS: Final = 1024


class Counters:
    """A row of numbers for each process; made before they part, and read by any of them."""

    def __init__(self) -> None:
        self.began = time.time()
        self._rows = memoryview(mmap.mmap(-1, _WIDTH * _ROWS)).cast("q")
        self._place = 0
        self._row = self._rows[: len(NAMES)]
        self._lock = threading.Lock()

    def take_row(self, index: int) -> None:
        """Count in the row of this process from now on; who had it before has ended."""
        self._place = index % _ROWS
        self._row = self._row_at(self._place)
        self.listen(False)
        self.note(0, 0)

    def _row_at(self, place: int) -> memoryview:
        return self._rows[place * len(NAMES) :][: len(NAMES)]

    def listen(self, listens: bool) -> None:
        """Note whether this process lets clients in."""
        self._row[_PROCESSES] = listens

    def add(self, size: int, aborted: bool) -> None:
        """Count an answer of ``size`` bytes; from any thread."""
        row = self._row
        with self._lock:
            row[_ANSWERS] += 1
            row[_ABORTED] += aborted
            row[_BYTES_SENT] += size

    def note(self, connections: int, idle_streams: int) -> None:
        """Set what there is now."""
        self._row[_CONNECTIONS] = connections
        self._row[_IDLE_STREAMS] = idle_streams

    def connect(self, connections: int) -> None:
        """Note at once how many connections there are now, for the other processes to see."""
        self._row[_CONNECTIONS] = connections

    def fewest(self, places: int) -> int | None:
        """Find the least number of connections that another process has, of the first ``places``.

        None: there is no other that lets clients in.
        """
        others = (self._row_at(place) for place in range(places) if place != self._place)
        return min((row[_CONNECTIONS] for row in others if row[_PROCESSES]), default=None)

    def total(self) -> dict[str, int]:
        """Sum up what all the processes have counted."""
        return {name: sum(self._rows[place :: len(NAMES)]) for place, name in enumerate(NAMES)}
