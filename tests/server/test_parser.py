"""Reading requests that expect to be told to continue."""

from __future__ import annotations

import http.client
import select
import socket

import pytest
from waitress.adjustments import Adjustments

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
