"""SSE: events as lines of text/event-stream, as the HTML standard has them (WHATWG HTML §9.2)."""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple

#: The media type; its charset is always utf-8.
MEDIA: Final = "text/event-stream; charset=utf-8"

#: Bytes of an event, as long as nobody says otherwise.
LONGEST: Final = 64 * 1024

# What ends a line, for whoever reads the stream (§9.2.5).
_LINE_END: Final = re.compile(r"\r\n|\n|\r")

# Milliseconds since 1970, and a number among those of the same, as Redis writes ids of a stream.
_ID: Final = re.compile(r"(0|[1-9][0-9]{0,19})-(0|[1-9][0-9]{0,19})", re.ASCII)
_MOST: Final = 2**64


class BadEvent(ValueError):
    """An event that no client could read as it was meant; the text is one sentence."""


class EventTooLong(BadEvent):
    """An event has more bytes than it may have."""


class EventId(NamedTuple):
    """The place of an event among all others; the later event has the greater one."""

    time: int
    """Milliseconds since 1970, UTC."""
    number: int

    def __str__(self) -> str:
        return f"{self.time}-{self.number}"


def parse_id(text: str) -> EventId | None:
    """Read the id of an event; None: it is none of ours."""
    found = _ID.fullmatch(text)
    place = EventId(int(found[1]), int(found[2])) if found else None
    return place if place is not None and max(place) < _MOST else None


def as_text(data: Any) -> str:
    """Give what an event says: text as it is, and anything else as JSON; raises BadEvent."""
    if isinstance(data, str):
        return data
    try:
        # What is no number in JSON would fail in the browser instead.
        return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        raise BadEvent("The data of an event is text, or something that JSON can say.") from None


def encode_event(
    data: str,
    *,
    event: str | None = None,
    id: str | None = None,  # noqa: A002 - as the field is called
    retry: int | None = None,
    longest: int = LONGEST,
) -> bytes:
    r"""Write an event: its ``id``, its type ``event``, ``retry`` (milliseconds), and its data.

    A line of the data may end in CRLF, LF or CR; whoever reads it finds LF. Raises BadEvent for an
    id or a type with NUL or the end of a line, a type that is empty, a retry that is no whole
    number from 0, and text that is none; EventTooLong beyond ``longest`` bytes.
    """
    lines = []
    if event is not None:
        if not event or not _is_on_one_line(event):
            raise BadEvent("The type of an event is not empty, has no NUL, and is on one line.")
        lines.append(f"event: {event}")
    if retry is not None:
        if isinstance(retry, bool) or not isinstance(retry, int) or retry < 0:
            raise BadEvent("retry is a whole number of milliseconds, from 0.")
        lines.append(f"retry: {retry}")
    if id is not None:
        lines.append(_id_line(id))
    # A space at the beginning of a value is not part of it: so each has one that is not.
    lines += [f"data: {line}" for line in _LINE_END.split(data)]
    encoded = _encode(lines)
    if len(encoded) > longest:
        raise EventTooLong(f"An event has {longest} bytes at most.")
    return encoded


def encode_place(id: str) -> bytes:  # noqa: A002
    """Write where a stream stands: a client keeps the id to resume by, and is told no event."""
    return _encode([_id_line(id)])


def _is_on_one_line(value: str) -> bool:
    # An id with NUL is passed over by whoever reads it; of a type nobody could mean it.
    return "\0" not in value and not _LINE_END.search(value)


def _id_line(id: str) -> str:  # noqa: A002
    if not _is_on_one_line(id):
        raise BadEvent("The id of an event has no NUL, and is on one line.")
    return f"id: {id}"


def _encode(lines: list[str]) -> bytes:
    try:
        return "\n".join([*lines, "", ""]).encode()
    except UnicodeEncodeError:  # half of a pair of surrogates
        raise BadEvent("An event has a character that is none in Unicode.") from None
