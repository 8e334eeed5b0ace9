"""Sight: being told of changes by the system, or looking from time to time where it tells none."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wsgistream.sources.live.inotify import WATCHES
from wsgistream.wsgi.alarm import Alarm, Alarms


class Sight:
    """Calls ``changed`` when files may have changed, from any thread, until it is closed.

    ``paths`` are files, or folders with a slash at the end; ``changed`` must be short. ``poll``:
    seconds between two looks, by ``alarms``; None: the system tells, and where it cannot it is
    looked every ``otherwise`` seconds.
    """

    def __init__(
        self,
        paths: Iterable[str],
        changed: Callable[[], object],
        *,
        poll: float | None,
        otherwise: float,
        alarms: Alarms,
    ) -> None:
        self._changed = changed
        self._alarms = alarms
        self._alarm: Alarm | None = None
        self._unwatch: list[Callable[[], None]] = []
        self._closed = False
        #: Seconds between two looks; None: the system tells.
        self.poll = poll
        if poll is None:
            try:
                for path in paths:
                    self._unwatch.append(WATCHES.add(path, changed))
            except OSError:
                self._forget()
                self.poll = otherwise
        if self.poll is not None:
            self._wait(self.poll)

    def close(self) -> None:
        self._closed = True
        self._forget()
        if self._alarm is not None:
            self._alarms.cancel(self._alarm)

    def _wait(self, poll: float) -> None:
        self._alarm = self._alarms.at(self._alarms.clock() + poll, lambda: self._look(poll))

    def _look(self, poll: float) -> None:
        if not self._closed:
            self._wait(poll)
            self._changed()

    def _forget(self) -> None:
        while self._unwatch:
            self._unwatch.pop()()
