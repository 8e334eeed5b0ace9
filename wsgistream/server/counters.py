"""Counters: what a server has done so far, in memory that its processes share."""

from __future__ import annotations

import mmap
import threading
import time
from typing import Final

#: What is counted, in the order of its place in memory.
NAMES: Final = ("connections", "idle_streams", "answers", "aborted", "bytes_sent")
_NOW: Final = ("connections", "idle_streams")
_WIDTH: Final = 8 * len(NAMES)


class Counters:
    """A row of numbers for each process; made before they part, and read by any of them."""

    def __init__(self, processes: int = 1) -> None:
        self.began = time.time()
        self._rows = memoryview(mmap.mmap(-1, _WIDTH * processes)).cast("q")
        self._start = 0
        self._lock = threading.Lock()

    def take_row(self, index: int) -> None:
        """Count in the row of this process from now on; what went on in one before it has ended."""
        self._start = index * len(NAMES)
        self.note(0, 0)

    def add(self, size: int, aborted: bool) -> None:
        """Count an answer of ``size`` bytes; from any thread."""
        with self._lock:
            for name, count in (("answers", 1), ("aborted", int(aborted)), ("bytes_sent", size)):
                self._rows[self._place(name)] += count

    def note(self, connections: int, idle_streams: int) -> None:
        """Set what there is now."""
        for name, count in zip(_NOW, (connections, idle_streams), strict=True):
            self._rows[self._place(name)] = count

    def total(self) -> dict[str, int]:
        """Sum up what all the processes have counted."""
        return {name: sum(self._rows[NAMES.index(name) :: len(NAMES)]) for name in NAMES}

    def _place(self, name: str) -> int:
        return self._start + NAMES.index(name)
