"""Counters: what a server has done so far, in memory that its processes share."""

from __future__ import annotations

import mmap
import threading
import time
from typing import Final

#: What is counted, in the order of its place in memory.
NAMES: Final = ("connections", "idle_streams", "answers", "aborted", "bytes_sent")
_CONNECTIONS, _IDLE_STREAMS, _ANSWERS, _ABORTED, _BYTES_SENT = range(len(NAMES))
_WIDTH: Final = 8 * len(NAMES)

# More than run at a time, those included that only finish their answers.
_PROCESSES: Final = 1024


class Counters:
    """A row of numbers for each process; made before they part, and read by any of them."""

    def __init__(self) -> None:
        self.began = time.time()
        self._rows = memoryview(mmap.mmap(-1, _WIDTH * _PROCESSES)).cast("q")
        self._row = self._rows[: len(NAMES)]
        self._lock = threading.Lock()

    def take_row(self, index: int) -> None:
        """Count in the row of this process from now on; who had it before has ended."""
        start = index % _PROCESSES * len(NAMES)
        self._row = self._rows[start : start + len(NAMES)]
        self.note(0, 0)

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

    def total(self) -> dict[str, int]:
        """Sum up what all the processes have counted."""
        return {name: sum(self._rows[place :: len(NAMES)]) for place, name in enumerate(NAMES)}
