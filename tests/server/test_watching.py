"""What becomes of a connection whose client says nothing, takes nothing, or has left."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.server.bodies import (
    BIG,
    File,
    HeldBody,
    as_file,
    megabytes,
    quickly,
    sizes,
    text,
)
from tests.servers import DEADLINE, eventually, running
from wsgistream.server import parser
from wsgistream.types import Body, Environ, StartResponse


class Held:
    """An application that tells when it is asked, and answers when it may."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        self.entered.set()
        assert self.go_on.wait(DEADLINE)
        start_response("200 OK", [])
        return [b"ok"]


@pytest.mark.parametrize("way", ["reset", "fin"])
def test_that_a_client_has_left_is_noticed_while_nothing_is_sent(way: str) -> None:
    noticed, begun = threading.Event(), threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        gone = environ["waitress.client_disconnected"]
        start_response("200 OK", [])
        yield b"first"
        begun.set()
        if eventually(gone):
            noticed.set()
        yield b"second"

    with running(app, channel_timeout=10 * DEADLINE) as run, run.connect() as client:
        client.ask()
        assert client.read(12) == b"HTTP/1.1 200"
        assert begun.wait(DEADLINE)
        if way == "reset":
            client.reset()
        else:
            client.__exit__()
        assert noticed.wait(DEADLINE)
        assert run.access().aborted
    assert run.accesses.empty()


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("lookahead", [0, 5])
def test_a_client_that_stops_sending_after_its_requests_gets_all_its_answers(
    quick: bool, lookahead: int
) -> None:
    go_on = threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Body:
        if not quick:
            assert go_on.wait(DEADLINE)
        start_response("200 OK", [])
        return [b"x" * 500_000]

    with running(quickly(app) if quick else app, channel_request_lookahead=lookahead) as run:
        with run.connect() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
            client.socket.shutdown(socket.SHUT_WR)
            if not quick:
                assert eventually(lambda: [each for each in run.server._channels() if each._ended])
                go_on.set()
            assert [len(client.answer().body) for _ in range(3)] == [500_000] * 3
            assert client.rest() == b""
            assert [run.access().aborted for _ in range(3)] == [False] * 3
            assert eventually(lambda: not run.server._channels())


def test_requests_are_read_ahead_as_far_as_is_asked_for() -> None:
    go_on = threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Body:
        assert go_on.wait(DEADLINE)
        start_response("200 OK", [])
        return [b"ok"]

    with running(app, channel_request_lookahead=2) as run, run.connect() as client:
        for _ in range(5):
            count = len(run.server._channels()[0].requests) if run.server._channels() else 0
            client.ask()
            assert eventually(
                lambda count=count: (  # type: ignore[misc]
                    (channels := run.server._channels())
                    and len(channels[0].requests) == min(count + 1, 3)
                )
            )
        go_on.set()
        assert [client.answer().body for _ in range(5)] == [b"ok"] * 5


def test_a_look_at_a_connection_that_says_nothing_finds_nothing() -> None:
    """The system may wake the loop for a socket that has nothing after all."""
    with running(app := Held()) as run, run.connect() as client:
        client.ask()
        assert app.entered.wait(DEADLINE)
        (channel,) = run.server._channels()
        channel.handle_read()
        assert not channel._ended
        app.go_on.set()
        assert client.answer().body == b"ok"


def test_an_answer_that_takes_its_time_is_left_alone() -> None:
    with running(app := Held(), channel_timeout=0) as run, run.connect() as client:
        client.ask()
        assert app.entered.wait(DEADLINE)
        for _ in range(2):
            looked = run.server._looked
            assert eventually(lambda looked=looked: run.server._looked > looked)  # type: ignore[misc]
        app.go_on.set()
        assert client.answer().body == b"ok"


