"""Hub: where events are published, and watched by any number of viewers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from wsgistream.rules.sse import BadEvent
from wsgistream.sources.live.log import Viewer


class HubAway(Exception):
    """What a hub keeps its events in cannot be reached."""


class BadId(BadEvent):
    """An id that viewers could not resume by."""

    def __init__(self) -> None:
        super().__init__("An id is such as 1700000000000-0, and greater than all before.")


class Hub(Protocol):
    """What publishes events and has viewers; any thread may use it."""

    @property
    def quick(self) -> bool:
        """Whether ``subscribe`` never takes its time now."""

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

    def subscribe(self, topics: Iterable[str], last_id: str | None = None) -> Viewer:
        """Watch topics from now on, or from after the event of an id; the stream begins with it.

        Where events between are gone, or the id is none of this hub, it begins with the event
        ``missed``. The stream has to be closed, also where nobody reads it.
        """


def check_topic(topic: object) -> None:
    """Raise TypeError for what is no topic."""
    if not isinstance(topic, str):
        raise TypeError(f"A topic is a name as text, not {topic!r}.")
