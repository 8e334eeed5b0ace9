"""How an answer begins, and by what its client sees the end of it."""

from __future__ import annotations

from http.client import HTTPMessage, parse_headers
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.rules.head import Head, has_body, write_head

#: The moment of RFC 9110's own example.
NOW = 784111777.9
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
TYPE = ("Content-Type", "text/plain")

#: An answer to a client of today, of which nothing is known beforehand.
PLAIN: dict[str, Any] = {
    "version": "1.1",
    "connection": "",
    "length": None,
    "close": False,
    "server": "wsgistream",
    "now": NOW,
}


def write(
    status: str = "200 OK", headers: list[tuple[str, str]] | None = None, **more: Any
) -> tuple[Head, HTTPMessage]:
    """Write a head, and read it as a client does."""
    head = write_head(status, [TYPE] if headers is None else headers, **{**PLAIN, **more})
    line, _, fields = head.data.partition(b"\r\n")
    version = more.get("version", "1.1")
    assert line.decode("latin-1") == f"HTTP/{version} {status}"
    rest = BytesIO(fields)
    message = parse_headers(rest)
    assert not message.defects
    assert rest.read() == b""
    return head, message


def test_a_head_is_written_field_by_field() -> None:
    head, _ = write(length=5)
    assert head == Head(
        b"HTTP/1.1 200 OK\r\n"
        b"Content-Type: text/plain\r\n"
        b"Content-Length: 5\r\n"
        b"Server: wsgistream\r\n"
        b"Date: " + DATE.encode() + b"\r\n"
        b"\r\n",
        bodied=True,
        chunked=False,
        close=False,
    )


SIZED = [("content-length", "7")]


@pytest.mark.parametrize(
    ("status", "headers", "options", "end"),
    [
        pytest.param("200 OK", [], {}, "chunks", id="nothing is known"),
        pytest.param("200 OK", [], {"length": 0}, "0", id="there is nothing"),
        pytest.param("200 OK", SIZED, {"length": 7}, "7", id="the application tells its length"),
        pytest.param("200 OK", [], {"version": "1.0"}, "close", id="an old client"),
        pytest.param(
            "200 OK",
            [],
            {"version": "1.0", "connection": "keep-alive"},
            "close",
            id="an old client that would stay",
        ),
        pytest.param("204 No Content", [], {}, None, id="no content"),
        pytest.param("204 No Content", SIZED, {}, None, id="no content, with a length"),
        pytest.param("304 Not Modified", SIZED, {"length": 7}, None, id="not modified"),
        pytest.param("103 Early Hints", SIZED, {}, None, id="no answer yet"),
    ],
)
def test_the_end_of_a_body_is_seen_by(
    status: str, headers: list[tuple[str, str]], options: dict[str, Any], end: str | None
) -> None:
    head, fields = write(status, headers, **options)
    assert head.chunked == ("Transfer-Encoding" in fields) == (end == "chunks")
    assert fields["Content-Length"] == (end if end in ("0", "7") else None)
    if end == "close":
        assert head.close


@pytest.mark.parametrize(
    ("version", "said", "wanted", "closes", "answered"),
    [
        pytest.param("1.1", "", False, False, None, id="a client that says nothing stays"),
        pytest.param("1.1", "", True, True, "close", id="unless the server ends"),
        pytest.param("1.1", "close", False, True, "close", id="or it says so"),
        pytest.param("1.1", "x ,  CLOSE", False, True, "close", id="among other things"),
        pytest.param("1.1", "closed", False, False, None, id="in this very word"),
        pytest.param("1.0", "", False, True, "close", id="an old client goes"),
        pytest.param("1.0", "Keep-Alive", False, False, "keep-alive", id="unless it says so"),
        pytest.param("1.0", "keep-alive", True, True, "close", id="and the server does not end"),
        pytest.param("1.0", "keep-alive, close", False, True, "close", id="what is mixed closes"),
    ],
)
def test_a_connection_is_kept_or_not(
    version: str, said: str, wanted: bool, closes: bool, answered: str | None
) -> None:
    head, fields = write(length=1, version=version, connection=said, close=wanted)
    assert (head.close, fields["Connection"]) == (closes, answered)


def test_what_an_application_says_itself_is_not_said_twice() -> None:
    headers = [("SERVER", "other"), ("date", "then"), ("connection", "close")]
    head, fields = write(headers=headers, close=True)
    assert head.close
    assert fields.get_all("Server") == ["other"]
    assert fields.get_all("Date") == ["then"]
    assert fields.get_all("Connection") == ["close"]
    assert fields.get_all("Via") == ["1.1 wsgistream"]


def test_a_field_may_stand_more_than_once() -> None:
    cookies = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=\xe9")]
    _, fields = write(headers=cookies)
    assert fields.get_all("Set-Cookie") == ["a=1", "b=\xe9"]


def test_text_that_no_head_can_hold_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        write(headers=[("X-Name", "\u20ac")])


statuses = st.sampled_from(
    ["100 Continue", "200 OK", "204 No Content", "206 Partial", "304 Not Modified", "500 Oh", "599"]
)
names = st.sampled_from(
    ["Content-Length", "DATE", "server", "Via", "Content-Type", "ETag", "Last-Modified", "X-1"]
)
values = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_categories=["Cc"]), max_size=20
)


@st.composite
def fields_of_applications(draw: st.DrawFn) -> list[tuple[str, str]]:
    """What PEP 3333 allows: nothing that is between servers and clients; each of these once."""
    chosen = draw(st.lists(st.tuples(names, values), unique_by=lambda field: field[0]))
    size = draw(st.integers(0, 10**15))
    return [(name, str(size) if name == "Content-Length" else value) for name, value in chosen]


@given(
    statuses,
    fields_of_applications(),
    st.sampled_from(["1.0", "1.1"]),
    st.sampled_from(["", "close", "keep-alive", "Keep-Alive, Upgrade", ",,", "TE, close"]),
    st.none() | st.integers(0, 10**15),
    st.booleans(),
    st.floats(0, 253402300799),
)
def test_every_head_can_be_read_and_says_once_how_its_body_ends(
    status: str,
    headers: list[tuple[str, str]],
    version: str,
    connection: str,
    length: int | None,
    close: bool,
    now: float,
) -> None:
    told = dict(headers).get("Content-Length")
    head, fields = write(
        status,
        headers,
        version=version,
        connection=connection,
        length=length if told is None else int(told),
        close=close,
        now=now,
    )
    lengths = fields.get_all("Content-Length", [])
    codings = fields.get_all("Transfer-Encoding", [])
    connections = fields.get_all("Connection", [])
    assert len(fields.get_all("Date", [])) == 1
    assert len(fields.get_all("Server", [])) == 1
    assert max(len(lengths), len(codings), len(connections)) <= 1
    assert codings == (["chunked"] if head.chunked else [])
    assert version == "1.1" or not head.chunked
    if has_body(status):
        # By the end of the connection only where there is nothing else.
        assert len(lengths) + len(codings) == 1 or (head.close and length is None and not told)
    else:
        assert lengths == codings == []
    if head.close:
        assert connections == ["close"]
    else:
        assert not close
        assert connections == ([] if version == "1.1" else ["keep-alive"])
    for name, value in headers:
        if name != "Content-Length":
            assert value in fields.get_all(name, [])
