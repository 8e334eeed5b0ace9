"""Log: the last events of a hub, encoded once for all, in which each viewer has its place."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from wsgistream.rules.sse import EventId, encode_event, encode_place, parse_id
from wsgistream.wsgi.waiting import Wakeable

#: The type of the event that tells a viewer that there were events which it will not get.
MISSED: Final = "missed"

#: What becomes of a viewer so slow that events which it has not had are gone: it is told MISSED and
#: goes on with the oldest there is, or its stream ends, so that it comes again with its last id.
Slow: TypeAlias = Literal["drop", "disconnect"]

# Bytes that a viewer takes at once, if no event is longer.
_AT_ONCE: Final = 64 * 1024

# What is sent in a silence, where there is something to come at once.
_COMMENT: Final = b":\n\n"


class Entry(NamedTuple):
    """An event as it is sent."""

    id: EventId
    topic: str
    content: bytes

    @classmethod
    def of(cls, id: EventId, topic: str, event: bytes) -> Entry:  # noqa: A002
        """Make one of an event that was encoded without its id."""
        return cls(id, topic, b"id: %s\n%s" % (str(id).encode(), event))


class _Topic:
    """What there is of one topic: it is forgotten with its last viewer and its last event."""

    __slots__ = ("entries", "forgotten", "name", "viewers")

    def __init__(self, name: str, forgotten: EventId) -> None:
        self.name = name
        self.entries: deque[Entry] = deque()
        #: The last of its events that is gone; what was before its time may have been its own.
        self.forgotten = forgotten
        self.viewers: set[Viewer] = set()


class Log:
    """The last ``history`` events; any thread may use it. It is empty, and waits for ``begin``.

    A viewer has no queue, only a place in the log: memory does not grow with those who are slow.
    """

    def __init__(self, history: int, slow: Slow) -> None:
        if isinstance(history, bool) or not isinstance(history, int) or history < 1:
            raise ValueError(f"history is a number of events from 1, not {history!r}.")
        if slow not in get_args(Slow):
            raise ValueError(f"slow is one of {', '.join(get_args(Slow))}, not {slow!r}.")
        self._history = history
        self._slow = slow
        self.forget()

    def forget(self) -> None:
        """Begin anew, as a process does that was forked: all viewers are the parent's."""
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque()
        self._topics: dict[str, _Topic] = {}
        #: The last event there was, and the last that is gone; None: nobody knows them yet.
        self.head: EventId | None = None
        self._forgotten = EventId(0, 0)

    def begin(self, at: EventId, entries: Iterable[Entry] = ()) -> Collection[Viewer]:
        """Say what there is: all up to ``at`` is gone. Gives the viewers to be woken."""
        with self._lock:
            self.head = self._forgotten = at
            self._entries.clear()
            self._topics = {name: each for name, each in self._topics.items() if each.viewers}
            woken: set[Viewer] = set()
            for topic in self._topics.values():
                topic.entries.clear()
                topic.forgotten = at
                woken |= topic.viewers
            self._add(entries)
            return woken

    def add(self, entries: Iterable[Entry]) -> Collection[Viewer]:
        """Add events, each with a greater id than all before; gives the viewers to be woken."""
        with self._lock:
            return self._add(entries)

    def _add(self, entries: Iterable[Entry]) -> Collection[Viewer]:
        woken: set[Viewer] = set()
        for entry in entries:
            topic = self._topic(entry.topic)
            topic.entries.append(entry)
            self._entries.append(entry)
            self.head = entry.id
            woken |= topic.viewers
            if len(self._entries) > self._history:
                self._forget_first()
        return woken

    def view(self, topics: Iterable[str], last_id: str | None) -> Viewer:
        """Let somebody watch topics: from now on, or from after an id."""
        if isinstance(topics, str):
            raise TypeError(f"There may be more than one topic: give a list, not {topics!r}.")
        names = dict.fromkeys(topics)
        if not names:
            raise ValueError("A viewer watches at least one topic.")
        with self._lock:
            viewer = Viewer(self, tuple(map(self._topic, names)), last_id, self.head)
            for topic in viewer.topics:
                topic.viewers.add(viewer)
            return viewer

    def leave(self, viewer: Viewer) -> None:
        """Forget a viewer."""
        with self._lock:
            for topic in viewer.topics:
                topic.viewers.discard(viewer)
                self._drop_if_empty(topic)
            viewer.topics = ()

    def take(self, viewer: Viewer) -> bytes | None:
        """Give what is new for a viewer; None: nothing. Raises StopIteration for one too slow."""
        if viewer.has_begun and viewer.place is self.head:
            return None  # without the lock: who adds something wakes it afterwards
        with self._lock:
            if self.head is None:
                return None
            place = viewer.place or self.head
            if not viewer.has_begun:
                return _welcome(viewer, place)
            entries: list[Entry] = []
            for topic in viewer.topics:
                if topic.forgotten > place:
                    if self._slow == "disconnect":
                        raise StopIteration
                    return _missed(viewer, viewer.forgotten())
                for entry in reversed(topic.entries):
                    if entry.id <= place:
                        break
                    entries.append(entry)
            return _give(viewer, entries) if entries else None

    def beat(self, viewer: Viewer) -> bytes:
        """Give a sign of life; it tells the place, so that quiet topics are resumed by it."""
        with self._lock:
            place = viewer.place
            if self.head is None or place is None or not viewer.has_begun:
                return _COMMENT
            for topic in viewer.topics:
                if topic.forgotten > place or (topic.entries and topic.entries[-1].id > place):
                    return _COMMENT
            viewer.place = self.head
            return encode_place(str(self.head))

    def _topic(self, name: str) -> _Topic:
        topic = self._topics.get(name)
        if topic is None:
            topic = self._topics[name] = _Topic(name, self._forgotten)
        return topic

    def _forget_first(self) -> None:
        entry = self._entries.popleft()
        topic = self._topics[entry.topic]
        topic.entries.popleft()
        topic.forgotten = self._forgotten = entry.id
        self._drop_if_empty(topic)

    def _drop_if_empty(self, topic: _Topic) -> None:
        # A viewer from before a fork has another topic of the same name.
        if not (topic.entries or topic.viewers) and self._topics.get(topic.name) is topic:
            del self._topics[topic.name]


