"""The conduct that PEP 3333 asks for, of applications that keep to it and of those that do not."""

from __future__ import annotations

import array
import itertools
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.server.bodies import Steered, answering
from tests.servers import DEADLINE, Connection, Running, eventually, running
from wsgistream.server.run import Server
from wsgistream.server.sockets import bind
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.waiting import IN_LOOP, WouldBlock


def quickly(app: WSGIApp) -> WSGIApp:
    """Make an application that is answered in the loop."""

    def quick(environ: Environ, start_response: StartResponse) -> Body:
        return app(environ, start_response)

    quick.quick = True  # type: ignore[attr-defined]
    return quick


def giving(*chunks: Any, length: int | None = None, status: str = "200 OK") -> WSGIApp:
    """An application that gives chunks of any type, one by one."""
    headers = [] if length is None else [("Content-Length", str(length))]
    return answering(lambda: Steered(iter(chunks)), status, *headers)


def begins(status: Any = "200 OK", headers: Any = ()) -> WSGIApp:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response(status, list(headers))
        return [b"ok"]

    return app


def twice(environ: Environ, start_response: StartResponse) -> Body:
    start_response("200 OK", [])
    start_response("200 OK", [])
    return [b"ok"]


def never(environ: Environ, start_response: StartResponse) -> Body:
    return [b"ok"]


def never_for_nothing(environ: Environ, start_response: StartResponse) -> Body:
    return []


def failing(error: BaseException) -> WSGIApp:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        raise error

    return app


def no_headers(environ: Environ, start_response: StartResponse) -> Body:
    start_response("200 OK", [("A",)])  # type: ignore[list-item]
    return [b"ok"]


@pytest.mark.parametrize("quick", [False, True], ids=["in a thread", "in the loop"])
@pytest.mark.parametrize(
    "app",
    [
        pytest.param(giving("text"), id="a chunk of text"),
        pytest.param(giving(""), id="an empty text"),
        pytest.param(giving(7), id="a number"),
        pytest.param(giving(None), id="nothing at all"),
        pytest.param(twice, id="start_response twice"),
        pytest.param(never, id="no start_response"),
        pytest.param(never_for_nothing, id="no start_response, and no body"),
        pytest.param(begins(b"200 OK"), id="a status of bytes"),
        pytest.param(begins("OK"), id="a status without a number"),
        pytest.param(begins("2000 OK"), id="a status with a long number"),
        pytest.param(begins("200 OK\r\nA: b"), id="a status with a line end"),
        pytest.param(begins("200 \u2713"), id="a status that cannot be written"),
        pytest.param(begins(headers=[("A", "b\nC: d")]), id="a header with a line end"),
        pytest.param(begins(headers=[("A", b"b")]), id="a header of bytes"),
        pytest.param(begins(headers=[("A", "\u2713")]), id="a header that cannot be written"),
        pytest.param(begins(headers=[("Connection", "close")]), id="a hop-by-hop header"),
        pytest.param(begins(headers=[("Content-Length", "many")]), id="a length that is none"),
        pytest.param(begins(headers=[("Content-Length", "-1")]), id="a length below nothing"),
        pytest.param(begins(headers=[("Content-Length", "1")] * 2), id="two lengths"),
        pytest.param(no_headers, id="a header that is no pair"),
        pytest.param(failing(SystemExit(1)), id="that ends the program"),
        pytest.param(failing(GeneratorExit()), id="that raises what is no exception"),
        pytest.param(failing(WouldBlock()), id="that blocks always"),
    ],
)
def test_an_answer_that_cannot_be_begun_is_a_500_and_told_once(
    app: WSGIApp,
    quick: bool,
    caplog: pytest.LogCaptureFixture,
    nothing_left: Callable[[], bool],
) -> None:
    with running(quickly(app) if quick else app) as run, run.connect() as client:
        client.ask()
        answer = client.answer()
        assert (answer.status, answer["Connection"], client.rest()) == (500, "close", b"")
        assert b"Traceback" not in answer.body
        access = run.access()
        assert (access.status, access.sent, access.aborted) == (500, len(answer.body), False)
        with run.connect() as other:
            other.ask()
            assert other.answer().status == 500
            run.access()
    told = [record for record in caplog.records if record.exc_info is not None]
    assert [record.getMessage() for record in told] == ["Exception while serving /"] * 2
    assert run.accesses.empty()
    assert nothing_left()


