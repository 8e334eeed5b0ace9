"""Alarms whose time is the test's: nothing waits, and no thread calls."""

from __future__ import annotations

from wsgistream.wsgi.alarm import Alarms


class Still(Alarms):
    """It stands until ``go_on``."""

    def __init__(self) -> None:
        self.now = 1000.0
        super().__init__(lambda: self.now)

    def _start(self) -> None:
        """No thread calls."""

    def go_on(self, seconds: float) -> None:
        """Let time pass, and what is due on the way be called in its moment."""
        end = self.now + seconds
        while self._ticks and self._pause() <= end - self.now:
            self.now += max(0.0, self._pause())
            self.ring()
        self.now = end