class Viewer(Wakeable):
    """One who watches topics: a stream of events that may be idle."""

    __slots__ = ("_log", "_waker", "has_begun", "heartbeat", "last_id", "place", "topics")

    _waker: Callable[[], object] | None

    def __init__(
        self, log: Log, topics: tuple[_Topic, ...], last_id: str | None, place: EventId | None
    ) -> None:
        self._log = log
        self._waker = None
        self.topics = topics
        self.last_id = last_id
        #: The last event that it was given, or that was none of its own; None: nobody knows yet.
        self.place = place
        self.has_begun = False
        self.heartbeat = Wakeable.heartbeat

    def forgotten(self) -> EventId:
        """Find the last event of its topics that is gone."""
        return max(topic.forgotten for topic in self.topics)

    def take(self) -> bytes | None:
        return self._log.take(self)

    def beat(self) -> bytes:
        return self._log.beat(self)

    def close(self) -> None:
        self._log.leave(self)


def wake_all(viewers: Iterable[Wakeable]) -> None:
    """Tell viewers that there is something new; no lock may be held."""
    for viewer in viewers:
        viewer.wake()


def _welcome(viewer: Viewer, place: EventId) -> bytes:
    """Tell a viewer where it stands, which also begins the answer."""
    viewer.has_begun = True
    viewer.place = place
    if viewer.last_id is not None:
        last = parse_id(viewer.last_id)
        if last is None or last > place:
            return _missed(viewer, place)  # somebody else has told it
        if last < viewer.forgotten():
            return _missed(viewer, viewer.forgotten())
        viewer.place = last
    return encode_place(str(viewer.place))


def _give(viewer: Viewer, entries: list[Entry]) -> bytes:
    entries.sort()
    size = 0
    for count, entry in enumerate(entries, 1):
        size += len(entry.content)
        if size >= _AT_ONCE:
            del entries[count:]
            break
    viewer.place = entries[-1].id
    if len(entries) == 1:
        return entries[0].content  # the same bytes for all
    return b"".join([entry.content for entry in entries])


def _missed(viewer: Viewer, place: EventId) -> bytes:
    viewer.place = place
    return encode_event("", event=MISSED, id=str(place))
