"""Reading requests: as waitress does, and those that it would leave without an answer."""

from __future__ import annotations

import http.client
import select
import socket
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser
from waitress.utilities import BadRequest

from tests.live import DEADLINE, our_server
from wsgistream.server import parser
from wsgistream.types import Body, Environ, StartResponse


def echo(environ: Environ, start_response: StartResponse) -> Body:
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def statuses(request: bytes, body: bytes = b"") -> list[int]:
    """Send a request, and its body once it is told to continue; gives the statuses that come."""
    with our_server(echo, max_request_body_size=100) as port:
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as connection:
            connection.sendall(request)
            found = []
            with connection.makefile("rb") as answer:
                while not found or found[-1] == http.client.CONTINUE:
                    found.append(int(answer.readline().split()[1]))
                    while answer.readline().strip():
                        pass
                    if found[-1] == http.client.CONTINUE:
                        connection.sendall(body)
            return found


def test_a_head_that_drips_in_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "HEAD_TIMEOUT", 1.0)
    with our_server(echo) as port:
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as client:
            client.sendall(b"GET / HTTP/1.1\r\n")
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                drip(client)


def drip(client: socket.socket) -> None:
    """Send a header line now and then: waitress takes each for a sign of life."""
    for _ in range(DEADLINE * 100):
        client.sendall(b"X-Drip: drop\r\n")
        select.select([client], [], [], 0.01)


def test_a_body_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "HEAD_TIMEOUT", 0.0)
    request = parser.Parser(Adjustments())
    request.received(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n")
    assert not request.is_late(request.began + 1000)


def test_an_address_that_cannot_be_read_is_refused() -> None:
    request = b"GET http://1[7.0.0.1/a.txt HTTP/1.1\r\nHost: x\r\n\r\n"
    assert statuses(request) == [http.client.BAD_REQUEST]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param("GET / HTTP/1.1\r\n", [200], id="a request without a body is answered"),
        pytest.param(
            "POST / HTTP/1.1\r\nContent-Length: 5\r\n",
            [100, 200],
            id="one with a body is asked for it",
        ),
        pytest.param(
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
            [100, 200],
            id="also if it is chunked",
        ),
        pytest.param(
            "POST / HTTP/1.1\r\nContent-Length: 500\r\n",
            [413],
            id="one that is too long is refused",
        ),
    ],
)
def test_of_those_that_expect_to_continue(head: str, expected: list[int]) -> None:
    body = b"5\r\nhello\r\n0\r\n\r\n" if "chunked" in head else b"hello"
    request = f"{head}Host: x\r\nExpect: 100-continue\r\n\r\n".encode()
    assert statuses(request, body) == expected


# What waitress reads by itself

METHODS = [*["GET"] * 9, "HEAD", "POST", "M-SEARCH", "get", "G T", ""]
PLAIN = ["/", "/a%20b", "/%", "/a?b=c", "/?", "/a//b", "/a:b;c@d"]
TARGETS = [*PLAIN * 3, "//a/b", "/a#b", "/a?b#c", "*", "http://a:8/b?c", "/\xe9", "http://[/"]
VERSIONS = [*[" HTTP/1.1"] * 9, " HTTP/1.0", " HTTP/2.0", "", " "]
FIELDS = [
    *("Host: a", "Accept: a", "ACCEPT:", "accept: b, c ", "X-Forwarded-For: a", "A_B: c"),
    *("Connection: close", "connection: Keep-Alive", "Content-Type:\ta:b\t", "A: \xe9"),
]
STRANGE = [
    *("", "no colon", " folded", "A : b", ": b", "A: b\x00", "A: b\rc", "A: b\nc", "\xe9: a"),
    *("Content-Length: 3", "Content-Length: x", "Content-Length: 0", "Transfer-Encoding: chunked"),
    *("Transfer-Encoding: x", "Expect: 100-continue"),
]
PRINTABLE = st.characters(max_codepoint=0xFF, exclude_categories=["Cc"])


def lines_of(draw: st.DrawFn) -> list[str]:
    """Lines as clients send them, and at times one as none should."""
    method, version = draw(st.sampled_from(METHODS)), draw(st.sampled_from(VERSIONS))
    target = draw(st.sampled_from(TARGETS) | st.text(PRINTABLE, max_size=8).map("/".__add__))
    fields = draw(st.lists(st.sampled_from(FIELDS), max_size=5))
    strange = st.sampled_from(STRANGE) | st.text(PRINTABLE, max_size=12)
    fields += draw(st.just([]) | st.lists(strange, max_size=1))
    return [f"{method} {target}{version}", *draw(st.permutations(fields))]


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    end = draw(st.sampled_from(["\r\n"] * 9 + ["\n"]))
    before = draw(st.sampled_from([""] * 9 + ["\r\n"]))
    after = draw(st.sampled_from(["", "more", "GET / HTTP/1.1\r\n\r\n"]))
    return f"{before}{end.join([*lines_of(draw), '', ''])}{after}".encode("latin-1")


#: All that is known of a request when its head has been read.
KNOWN = [
    *("chunked", "command", "completed", "connection_close", "content_length", "empty"),
    *("first_line", "fragment", "headers", "headers_finished", "path", "proxy_netloc"),
    *("proxy_scheme", "query", "request_uri", "url_scheme", "version"),
]


def known(request: HTTPRequestParser, data: bytes) -> dict[str, Any]:
    told: dict[str, Any] = {"consumed": request.received(data)}
    told |= {name: getattr(request, name, None) for name in KNOWN}
    told["error"] = request.error and (type(request.error), request.error.body)
    # waitress would tell a client to continue also where there is nothing to continue with.
    told["expect_continue"] = request.expect_continue and not request.completed
    return told


@given(heads())
@example(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n")
@example(b"HEAD /a%2Fb?c=d HTTP/1.1\r\nHost: a\r\nAccept: b\r\naccept: c\r\n\r\n")
@example(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
def test_a_request_is_read_as_waitress_reads_it(data: bytes) -> None:
    adjustments = Adjustments(url_scheme="https")
    ours = known(parser.Parser(adjustments), data)
    try:
        theirs = known(HTTPRequestParser(adjustments), data)
    except ValueError:
        # Which it does not catch.
        assert ours["error"] == (BadRequest, "Bad URI")
    else:
        assert ours == theirs
