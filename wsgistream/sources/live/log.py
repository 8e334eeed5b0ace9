"""Log: the last events of a hub, encoded once for all, and those who read them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Iterable
from typing import Literal, NamedTuple, TypeAlias, get_args

from wsgistream.rules.sse import EventId
from wsgistream.wsgi.waiting import Wakeable

#: What becomes of a viewer so slow that events which it has not had are gone: it is told so and
#: goes on with the oldest there is, or its stream ends, so that it comes again with its last id.
Slow: TypeAlias = Literal["drop", "disconnect"]


class Entry(NamedTuple):
    """An event as it is sent."""

    id: EventId
    topic: str
    content: bytes

    @classmethod
    def of(cls, id: EventId, topic: str, event: bytes) -> Entry:  # noqa: A002
        """Make one of an event that was encoded without its id."""
        return cls(id, topic, b"id: %s\n%s" % (str(id).encode(), event))


class Topic:
    """What there is of one topic: it is forgotten with its last viewer and its last event."""

    __slots__ = ("entries", "forgotten", "name", "viewers")

    def __init__(self, name: str, forgotten: EventId) -> None:
        self.name = name
        self.entries: deque[Entry] = deque()
        #: The last of its events that is gone; what was before its time may have been its own.
        self.forgotten = forgotten
        self.viewers: set[Wakeable] = set()


class Log:
    """The last ``history`` events; any thread may use it. It is empty, and waits for ``begin``."""

    def __init__(self, history: int, slow: Slow) -> None:
        if isinstance(history, bool) or not isinstance(history, int) or history < 1:
            raise ValueError(f"history is a number of events from 1, not {history!r}.")
        if slow not in get_args(Slow):
            raise ValueError(f"slow is one of {', '.join(get_args(Slow))}, not {slow!r}.")
        self._history = history
        self.slow = slow
        self.forget()

    def forget(self) -> None:
        """Begin anew, as a process does that was forked: all viewers are the parent's."""
        #: Held while topics are read.
        self.lock = threading.Lock()
        self._entries: deque[Entry] = deque()
        self._topics: dict[str, Topic] = {}
        #: The last event there was, and the last that is gone; None: nobody knows them yet.
        self.head: EventId | None = None
        self._forgotten = EventId(0, 0)

    def begin(self, at: EventId, entries: Iterable[Entry] = ()) -> Collection[Wakeable]:
        """Say what there is: all up to ``at`` is gone. Gives the viewers to be woken."""
        with self.lock:
            self.head = self._forgotten = at
            self._entries.clear()
            self._topics = {name: each for name, each in self._topics.items() if each.viewers}
            woken: set[Wakeable] = set()
            for topic in self._topics.values():
                topic.entries.clear()
                topic.forgotten = at
                woken |= topic.viewers
            self._add(entries)
            return woken

    def add(self, entries: Iterable[Entry]) -> Collection[Wakeable]:
        """Add events, each with a greater id than all before; gives the viewers to be woken."""
        with self.lock:
            return self._add(entries)

    def _add(self, entries: Iterable[Entry]) -> Collection[Wakeable]:
        woken: set[Wakeable] = set()
        for entry in entries:
            topic = self._topic(entry.topic)
            topic.entries.append(entry)
            self._entries.append(entry)
            self.head = entry.id
            woken |= topic.viewers
            if len(self._entries) > self._history:
                self._forget_first()
        return woken

    def join(
        self, viewer: Wakeable, names: Iterable[str]
    ) -> tuple[Collection[Topic], EventId | None]:
        """Have a viewer woken by what is new of topics; gives these, and the last event of all."""
        with self.lock:
            topics = tuple(map(self._topic, names))
            for topic in topics:
                topic.viewers.add(viewer)
            return topics, self.head

    def leave(self, viewer: Wakeable, topics: Iterable[Topic]) -> None:
        """Forget a viewer."""
        with self.lock:
            for topic in topics:
                topic.viewers.discard(viewer)
                self._drop_if_empty(topic)

    def _topic(self, name: str) -> Topic:
        topic = self._topics.get(name)
        if topic is None:
            topic = self._topics[name] = Topic(name, self._forgotten)
        return topic

    def _forget_first(self) -> None:
        entry = self._entries.popleft()
        topic = self._topics[entry.topic]
        topic.entries.popleft()
        topic.forgotten = self._forgotten = entry.id
        self._drop_if_empty(topic)

    def _drop_if_empty(self, topic: Topic) -> None:
        # A viewer from before a fork has another topic of the same name.
        if not (topic.entries or topic.viewers) and self._topics.get(topic.name) is topic:
            del self._topics[topic.name]


def wake_all(viewers: Iterable[Wakeable]) -> None:
    """Tell viewers that there is something new; no lock may be held."""
    for viewer in viewers:
        viewer.wake()
