"""The conduct that PEP 3333 asks for as an answer begins, and what becomes of any other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.server.bodies import (
    failing,
    giving,
    quickly,
)
from tests.servers import running
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.waiting import WouldBlock


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


def test_headers_may_be_a_view_of_a_dictionary() -> None:
    given: Any = {"Content-Length": "2", "X-A": "b"}.items()

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", given)
        return [b"ok"]

    with running(app) as run, run.connect() as client:
        client.ask()
        answer = client.answer()
        assert (answer.body, answer["Content-Length"], answer["X-A"]) == (b"ok", "2", "b")


@pytest.mark.parametrize(
    ("app", "reason"),
    [
        pytest.param(twice, "AssertionError: start_response was called twice", id="called twice"),
        pytest.param(never, "RuntimeError: start_response was not called", id="not called"),
        pytest.param(begins(b"200 OK"), "AssertionError: The status and", id="no text"),
        pytest.param(begins("OK"), "ValueError: The status does not", id="no number"),
        pytest.param(begins(headers=[("A", "\n")]), "ValueError: There is a line", id="a line end"),
        pytest.param(
            begins(headers=[("Upgrade", "a"), ("TE", "b")]),
            "AssertionError: These are between servers and clients alone (PEP 3333): te, upgrade.",
            id="what is not its own to say",
        ),
        pytest.param(
            begins(headers=[("content-length", "x")]),
            "ValueError: A Content-Length of 'x' is none.",
            id="no length",
        ),
        pytest.param(
            begins(headers=[("content-length", "1"), ("Content-Length", "1")]),
            "ValueError: The application gives two lengths",
            id="two lengths",
        ),
    ],
)
def test_the_log_says_why_an_answer_cannot_be_begun(
    app: WSGIApp, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with running(app) as run, run.connect() as client:
        client.ask()
        assert client.answer().status == 500
    assert reason in caplog.text
