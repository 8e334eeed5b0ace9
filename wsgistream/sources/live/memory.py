"""Memory: a hub of one process, which needs nothing beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any

from wsgistream.rules.sse import LONGEST, EventId, as_text, encode_event, parse_id
from wsgistream.sources.live.hub import BadId, check_topic
from wsgistream.sources.live.log import Entry, Log, Slow, Viewer, wake_all


class MemoryHub:
    """A hub of one process: ``hub.publish("news", "hello")``.

    It holds the last ``history`` events, each of ``longest`` bytes at most. ``slow``: what becomes
    of a viewer that is further behind: ``"drop"`` tells it so, by the event ``missed``, and goes on
    with the oldest there is; ``"disconnect"`` ends its stream, so that it comes again. ``clock``:
    seconds since 1970. Several processes each have their own: they need a RedisHub. Raises
    ValueError for an option that cannot be.
    """

    quick = True

    def __init__(
        self,
        *,
        history: int = 1000,
        slow: Slow = "drop",
        longest: int = LONGEST,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._log = Log(history, slow)
        self._longest = longest
        self._clock = clock
        self._lock = Lock()
        # What an earlier process has told comes before it.
        self._head = EventId(self._now(), 0)
        self._log.begin(self._head)

    def publish(
        self,
        topic: str,
        data: Any,
        *,
        event: str | None = None,
        id: str | None = None,  # noqa: A002
        retry: int | None = None,
    ) -> str:
        check_topic(topic)
        text = as_text(data)
        encoded = encode_event(text, event=event, retry=retry, longest=self._longest)
        with self._lock:
            self._head = self._next(id)
            entry = Entry.of(self._head, topic, encoded)
            viewers = self._log.add([entry])
        wake_all(viewers)
        return str(entry.id)

    def subscribe(self, topics: Iterable[str], last_id: str | None = None) -> Viewer:
        return self._log.view(topics, last_id)

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _next(self, wanted: str | None) -> EventId:
        if wanted is None:
            after = self._head._replace(number=self._head.number + 1)
            return max(after, EventId(self._now(), 0))
        found = parse_id(wanted)
        if found is None or found <= self._head:
            raise BadId
        return found
