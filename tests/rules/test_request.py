"""Heads of requests that are read at once, and those that take a closer look."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.rules.request import PlainRequest, read_plain


def head(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(
            ["GET / HTTP/1.1", "Host: a"],
            PlainRequest("GET", "/", "/", "", {"HOST": "a"}),
            id="the root",
        ),
        pytest.param(["GET / HTTP/1.1"], PlainRequest("GET", "/", "/", "", {}), id="no field"),
        pytest.param(
            ["HEAD /a%20b/%C3%A9?c=%20&d HTTP/1.1"],
            PlainRequest("HEAD", "/a%20b/%C3%A9?c=%20&d", "/a b/\xc3\xa9", "c=%20&d", {}),
            id="a path with escapes, and a query that keeps them",
        ),
        pytest.param(
            ["GET /? HTTP/1.1"], PlainRequest("GET", "/?", "/", "", {}), id="an empty query"
        ),
        pytest.param(
            ["GET /a//b:c;d=1@e HTTP/1.1"],
            PlainRequest("GET", "/a//b:c;d=1@e", "/a//b:c;d=1@e", "", {}),
            id="marks in a path",
        ),
        pytest.param(
            ["GET / HTTP/1.1", "A-B: \t a b\t", "c-d:", "E:c:d", "f: \xe9"],
            PlainRequest(
                "GET",
                "/",
                "/",
                "",
                {"A_B": "a b", "C_D": "", "E": "c:d", "F": "\xe9"},
            ),
            id="values of any kind",
        ),
        pytest.param(
            ["GET / HTTP/1.1", "Accept: a", "Host: b", "accept: c", "ACCEPT:"],
            PlainRequest("GET", "/", "/", "", {"ACCEPT": "a, c, ", "HOST": "b"}),
            id="a list over several lines",
        ),
    ],
)
def test_what_is_plain_is_read(lines: list[str], expected: PlainRequest) -> None:
    assert read_plain(head(*lines)) == expected


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET / HTTP/1.1\r\n", id="no end"),
        pytest.param(head("GET / HTTP/1.1") + b"\r\n", id="more than a head"),
        pytest.param(head("GET / HTTP/1.0"), id="an old client"),
        pytest.param(head("GET /"), id="no version"),
        pytest.param(head("GET  / HTTP/1.1"), id="two spaces"),
        pytest.param(head("GET / HTTP/1.1 "), id="a space at the end"),
        pytest.param(head("get / HTTP/1.1"), id="a method in small letters"),
        pytest.param(head("GET * HTTP/1.1"), id="no path"),
        pytest.param(head("GET //a/b HTTP/1.1"), id="two slashes at the beginning"),
        pytest.param(head("GET http://a/b HTTP/1.1"), id="a whole address"),
        pytest.param(head("GET /a#b HTTP/1.1"), id="a fragment"),
        pytest.param(head("GET /\xe9 HTTP/1.1"), id="a path that is not escaped"),
        pytest.param(head("GET / HTTP/1.1", "A_B: c"), id="a name with an underscore"),
        pytest.param(head("GET / HTTP/1.1", "A : b"), id="a space behind a name"),
        pytest.param(head("GET / HTTP/1.1", ": b"), id="no name"),
        pytest.param(head("GET / HTTP/1.1", "A"), id="no colon"),
        pytest.param(head("GET / HTTP/1.1", "A: b", " c"), id="a folded line"),
        pytest.param(head("GET / HTTP/1.1", "A: b\nC: d"), id="a bare line end"),
        pytest.param(head("GET / HTTP/1.1", "A: b\rC"), id="a bare return"),
        pytest.param(head("GET / HTTP/1.1", "A: b\x00"), id="a NUL"),
        pytest.param(head("GET / HTTP/1.1", "A: b\x7f"), id="a DEL"),
        pytest.param(head("GET / HTTP/1.1", "Content-Length: 0"), id="a length"),
        pytest.param(head("GET / HTTP/1.1", "transfer-encoding: x"), id="a coding"),
        pytest.param(head("GET / HTTP/1.1", "Expect: 100-continue"), id="that waits to continue"),
    ],
)
def test_what_is_not_takes_a_closer_look(data: bytes) -> None:
    assert read_plain(data) is None


@given(st.binary() | st.binary().map(lambda fields: b"GET / HTTP/1.1\r\n" + fields + b"\r\n\r\n"))
def test_any_bytes_are_a_plain_request_or_none(data: bytes) -> None:
    found = read_plain(data)
    assert found is None or data.startswith(f"{found.method} {found.target} ".encode())


def test_a_long_head_that_is_not_plain_is_soon_seen_to_be_none() -> None:
    """As long as waitress takes, and with its fault at the very end."""
    fields = [f"X-{number}: {'a: b' * 20}" for number in range(2500)]
    assert read_plain(head("GET / HTTP/1.1", *fields, "no colon")) is None
    assert read_plain(head("GET / HTTP/1.1", "A: " + ": " * 100_000 + "\x00")) is None
    assert read_plain(head("GET / HTTP/1.1", "A" * 200_000)) is None
    assert read_plain(head("GET /" + "%" * 200_000)) is None