def test_a_client_that_has_stopped_sending_has_time_until_its_answer_begins() -> None:
    with running(app := Held()) as run, run.connect() as client:
        client.ask()
        client.socket.shutdown(socket.SHUT_WR)
        assert app.entered.wait(DEADLINE)
        assert eventually(lambda: run.server._channels()[0]._ended)
        for _ in range(2):
            looked = run.server._looked
            assert eventually(lambda looked=looked: run.server._looked > looked)  # type: ignore[misc]
        app.go_on.set()
        assert client.answer().body == b"ok"
        assert not run.access().aborted


def test_a_request_that_has_to_wait_for_another_is_not_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parser, "HEAD_TIMEOUT", 1.0)
    may_answer = threading.Event()

    def slow(environ: Environ, start_response: StartResponse) -> Body:
        assert may_answer.wait(DEADLINE)
        return text(2, lambda _: [b"ok"])(environ, start_response)

    with running(slow) as run, run.connect() as client:
        # The first request, and a piece of the next: the rest is not read before the answer.
        client.send(b"GET /first HTTP/1.1\r\nHost: a\r\n\r\nGET /second HT")
        assert eventually(lambda: [each for each in run.server._channels() if each.request])
        (channel,) = run.server._channels()
        began = channel.request.began
        client.send(b"TP/1.1\r\nHost: a\r\n\r\n")
        assert eventually(lambda: channel.request.began > began + 1.5)
        may_answer.set()
        assert [client.answer().body for _ in range(2)] == [b"ok", b"ok"]


@pytest.mark.parametrize("kind", ["stream", "file"])
def test_a_client_that_takes_nothing_is_cut_in_time_and_its_thread_is_free(
    kind: str, quiet: Callable[[], bool]
) -> None:
    stream, file = HeldBody(megabytes()), File(BIG)

    def app(environ: Environ, start_response: StartResponse) -> Body:
        if environ["PATH_INFO"] == "/stream":
            return text(None, lambda _: stream)(environ, start_response)
        if environ["PATH_INFO"] == "/file":
            return text(BIG, lambda environ: as_file(environ, file))(environ, start_response)
        return text(2, lambda _: [b"ok"])(environ, start_response)

    with running(app, threads=1, channel_timeout=1) as run:
        with run.connect() as stalled, run.connect() as other:
            stalled.ask(f"/{kind}")
            assert stalled.read(1) == b"H"
            other.ask("/other")
            assert other.answer().body == b"ok"
            ends = {access.request: access.aborted for access in (run.access(), run.access())}
        assert ends == {f"GET /{kind} HTTP/1.1": True, "GET /other HTTP/1.1": False}
        assert (stream.closing if kind == "stream" else file.is_closed).wait(DEADLINE)
    assert quiet()


def test_a_client_that_takes_little_at_a_time_is_not_cut() -> None:
    pause = threading.Event()
    with running(text(BIG, lambda environ: as_file(environ, File(BIG))), channel_timeout=1) as run:
        with run.connect(window=64 * 1024) as client:
            client.ask("/", "GET", "Connection: close")
            taken = 0
            for _ in range(25):  # two and a half times the time, and never what the system holds
                pause.wait(0.1)
                taken += len(client.read(40_000))
            assert taken + len(client.rest()) > BIG
        assert not run.access().aborted


def test_urgent_data_is_nothing_that_the_loop_would_wake_for(quiet: Callable[[], bool]) -> None:
    with running(text(None, lambda _: [])) as run, run.connect() as client:
        assert eventually(run.server._channels)
        turns: list[float] = []
        turn = run.server._loop.turn
        run.server._loop.turn = lambda seconds: (turns.append(seconds), turn(seconds))  # type: ignore[method-assign,return-value]
        client.socket.send(b"!", socket.MSG_OOB)
        client.ask()
        assert client.answer().status == 200
        assert len(turns) < 10
    assert quiet()


def test_a_client_that_only_stops_sending_gets_its_answer() -> None:
    with running(sizes) as run, run.connect() as client:
        client.ask("/file/900000")
        client.socket.shutdown(socket.SHUT_WR)
        assert len(client.answer().body) == 900_000
        assert not run.access().aborted
