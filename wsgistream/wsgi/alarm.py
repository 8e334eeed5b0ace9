"""Alarm: calling something at a given time, without a thread for each that waits."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Final

# Moments of a second at which something can be called: many calls are one awakening. A power of
# two, so that the time of a tick is exact.
_TICKS: Final = 128

# Seconds for which the thread stays when there is nothing to be called.
_LINGER: Final = 1.0

_logger: Final = logging.getLogger("wsgistream")


class Alarm:
    """One call that is to come."""

    __slots__ = ("tick", "what")

    def __init__(self, tick: int, what: Callable[[], object]) -> None:
        self.tick = tick
        self.what = what


class Alarms:
    """Calls at given times (seconds of ``clock``), from one thread, which goes when none is left.

    What is called should be short: the others wait for it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.forget()

    def forget(self) -> None:
        """Begin anew, as a process does that was forked: the thread is the parent's."""
        self._changed = threading.Condition()
        self._ticks: list[int] = []
        self._alarms: dict[int, dict[Alarm, None]] = {}
        self._count = 0
        self._is_running = False

    def __len__(self) -> int:
        return self._count

    def at(self, when: float, what: Callable[[], object]) -> Alarm:
        """Have something called soon after ``when``, and never before."""
        alarm = Alarm(int(when * _TICKS) + 1, what)
        with self._changed:
            alarms = self._alarms.get(alarm.tick)
            if alarms is None:
                alarms = self._alarms[alarm.tick] = {}
                heappush(self._ticks, alarm.tick)
                if self._ticks[0] == alarm.tick:
                    self._changed.notify()
            alarms[alarm] = None
            self._count += 1
            if not self._is_running:
                self._start()
                self._is_running = True
        return alarm

    def cancel(self, alarm: Alarm) -> None:
        """Have it not called, unless it is being called already."""
        with self._changed:
            alarms = self._alarms.get(alarm.tick, {})
            if alarm in alarms:
                del alarms[alarm]
                self._count -= 1
                if not self._count:
                    # The ticks would keep the thread, though nothing is left to be called.
                    self._ticks.clear()
                    self._alarms.clear()
                    self._changed.notify()

    def ring(self) -> None:
        """Call what is due."""
        due: list[Alarm] = []
        with self._changed:
            while self._ticks and self._pause() <= 0:
                due += self._alarms.pop(heappop(self._ticks))
            self._count -= len(due)
        call_each(alarm.what for alarm in due)

    def _pause(self) -> float:
        """Count the seconds to the next tick."""
        return self._ticks[0] / _TICKS - self.clock()

    def _start(self) -> None:
        threading.Thread(target=self._run, name="wsgistream alarms", daemon=True).start()

    def _run(self) -> None:
        while self._sleep():
            self.ring()

    def _sleep(self) -> bool:
        """Wait for the next tick; False: there has been none for long, and the thread may end."""
        with self._changed:
            if not self._ticks:
                self._changed.wait(_LINGER)
            if self._ticks:
                self._changed.wait(max(0.0, self._pause()))
            self._is_running = bool(self._ticks)
            return self._is_running


def call_each(calls: Iterable[Callable[[], object]]) -> None:
    """Call all of them; a failure is told to the log, and keeps nobody else from being called."""
    for call in calls:
        try:
            call()
        except Exception:
            _logger.exception("Exception in what was to be called at a time")


#: The alarms of this process.
ALARMS: Final = Alarms()

os.register_at_fork(after_in_child=ALARMS.forget)
