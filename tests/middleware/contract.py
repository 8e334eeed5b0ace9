"""The contract of every middleware: a test class inherits it and says how to make one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

import pytest

from tests.client import ask, make_environ
from tests.watched import WatchedBody
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.bodies import close


def answering(body: Body, *headers: tuple[str, str], status: str = "200 OK") -> WSGIApp:
    """An application that always gives this answer."""

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response(status, [("Content-Type", "text/plain"), *headers])
        return body

    return app


def endless() -> Iterator[bytes]:
    return itertools.repeat(b"more ")


def failing() -> Iterator[bytes]:
    yield b"some"
    raise LookupError


class MiddlewareContract:
    """Subclasses give ``make``, and ``path`` where the middleware lets requests through."""

    path = "/"

    def make(self, app: WSGIApp) -> WSGIApp:
        raise NotImplementedError

    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
    def test_the_body_is_passed_on_and_closed_once(self, method: str) -> None:
        body = WatchedBody([b"a", b"b"] if method != "HEAD" else [])
        answer = ask(self.make(answering(body)), self.path, method=method)
        assert (answer.status, body.closed) == (200, 1)
        assert answer.body == (b"" if method == "HEAD" else b"ab")

    @pytest.mark.parametrize("taken", [0, 1, 3])
    def test_an_endless_body_is_not_read_ahead_and_can_be_left(self, taken: int) -> None:
        body = WatchedBody(endless())
        given = self.make(answering(body))(make_environ(self.path), _start)
        chunks = iter(given)
        assert [next(chunks) for _ in range(taken)] == [b"more "] * taken
        assert body.taken == taken
        close(given)
        assert body.closed == 1

    def test_a_failure_in_mid_stream_is_passed_on_and_the_body_closed(self) -> None:
        body = WatchedBody(failing())
        with pytest.raises(LookupError):
            ask(self.make(answering(body)), self.path)
        assert body.closed == 1

    def test_a_failure_at_once_is_passed_on(self) -> None:
        def app(environ: Environ, start_response: StartResponse) -> Body:
            raise LookupError

        with pytest.raises(LookupError):
            self.make(app)(make_environ(self.path), _start)

    def test_an_answer_that_begins_with_its_first_chunk_is_passed_on(self) -> None:
        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", [("Content-Type", "text/plain")])
            yield b"late"

        assert ask(self.make(app), self.path).body == b"late"


def _start(status: str, headers: object, exc_info: object = None, /) -> Callable[[bytes], object]:
    return lambda data: None
