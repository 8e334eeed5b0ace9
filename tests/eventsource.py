"""A client of event streams that reads as the HTML standard says (WHATWG HTML §9.2.5, §9.2.6)."""

from __future__ import annotations

import codecs
from typing import NamedTuple

from tests.servers import Connection


class Event(NamedTuple):
    data: str
    type: str = "message"
    id: str = ""


class EventReader:
    """Reads a stream in chunks of any size."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""
        self._begun = False
        self._data = self._type = self._id = ""
        self.last_id = ""
        self.retry: int | None = None

    def feed(self, data: bytes) -> list[Event]:
        """Read a chunk; gives the events that are whole by it."""
        self._text += self._decoder.decode(data)
        if self._text and not self._begun:
            self._begun = True
            self._text = self._text.removeprefix("\ufeff")
        found = []
        while True:
            ends = [place for place in map(self._text.find, "\r\n") if place >= 0]
            if not ends or self._text[min(ends) :] == "\r":  # of which LF may be the other half
                return found
            line = self._text[: min(ends)]
            ending = 2 if self._text.startswith("\r\n", min(ends)) else 1
            self._text = self._text[min(ends) + ending :]
            if line:
                self._field(*_split(line))
            elif (event := self._dispatch()) is not None:
                found.append(event)

    def _field(self, name: str, value: str) -> None:
        if name == "event":
            self._type = value
        elif name == "data":
            self._data += value + "\n"
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry = int(value)

    def _dispatch(self) -> Event | None:
        self.last_id = self._id
        data, kind = self._data, self._type
        self._data = self._type = ""
        return Event(data[:-1], kind or "message", self.last_id) if data else None


def _split(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    return (name, value.removeprefix(" ")) if colon else (line, "")


class EventSource:
    """A stream of events over a connection of its own."""

    def __init__(self, client: Connection, target: str = "/", *headers: str) -> None:
        client.ask(target, "GET", "Accept: text/event-stream", *headers)
        self.client = client
        self.reader = EventReader()
        self._events: list[Event] = []
        self.head: list[str] = []
        while line := client._line():
            self.head.append(line)

    def read(self, count: int = 1) -> list[Event]:
        """Wait for so many events."""
        while len(self._events) < count:
            self._more()
        events, self._events = self._events[:count], self._events[count:]
        return events

    def begun(self) -> str:
        """Wait until the stream has said where it stands; gives the id."""
        while not self.reader.last_id:
            self._more()
        return self.reader.last_id

    def to_the_end(self) -> list[Event]:
        """Read all that comes until the server ends the stream."""
        while chunk := self.chunk():
            self._events += self.reader.feed(chunk)
        events, self._events = self._events, []
        return events

    def chunk(self) -> bytes:
        """Wait for what is sent next; nothing: it was the end."""
        data = self.client._exactly(int(self.client._line(), 16))
        assert self.client._line() == ""
        return data

    def _more(self) -> None:
        chunk = self.chunk()
        assert chunk, "the stream has ended"
        self._events += self.reader.feed(chunk)
