"""How an answer is framed, so that its end, or its cut, is seen."""

from __future__ import annotations

import array
import itertools
from collections.abc import Callable
from http.client import IncompleteRead

import pytest

from tests.server.bodies import (
    Steered,
    answering,
    broken,
    failing,
    giving,
    text,
)
from tests.servers import running
from wsgistream.types import Body, Environ, StartResponse, WSGIApp

CHUNKS = [b"a" * 1000, b"b", b"", b"c" * 20]


def test_an_old_client_gets_an_answer_without_chunks() -> None:
    with running(text(None, lambda _: iter(CHUNKS))) as run, run.connect() as client:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert client.answer().body == b"".join(CHUNKS)
        access = run.access()
        assert (access.sent, access.request) == (1021, "GET / HTTP/1.0")


NOTHING = text(None, lambda _: [], "304 Not Modified")
CHUNKED = text(None, lambda _: iter(CHUNKS))
SIZED = text(10, lambda _: [b"0123456789"])


@pytest.mark.parametrize(
    ("app", "method", "headers", "kept"),
    [
        pytest.param(NOTHING, "GET", [], True, id="a 304"),
        pytest.param(text(None, lambda _: [], "204 No Content"), "GET", [], True, id="a 204"),
        pytest.param(CHUNKED, "GET", [], True, id="chunks"),
        pytest.param(CHUNKED, "HEAD", [], True, id="the head of chunks"),
        pytest.param(SIZED, "GET", [], True, id="a length"),
        pytest.param(NOTHING, "GET", ["Connection: close"], False, id="a last 304"),
        pytest.param(CHUNKED, "GET", ["Connection: x, Close"], False, id="last chunks"),
        pytest.param(failing(LookupError()), "GET", [], False, id="a failure"),
    ],
)
def test_a_connection_is_kept_after(
    app: WSGIApp, method: str, headers: list[str], kept: bool
) -> None:
    with running(app) as run, run.connect() as client:
        for _ in range(3 if kept else 1):
            client.ask("/", method, *headers)
            answer = client.answer(method)
            assert (answer.get("Connection") == "close") is not kept
            assert run.access().status == answer.status
        if not kept:
            assert client.rest() == b""


def test_a_connection_of_the_old_protocol_is_kept_where_the_end_is_seen() -> None:
    for app, kept in ((SIZED, True), (CHUNKED, False), (NOTHING, True)):
        with running(app) as run, run.connect() as client:
            client.send(b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
            assert client.answer()["Connection"] == ("keep-alive" if kept else "close")


@pytest.mark.parametrize(
    ("version", "size"),
    [
        pytest.param("1.0", None, id="where only the end of the connection ends it"),
        pytest.param("1.0", 10, id="by its length"),
        pytest.param("1.1", None, id="by its last chunk"),
    ],
)
def test_the_cut_of_an_answer_can_be_seen(version: str, size: int | None) -> None:
    with running(text(size, broken(LookupError()))) as run, run.connect() as client:
        client.send(f"GET / HTTP/{version}\r\nHost: a\r\n\r\n".encode())
        if version == "1.0" and size is None:
            with pytest.raises(ConnectionResetError):
                b"".join(iter(lambda: client.socket.recv(65536), b""))
        else:
            with pytest.raises(IncompleteRead):
                client.answer()
        assert run.access().aborted


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("status", "chunk"),
    [("200 OK", b"x"), ("204 No Content", b"x"), ("304 Not Modified", b"x")],
)
def test_an_endless_body_ends_where_none_of_it_is_to_be_sent(
    status: str, chunk: bytes, method: str, nothing_left: Callable[[], bool]
) -> None:
    bodies: list[Steered] = []

    def make() -> Steered:
        bodies.append(Steered(itertools.repeat(chunk)))
        return bodies[-1]

    # A GET of what has a body ends by its length.
    with running(answering(make, status, ("Content-Length", "5"))) as run, run.connect() as client:
        for _ in range(2):
            client.ask("/", method)
            answer = client.answer(method)
            assert answer.status == int(status[:3])
            expected = 5 if (method, answer.status) == ("GET", 200) else 0
            access = run.access()
            assert (access.sent, access.aborted) == (expected, False)
    assert [body.closings for body in bodies] == [1, 1]
    assert nothing_left()


@pytest.mark.parametrize(
    ("app", "body"),
    [
        pytest.param(giving(bytearray(b"one"), memoryview(b"two")), b"onetwo", id="like bytes"),
        pytest.param(
            answering(lambda: [memoryview(array.array("i", [1, 2]))]),  # type: ignore[list-item]
            array.array("i", [1, 2]).tobytes(),
            id="a view of numbers",
        ),
        pytest.param(giving(b"12345", b"67890", length=7), b"1234567", id="more than announced"),
        pytest.param(giving(b"", b"", b"late"), b"late", id="nothing at first"),
    ],
)
def test_a_body_is_sent_of_what_is(app: WSGIApp, body: bytes) -> None:
    with running(app) as run, run.connect() as client:
        client.ask()
        assert client.answer().body == body
        access = run.access()
        assert (access.sent, access.aborted) == (len(body), False)


def test_what_is_too_much_or_for_no_body_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        none = environ["PATH_INFO"] == "/none"
        status = "204 No Content" if none else "200 OK"
        write = start_response(status, [] if none else [("Content-Length", "5")])
        for _ in range(3):
            write(b"1234")
        return []

    with running(app) as run, run.connect() as client:
        for path, told in (("/more", "more bytes"), ("/none", "no body")):
            caplog.clear()
            client.ask(path)
            assert client.answer("GET").body == (b"12341" if path == "/more" else b"")
            assert not run.access().aborted
            messages = [each.getMessage() for each in caplog.records if each.name == "waitress"]
            assert len([message for message in messages if told in message]) == 1
