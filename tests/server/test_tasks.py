"""The steps of an application, in the loop and in threads, and what becomes of those that fail."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.server.bodies import Steered, answering, failing, quickly
from tests.servers import DEADLINE, Connection, Running, running
from wsgistream.server.run import Server
from wsgistream.server.sockets import bind
from wsgistream.types import Body, Environ, StartResponse
from wsgistream.wsgi.waiting import IN_LOOP, WouldBlock


def loop_of(run: Running) -> int | None:
    return run.thread.ident


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
