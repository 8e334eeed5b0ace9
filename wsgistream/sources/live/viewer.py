"""Viewer: one who watches topics of a log, in which it has its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from wsgistream.rules.sse import EventId, encode_event, encode_place, parse_id
from wsgistream.sources.live.log import Entry, Log
from wsgistream.wsgi.waiting import Wakeable

#: The type of the event that tells a viewer that there were events which it will not get.
MISSED: Final = "missed"

# Bytes that a viewer takes at once, if no event is longer.
_AT_ONCE: Final = 64 * 1024

# What is sent in a silence, where there is something to come at once.
_COMMENT: Final = b":\n\n"


class Viewer(Wakeable):
    """A stream of events: of topics from now on, or from after an id.

    It has no queue, only a place in the log: memory does not grow with those who are slow.
    """

    __slots__ = ("_has_begun", "_last_id", "_log", "_place", "_topics", "_waker", "heartbeat")

    _waker: Callable[[], object] | None

    def __init__(self, log: Log, topics: Iterable[str], last_id: str | None) -> None:
        if isinstance(topics, str):
            raise TypeError(f"There may be more than one topic: give a list, not {topics!r}.")
        names = dict.fromkeys(topics)
        if not names:
            raise ValueError("A viewer watches at least one topic.")
        self._log = log
        self._last_id = last_id
        self._has_begun = False
        self._waker = None
        self.heartbeat = Wakeable.heartbeat
        # The last event that it was given, or that was none of its own; None: nobody knows yet.
        self._topics, self._place = log.join(self, names)

    def take(self) -> bytes | None:
        log = self._log
        if self._has_begun and self._place is log.head:
            return None  # without the lock: who adds something wakes it afterwards
        with log.lock:
            if log.head is None:
                return None
            place = self._place or log.head
            if not self._has_begun:
                return self._welcome(place)
            entries = self._after(place)
            if entries is None and log.slow == "disconnect":
                raise StopIteration
            return self._missed(self._forgotten()) if entries is None else self._give(entries)

    def beat(self) -> bytes:
        """Give a sign of life; it tells the place, so that quiet topics are resumed by it."""
        log = self._log
        with log.lock:
            place = self._place
            if log.head is None or place is None or not self._has_begun or self._after(place) != []:
                return _COMMENT
            self._place = log.head
            return encode_place(str(log.head))

    def close(self) -> None:
        topics, self._topics = self._topics, ()
        self._log.leave(self, topics)

    # All below is called with the lock of the log.

    def _welcome(self, place: EventId) -> bytes:
        """Tell where it stands, which also begins the answer."""
        self._has_begun = True
        if self._last_id is not None:
            last = parse_id(self._last_id)
            if last is None or last > place:
                return self._missed(place)  # somebody else has told it
            if last < self._forgotten():
                return self._missed(self._forgotten())
            place = last
        self._place = place
        return encode_place(str(place))

    def _missed(self, place: EventId) -> bytes:
        self._place = place
        return encode_event("", event=MISSED, id=str(place))

    def _forgotten(self) -> EventId:
        """Find the last event of its topics that is gone."""
        return max(topic.forgotten for topic in self._topics)

    def _after(self, place: EventId) -> list[Entry] | None:
        """Find the events after a place, in no order; None: some of them are gone."""
        entries: list[Entry] = []
        for topic in self._topics:
            if topic.forgotten > place:
                return None
            for entry in reversed(topic.entries):
                if entry.id <= place:
                    break
                entries.append(entry)
        return entries

    def _give(self, entries: list[Entry]) -> bytes | None:
        """Give the first of some events, and more up to a size; None: there are none."""
        if not entries:
            return None
        entries.sort()
        size = 0
        for count, entry in enumerate(entries, 1):
            size += len(entry.content)
            if size >= _AT_ONCE:
                del entries[count:]
                break
        self._place = entries[-1].id
        if len(entries) == 1:
            return entries[0].content  # the same bytes for all
        return b"".join([entry.content for entry in entries])
