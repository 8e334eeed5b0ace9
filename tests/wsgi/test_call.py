"""Calling an application and holding its answer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from tests.client import ask, make_environ
from tests.watched import WatchedBody
from wsgistream.types import Body, Environ, StartResponse
from wsgistream.wsgi import Reply, call

OK = "200 OK"
PLAIN = [("Content-Type", "text/plain")]


def early(body: Body) -> Callable[[Environ, StartResponse], Body]:
    """An application that begins its answer when it is called."""

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response(OK, list(PLAIN))
        return body

    return app


def late(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """An application that begins its answer with its first chunk."""
    start_response(OK, list(PLAIN))
    yield b"first"
    yield b"second"


def writing(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """An application that uses the old write()."""
    write: Callable[[bytes], object] = start_response(OK, list(PLAIN))
    write(b"written ")
    return [b"returned"]


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        pytest.param(early([b"a", b"b"]), b"ab", id="an answer that begins at once"),
        pytest.param(late, b"firstsecond", id="an answer that begins with its first chunk"),
        pytest.param(writing, b"written returned", id="what is written comes before the body"),
        pytest.param(early([]), b"", id="an empty body"),
    ],
)
def test_a_held_answer_is_the_answer(app: Any, expected: bytes) -> None:
    def middleware(environ: Environ, start_response: StartResponse) -> Body:
        return call(app, environ).send(start_response)

    answer = ask(middleware)
    assert (answer.status, answer["content-type"], answer.body) == (200, "text/plain", expected)


def test_nothing_is_read_ahead_of_an_answer_that_begins_at_once() -> None:
    body = WatchedBody([b"a", b"b"])
    reply = call(early(body), make_environ())
    assert (reply.body, body.taken) == (body, 0)


def test_one_chunk_is_read_ahead_of_an_answer_that_begins_late() -> None:
    body = WatchedBody([b"a", b"b"])

    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response(OK, list(PLAIN))
        yield from body

    reply = call(app, make_environ())
    assert body.taken == 1
    assert list(reply.body) == [b"a", b"b"]


def test_an_application_that_never_begins_is_refused_and_closed() -> None:
    body = WatchedBody([b"a"])
    with pytest.raises(AssertionError, match="without start_response"):
        call(lambda environ, start_response: body, make_environ())
    assert body.closed == 1


def test_an_application_that_fails_in_its_first_chunk_is_closed() -> None:
    class Failing(WatchedBody):
        def __next__(self) -> bytes:
            raise LookupError

    body = Failing([])
    with pytest.raises(LookupError):
        call(lambda environ, start_response: body, make_environ())
    assert body.closed == 1


def test_an_answer_cannot_begin_twice() -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response(OK, [])
        start_response(OK, [])
        return []

    with pytest.raises(AssertionError, match="called twice"):
        call(app, make_environ())


def test_a_failure_before_the_answer_is_sent_replaces_it() -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response(OK, [])
        try:
            raise LookupError
        except LookupError:
            start_response("500 Oops", list(PLAIN), sys.exc_info())
        return [b"sorry"]

    reply = call(app, make_environ())
    assert (reply.status, reply.headers, list(reply.body)) == ("500 Oops", PLAIN, [b"sorry"])


def test_a_failure_after_the_answer_is_sent_is_raised() -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response(OK, [])
        yield b"a"
        try:
            raise LookupError("late")
        except LookupError:
            start_response("500 Oops", [], sys.exc_info())

    reply = call(app, make_environ())
    with pytest.raises(LookupError, match="late"):
        list(reply.body)


def test_nothing_is_written_after_the_body_was_given() -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        write: Any = start_response(OK, [])
        yield b"a"
        write(b"never")

    reply = call(app, make_environ())
    with pytest.raises(AssertionError, match="write"):
        list(reply.body)


def test_a_body_that_is_put_around_another_closes_both_once() -> None:
    inner, outer = WatchedBody([b"a"]), WatchedBody([b"A"])
    reply = Reply(OK, PLAIN, inner)
    reply.wrap(outer)
    assert list(reply.body) == [b"A"]
    for _ in range(2):
        reply.body.close()  # type: ignore[attr-defined]
    assert (inner.closed, outer.closed) == (1, 1)


def test_headers_are_found_and_set_in_any_letter_case() -> None:
    reply = Reply(OK, [("X-One", "1"), ("x-one", "2"), ("X-Two", "3")], [])
    assert (reply.get("x-ONE"), reply.get("x-none")) == ("1", None)
    reply.set("X-ONE", "4")
    reply.set("x-two", None)
    assert reply.headers == [("X-ONE", "4")]


def test_an_answer_that_cannot_begin_closes_its_body() -> None:
    body = WatchedBody([])

    def start_response(status: str, headers: object, exc_info: object = None, /) -> Any:
        raise LookupError

    with pytest.raises(LookupError):
        Reply(OK, [], body).send(start_response)
    assert body.closed == 1