def loop_of(run: Running) -> int | None:
    return run.thread.ident


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


def test_start_response_may_come_as_late_as_the_first_chunk() -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        yield b""
        start_response("202 Accepted", [("Content-Length", "4")])
        yield b"late"

    with running(app) as run, run.connect() as client:
        client.ask()
        answer = client.answer()
        assert (answer.status, answer.body, answer["Content-Length"]) == (202, b"late", "4")


def test_an_answer_may_be_begun_anew_after_a_failure_before_its_head_alone() -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        write = start_response("200 OK", [("A", "b"), ("Content-Length", "100")])
        if environ["PATH_INFO"] == "/late":
            write(b"begun")
        try:
            raise LookupError
        except LookupError:
            start_response("503 Service Unavailable", [("C", "d")], sys.exc_info())
        return [b"sorry"]

    with running(app) as run, run.connect() as client:
        client.ask()
        answer = client.answer()
        assert (answer.status, answer.body, answer["Content-Length"]) == (503, b"sorry", "5")
        assert ("A" in answer, answer["C"]) == (False, "d")
        assert not run.access().aborted
        client.ask("/late")
        assert client.rest().endswith(b"\r\n\r\nbegun")
        assert run.access().aborted


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("error", [LookupError("in close"), SystemExit(1)])
def test_a_body_whose_close_fails_is_told_of_and_its_end_is_not_sent(
    error: BaseException, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Rough(Steered):
        def close(self) -> None:
            super().close()
            raise error

    body = Rough([b"one"])
    with running(answering(lambda: body)) as run, run.connect() as client:
        client.ask("/", method)
        rest = client.rest()
        assert rest.startswith(b"HTTP/1.1 200 OK")
        assert rest.endswith(b"3\r\none\r\n" if method == "GET" else b"\r\n\r\n")
        assert run.access().aborted
    assert body.closings == 1
    assert len([record for record in caplog.records if record.exc_info is not None]) == 1


def test_a_body_that_fails_and_whose_close_fails_is_told_of_twice_and_closed_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Rough(Steered):
        def __next__(self) -> bytes:
            raise LookupError("in next")

        def close(self) -> None:
            super().close()
            raise LookupError("in close")

    body = Rough([])
    with running(answering(lambda: body)) as run, run.connect() as client:
        client.ask()
        assert client.answer().status == 500
        assert run.access().status == 500
    assert body.closings == 1
    assert [record.getMessage() for record in caplog.records if record.exc_info is not None] == [
        "Exception while serving /",
        "Exception while closing what / gave",
    ]


@pytest.mark.parametrize("exposed", [False, True])
@pytest.mark.parametrize("quick", [False, True])
def test_a_traceback_is_shown_to_those_who_may_see_it(exposed: bool, quick: bool) -> None:
    app = failing(LookupError("a secret"))
    with running(quickly(app) if quick else app, expose_tracebacks=exposed) as run:
        with run.connect() as client:
            client.ask()
            answer = client.answer()
            assert (answer.status, b"a secret" in answer.body) == (500, exposed)


def test_an_old_client_is_told_of_a_failure_in_its_own_protocol() -> None:
    with running(failing(LookupError())) as run, run.connect() as client:
        client.send(b"HEAD / HTTP/1.0\r\n\r\n")
        answer = client.rest()
        assert answer.startswith(b"HTTP/1.0 500")
        assert answer.endswith(b"\r\n\r\n")
        access = run.access()
        assert (access.request, access.aborted) == ("HEAD / HTTP/1.0", False)


# Answered in the loop


def test_a_quick_application_is_answered_in_the_loop_and_its_generator_in_a_thread() -> None:
    threads: list[int] = []

    def app(environ: Environ, start_response: StartResponse) -> Body:
        threads.append(threading.get_ident())
        assert environ[IN_LOOP] is True
        start_response("200 OK", [])
        return [b"ok"] if environ["PATH_INFO"] == "/list" else chunks()

    def chunks() -> Iterator[bytes]:
        threads.append(threading.get_ident())
        yield b"ok"

    with running(quickly(app)) as run, run.connect() as client:
        for path in ("/list", "/generator"):
            client.ask(path)
            assert client.answer().body == b"ok"
        assert threads[:2] == [loop_of(run)] * 2
        assert threads[2] != loop_of(run)


@pytest.mark.parametrize("when", ["called", "iterated"])
def test_an_application_that_would_block_is_asked_anew_in_a_thread_once(when: str) -> None:
    calls: list[tuple[bool, bytes]] = []
    bodies: list[Steered] = []

    def app(environ: Environ, start_response: StartResponse) -> Body:
        in_loop = environ.get(IN_LOOP, False)
        calls.append((in_loop, environ["wsgi.input"].read()))
        if in_loop and when == "called":
            raise WouldBlock
        start_response("200 OK", [])
        bodies.append(Steered(chunks(in_loop)))
        return bodies[-1]

    def chunks(in_loop: bool) -> Iterator[bytes]:
        if in_loop:
            raise WouldBlock
        yield b"ok"

    with running(quickly(app)) as run, run.connect() as client:
        client.ask("/", "POST", "Content-Length: 4")
        client.send(b"sent")
        assert client.answer().body == b"ok"
        assert run.access().sent == 2
        client.ask()
        assert client.answer().body == b"ok"
    assert calls == [(True, b"sent"), (False, b"sent"), (True, b""), (False, b"")]
    assert {body.closings for body in bodies} == {1}


def test_what_would_block_when_its_answer_has_begun_has_failed() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"first"
        raise WouldBlock

    with running(quickly(answering(chunks))) as run, run.connect() as client:
        client.ask()
        assert not client.rest().endswith(b"0\r\n\r\n")
        assert run.access().aborted


def test_a_thousand_requests_at_once_are_answered_in_order() -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [])
        return [environ["PATH_INFO"].encode()]

    count = 1000
    with running(quickly(app)) as run, run.connect() as client:
        requests = b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(count))
        sender = threading.Thread(target=client.send, args=(requests,))
        sender.start()
        assert [client.answer().body for _ in range(count)] == [b"/%d" % n for n in range(count)]
        sender.join(DEADLINE)
        paths = [run.access().request.split()[1] for _ in range(count)]
        assert paths == [f"/{number}" for number in range(count)]


