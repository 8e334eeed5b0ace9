"""What is written of an event, and what a reader that follows the standard finds in it."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.eventsource import Event, EventReader
from wsgistream.rules.sse import (
    BadEvent,
    EventId,
    EventTooLong,
    as_text,
    encode_event,
    encode_place,
    parse_id,
)


@pytest.mark.parametrize(
    ("data", "options", "written"),
    [
        pytest.param("hello", {}, b"data: hello\n\n", id="data alone"),
        pytest.param("", {}, b"data: \n\n", id="no data, which is an event as well"),
        pytest.param("a\nb", {}, b"data: a\ndata: b\n\n", id="a line feed"),
        pytest.param("a\r\nb", {}, b"data: a\ndata: b\n\n", id="CRLF"),
        pytest.param("a\rb", {}, b"data: a\ndata: b\n\n", id="a carriage return alone"),
        pytest.param("a\n\r", {}, b"data: a\ndata: \ndata: \n\n", id="LF and CR are two ends"),
        pytest.param("a\n", {}, b"data: a\ndata: \n\n", id="an end of a line at the end"),
        pytest.param(" a", {}, b"data:  a\n\n", id="a space at the beginning"),
        pytest.param("a\u2028b\x0bc", {}, "data: a\u2028b\x0bc\n\n".encode(), id="other ends"),
        pytest.param(
            "a",
            {"event": "tick", "id": "1-2", "retry": 3000},
            b"event: tick\nretry: 3000\nid: 1-2\ndata: a\n\n",
            id="all there is",
        ),
        pytest.param("a", {"id": ""}, b"id: \ndata: a\n\n", id="an empty id forgets the last"),
    ],
)
def test_an_event_is_written(data: str, options: dict[str, Any], written: bytes) -> None:
    assert encode_event(data, **options) == written


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        pytest.param({"id": "a\0b"}, "The id of an event", id="an id with NUL"),
        pytest.param({"id": "a\nb"}, "The id of an event", id="an id with LF"),
        pytest.param({"id": "a\rb"}, "The id of an event", id="an id with CR"),
        pytest.param({"event": "a\nb"}, "The type of an event", id="a type with LF"),
        pytest.param({"event": "a\rb"}, "The type of an event", id="a type with CR"),
        pytest.param({"event": "a\0b"}, "The type of an event", id="a type with NUL"),
        pytest.param({"event": ""}, "The type of an event", id="an empty type"),
        pytest.param({"retry": -1}, "retry is a whole number", id="a retry in the past"),
        pytest.param({"retry": 1.5}, "retry is a whole number", id="half a millisecond"),
        pytest.param({"retry": True}, "retry is a whole number", id="a truth"),
        pytest.param({"data": "\ud800"}, "a character that is none", id="half a pair"),
        pytest.param({"event": "\ud800"}, "a character that is none", id="a type of half a pair"),
        pytest.param({"data": "x" * 20, "longest": 27}, "27 bytes at most", id="too long"),
    ],
)
def test_what_could_not_be_read_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadEvent, match=sentence):
        encode_event(**{"data": "a", **options})


def test_an_event_may_be_as_long_as_it_may() -> None:
    assert len(encode_event("x" * 20, longest=28)) == 28
    with pytest.raises(EventTooLong):
        encode_event("ü" * 20, longest=28)


TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\r\n: \ufeff\0"))
NAME = TEXT.filter(lambda text: not re.search("[\r\n\0]", text))


@given(
    st.lists(
        st.tuples(
            TEXT,
            st.none() | NAME.filter(bool),
            st.none() | NAME,
        )
    ),
    st.lists(st.integers(1, 9)),
)
def test_what_is_read_is_what_was_written(
    events: list[tuple[str, str | None, str | None]], sizes: list[int]
) -> None:
    stream = b"".join(encode_event(data, event=event, id=name) for data, event, name in events)
    expected, last = [], ""
    for data, event, name in events:
        last = last if name is None else name
        expected.append(Event(re.sub("\r\n?", "\n", data), event or "message", last))
    reader, found = EventReader(), []
    for size in [*sizes, len(stream)]:
        found += reader.feed(stream[:size])
        stream = stream[size:]
    assert found + reader.feed(stream) == expected


@given(st.binary())
def test_a_reader_takes_any_bytes(data: bytes) -> None:
    whole, reader = EventReader().feed(data), EventReader()
    assert [event for byte in data for event in reader.feed(bytes([byte]))] == whole


@given(TEXT, TEXT, st.integers())
def test_an_event_is_written_or_refused(data: str, name: str, retry: int) -> None:
    options: list[dict[str, Any]] = [{"event": name}, {"id": name}, {"retry": retry}]
    for each in options:
        with suppress(BadEvent):
            assert encode_event(data, **each).endswith(b"\n\n")


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        pytest.param(b"\xef\xbb\xbfdata: a\n\n", [Event("a")], id="a BOM at the beginning"),
        pytest.param(b"data: a\r\rdata: b\r\n\r\n", [Event("a"), Event("b")], id="any end"),
        pytest.param(b"data\n\n", [Event("")], id="a field without a colon"),
        pytest.param(b": comment\n\nevent: x\n\n", [], id="no data is no event"),
        pytest.param(b"id: a\0b\ndata: a\n\n", [Event("a")], id="an id with NUL is none"),
        pytest.param(b"data: a\n", [], id="an event without an end is none"),
    ],
)
def test_the_reader_of_these_tests_follows_the_standard(stream: bytes, events: list[Event]) -> None:
    # The CR at the very end could be half of a CRLF: what follows decides.
    assert EventReader().feed(stream) == events


def test_a_place_is_kept_and_tells_no_event() -> None:
    reader = EventReader()
    assert reader.feed(encode_place("5-0")) == []
    assert reader.last_id == "5-0"
    with pytest.raises(BadEvent):
        encode_place("5\n0")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("1700000000000-0", EventId(1700000000000, 0), id="as Redis writes it"),
        pytest.param("0-0", EventId(0, 0), id="the first"),
        pytest.param("18446744073709551615-1", EventId(2**64 - 1, 1), id="the last"),
        pytest.param("18446744073709551616-1", None, id="beyond the last"),
        pytest.param("01-0", None, id="with a leading zero, of which it would not be the only one"),
        pytest.param("1", None, id="a number alone"),
        pytest.param("1-", None, id="without a number"),
        pytest.param("١-٢", None, id="digits of another script"),  # noqa: RUF001
        pytest.param("1-0\n", None, id="with the end of a line"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_an_id_is_read(text: str, place: EventId | None) -> None:
    assert parse_id(text) == place
    assert place is None or str(place) == text


@given(st.text() | st.from_regex(r"\d+-\d+"))
def test_an_id_is_ours_or_none(text: str) -> None:
    place = parse_id(text)
    assert place is None or str(place) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param('say "ü"', 'say "ü"', id="text as it is"),
        pytest.param({"a": [1, None, "ü"]}, '{"a":[1,null,"ü"]}', id="what JSON can say"),
        pytest.param(5, "5", id="a number"),
    ],
)
def test_data_is_text_or_json(data: Any, text: str) -> None:
    assert as_text(data) == text


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"bytes", id="bytes"),
        pytest.param(float("nan"), id="no number"),
        pytest.param(LOOP, id="a circle"),
        pytest.param({(1, 2): 3}, id="a key that is a pair"),
    ],
)
def test_what_json_cannot_say_is_refused(data: Any) -> None:
    with pytest.raises(BadEvent, match="or something that JSON can say"):
        as_text(data)
