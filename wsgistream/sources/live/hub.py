"""Hub: where events are published, and watched by any number of viewers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from wsgistream.rules.sse import LONGEST, BadEvent, EventId, as_text, encode_event, parse_id
from wsgistream.wsgi.waiting import Wakeable


class HubAway(Exception):
    """What a hub keeps its events in cannot be reached."""


class BadId(BadEvent):
    """An id that viewers could not resume by."""

    def __init__(self) -> None:
        super().__init__("An id is such as 1700000000000-0, and greater than all before.")


class Published(NamedTuple):
    """An event that viewers can read."""

    topic: str
    data: str
    event: str | None
    id: EventId | None
    """The one that it is to have; None: the next."""
    retry: int | None
    content: bytes
    """As it is sent, without its id."""


class Feed(Protocol):
    """What has viewers; any thread may use it."""

    @property
    def quick(self) -> bool:
        """Whether ``subscribe`` never takes its time now."""

    @property
    def shared(self) -> bool:
        """Whether it tells the same in all processes."""

    def subscribe(self, topics: Iterable[str], last_id: str | None = None) -> Wakeable:
        """Watch topics from now on, or from after the event of an id; the stream begins with it.

        Where events between are gone, or the id is none of this hub, it begins with the event
        ``missed``. The stream has to be closed, also where nobody reads it.
        """


class Hub(ABC, Feed):
    """What publishes events and has viewers: a subclass gives ``add``, and what a Feed has."""

    #: Bytes of the longest event.
    longest: int = LONGEST

    def publish(
        self,
        topic: str,
        data: Any,
        *,
        event: str | None = None,
        id: str | None = None,  # noqa: A002
        retry: int | None = None,
    ) -> str:
        """Publish an event, and give its id; HubAway: it could not be.

        ``data`` is text, or what JSON can say; ``event`` its type, ``retry`` milliseconds. An
        ``id`` is greater than all before. Raises BadEvent for what no client could read.
        """
        if not isinstance(topic, str):
            raise TypeError(f"A topic is a name as text, not {topic!r}.")
        place = None if id is None else parse_id(id)
        if id is not None and place is None:
            raise BadId
        text = as_text(data)
        content = encode_event(text, event=event, retry=retry, longest=self.longest)
        return self.add(Published(topic, text, event, place, retry, content))

    @abstractmethod
    def add(self, published: Published) -> str:
        """Give an event to all who watch, and its id back; raises HubAway and BadId."""
