"""Memory: a hub of one process, which needs nothing beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from threading import Lock

from wsgistream.rules.sse import LONGEST, EventId
from wsgistream.sources.live.hub import BadId, Hub, Published
from wsgistream.sources.live.log import Entry, Log, Slow, wake_all
from wsgistream.sources.live.viewer import Viewer


class MemoryHub(Hub):
    """A hub of one process: ``hub.publish("news", "hello")``.

    It holds the last ``history`` events, each of ``longest`` bytes at most. ``slow``: what becomes
    of a viewer that is further behind: ``"drop"`` tells it so, by the event ``missed``, and goes on
    with the oldest there is; ``"disconnect"`` ends its stream, so that it comes again. ``clock``:
    seconds since 1970. Several processes each have their own: they need a RedisHub. Raises
    ValueError for an option that cannot be.
    """

    quick = True
    shared = False

    def __init__(
        self,
        *,
        history: int = 1000,
        slow: Slow = "drop",
        longest: int = LONGEST,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._log = Log(history, slow)
        self.longest = longest
        self._clock = clock
        self._lock = Lock()
        # What an earlier process has told comes before it.
        self._head = EventId(self._now(), 0)
        self._log.begin(self._head)

    def add(self, published: Published) -> str:
        with self._lock:
            self._head = self._next(published.id)
            entry = Entry.of(self._head, published.topic, published.content)
            viewers = self._log.add([entry])
        wake_all(viewers)
        return str(entry.id)

    def subscribe(self, topics: Iterable[str], last_id: str | None = None) -> Viewer:
        return Viewer(self._log, topics, last_id)

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _next(self, wanted: EventId | None) -> EventId:
        if wanted is None:
            after = self._head._replace(number=self._head.number + 1)
            return max(after, EventId(self._now(), 0))
        if wanted <= self._head:
            raise BadId
        return wanted