def test_what_is_meant_for_the_program_ends_the_server() -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        raise KeyboardInterrupt

    (sock,) = bind([("127.0.0.1", 0)], None)
    with Connection(sock.getsockname()) as client:
        client.ask()
        with pytest.raises(KeyboardInterrupt):
            Server(quickly(app), [sock]).run()
        assert client.rest() == b""


# Clients that leave


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
    entered, go_on = threading.Event(), threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Body:
        entered.set()
        assert go_on.wait(DEADLINE)
        start_response("200 OK", [])
        return [b"ok"]

    with running(app) as run, run.connect() as client:
        client.ask()
        assert entered.wait(DEADLINE)
        (channel,) = run.server._channels()
        channel.handle_read()
        assert not channel._ended
        go_on.set()
        assert client.answer().body == b"ok"


def test_an_answer_that_takes_its_time_is_left_alone() -> None:
    entered, go_on = threading.Event(), threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Body:
        entered.set()
        assert go_on.wait(DEADLINE)
        start_response("200 OK", [])
        return [b"ok"]

    with running(app, channel_timeout=0) as run, run.connect() as client:
        client.ask()
        assert entered.wait(DEADLINE)
        for _ in range(2):
            looked = run.server._looked
            assert eventually(lambda looked=looked: run.server._looked > looked)  # type: ignore[misc]
        go_on.set()
        assert client.answer().body == b"ok"


def test_a_client_that_has_stopped_sending_has_time_until_its_answer_begins() -> None:
    entered, go_on = threading.Event(), threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Body:
        entered.set()
        assert go_on.wait(DEADLINE)
        start_response("200 OK", [])
        return [b"ok"]

    with running(app) as run, run.connect() as client:
        client.ask()
        client.socket.shutdown(socket.SHUT_WR)
        assert entered.wait(DEADLINE)
        assert eventually(lambda: run.server._channels()[0]._ended)
        for _ in range(2):
            looked = run.server._looked
            assert eventually(lambda looked=looked: run.server._looked > looked)  # type: ignore[misc]
        go_on.set()
        assert client.answer().body == b"ok"
        assert not run.access().aborted
