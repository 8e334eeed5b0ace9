"""The contract of every middleware: a test class inherits it and says how to make one."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

import pytest

from tests.client import ask, make_environ
from tests.files import CountedFile
from tests.server.bodies import Feed
from tests.watched import WatchedBody
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.bodies import close
from wsgistream.wsgi.text import as_bytes
from wsgistream.wsgi.waiting import IN_LOOP, Wakeable, WouldBlock, is_quick


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


def failing_at_once() -> Iterator[bytes]:
    raise LookupError
    yield b"never"


class ServerWrapper:
    """The ``wsgi.file_wrapper`` of some server."""

    def __init__(self, file: Any, block_size: int = 8192) -> None:
        self.file = file
        self._block_size = block_size

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.file.read(self._block_size), b"")

    def close(self) -> None:
        self.file.close()


class ClosedList(list[bytes]):
    """A list of chunks that counts how often it was closed."""

    closings = 0

    def close(self) -> None:
        self.closings += 1


#: Each kind of body that an application may give, made anew; with what counts its closings.
KINDS: dict[str, Callable[[Environ], tuple[Body, Callable[[], int]]]] = {}


def _kind(name: str) -> Callable[[Any], Any]:
    def note(make: Any) -> Any:
        KINDS[name] = make
        return make

    return note


@_kind("a list")
def _list(environ: Environ) -> tuple[Body, Callable[[], int]]:
    body = ClosedList([b"some", b"more"])
    return body, lambda: body.closings


@_kind("a file")
def _file(environ: Environ) -> tuple[Body, Callable[[], int]]:
    file = CountedFile(b"somemore")
    return environ["wsgi.file_wrapper"](file), lambda: file.closings


@_kind("an idle stream")
def _idle(environ: Environ) -> tuple[Body, Callable[[], int]]:
    feed = Feed(b"some", b"more", None)
    return feed, lambda: feed.closings


for _name, _chunks in {
    "a generator": lambda: (chunk for chunk in (b"some", b"more")),
    "an endless generator": endless,
    "a generator that fails at once": failing_at_once,
    "a generator that fails midway": failing,
    "a slow generator": lambda: (chunk for chunk in (b"", b"some", b"", b"", b"more", b"")),
}.items():

    @_kind(_name)
    def _generator(
        environ: Environ, chunks: Callable[[], Iterable[bytes]] = _chunks
    ) -> tuple[Body, Callable[[], int]]:
        body = WatchedBody(chunks())
        return body, lambda: body.closed


class MiddlewareContract:
    """Subclasses give ``make``, and what a request needs that the middleware lets through."""

    path = "/"
    headers: ClassVar[dict[str, str]] = {}
    #: It makes other chunks of those there are, so that a file is none afterwards.
    changes_bytes = False

    def make(self, app: WSGIApp) -> WSGIApp:
        raise NotImplementedError

    def environ(self, method: str = "GET", **headers: str) -> Environ:
        given = {**self.headers, **headers}
        environ = make_environ(self.path, method=method, headers=given)
        return {**environ, "wsgi.file_wrapper": ServerWrapper}

    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
    def test_the_body_is_passed_on_and_closed_once(self, method: str) -> None:
        body = WatchedBody([b"a", b"b"] if method != "HEAD" else [])
        app = self.make(answering(body))
        answer = ask(app, self.path, method=method, headers=self.headers)
        assert (answer.status, body.closed) == (200, 1)
        assert answer.body == (b"" if method == "HEAD" else b"ab")

    @pytest.mark.parametrize("request_is", ["GET", "HEAD", "a range", "abandoned", "unread"])
    @pytest.mark.parametrize("kind", KINDS)
    def test_the_body_is_closed_once(self, kind: str, request_is: str) -> None:
        closings: list[Callable[[], int]] = []

        def app(environ: Environ, start_response: StartResponse) -> Body:
            length = {"a list": "8", "a file": "8"}.get(kind)
            headers = [("Content-Type", "text/plain")]
            start_response("200 OK", headers + ([("Content-Length", length)] if length else []))
            body, count = KINDS[kind](environ)
            closings.append(count)
            return body

        environ = self.environ("HEAD" if request_is == "HEAD" else "GET")
        if request_is == "a range":
            environ["HTTP_RANGE"] = "bytes=2-3"
        try:
            body = self.make(app)(environ, _start)
        except LookupError:
            body = []
        taken = {"GET": 9, "a range": 9, "abandoned": 1}.get(request_is, 0)
        try:
            given = b"".join(itertools.islice(body, taken))
        except LookupError:
            given = b""
        finally:
            close(body)
        assert [count() for count in closings] == [1]
        if request_is == "GET" and kind in ("a list", "a file", "a generator", "a slow generator"):
            assert given == b"somemore"

    @pytest.mark.parametrize("taken", [0, 1, 3])
    def test_an_endless_body_is_not_read_ahead_and_can_be_left(self, taken: int) -> None:
        body = WatchedBody(endless())
        given = self.make(answering(body))(self.environ(), _start)
        chunks = iter(given)
        assert [next(chunks) for _ in range(taken)] == [b"more "] * taken
        assert body.taken == taken
        close(given)
        assert body.closed == 1

    def test_a_failure_in_mid_stream_is_passed_on_and_the_body_closed(self) -> None:
        body = WatchedBody(failing())
        with pytest.raises(LookupError):
            ask(self.make(answering(body)), self.path, headers=self.headers)
        assert body.closed == 1

    def test_a_failure_at_once_is_passed_on(self) -> None:
        def app(environ: Environ, start_response: StartResponse) -> Body:
            raise LookupError

        with pytest.raises(LookupError):
            self.make(app)(self.environ(), _start)

    def test_an_answer_that_cannot_begin_is_closed(self) -> None:
        def start_response(*_: object) -> Any:
            raise LookupError

        body = WatchedBody([b"never"])
        given: list[Body] = []

        def app(environ: Environ, start: StartResponse) -> Body:
            start("200 OK", [("Content-Type", "text/plain")])
            given.append(body)
            return body

        with pytest.raises(LookupError):
            self.make(app)(self.environ(), start_response)
        assert body.closed == len(given)

    def test_an_answer_that_begins_with_its_first_chunk_is_passed_on(self) -> None:
        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", [("Content-Type", "text/plain")])
            yield b"late"

        answer = ask(self.make(app), self.path, headers=self.headers)
        assert answer.body == b"late"

    def test_what_is_written_comes_before_the_body(self) -> None:
        def app(environ: Environ, start_response: StartResponse) -> Body:
            write = start_response("200 OK", [("Content-Type", "text/plain")])
            write(b"written, ")
            return [b"returned"]

        assert self.received(app) == b"written, returned"

    def test_an_answer_may_be_replaced_before_it_has_begun(self) -> None:
        def app(environ: Environ, start_response: StartResponse) -> Body:
            start_response("200 OK", [("Content-Type", "text/html"), ("X-First", "1")])
            try:
                raise LookupError
            except LookupError:
                headers = [("Content-Type", "text/plain")]
                start_response("500 Oops", headers, sys.exc_info())
            return [b"sorry"]

        begun: list[tuple[str, list[tuple[str, str]]]] = []
        assert self.received(app, begun) == b"sorry"
        status, headers = begun[-1]
        assert status == "500 Oops"
        assert "X-First" not in dict(headers)

    @pytest.mark.parametrize("late", [False, True])
    def test_an_answer_cannot_begin_twice(self, late: bool) -> None:
        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", [("Content-Type", "text/plain")])
            if late:
                yield b"some"
            start_response("200 OK", [("Content-Type", "text/plain")])
            yield b"more"

        with pytest.raises(AssertionError, match="PEP 3333"):
            self.received(app)

    def test_text_is_no_body(self) -> None:
        def app(environ: Environ, start_response: StartResponse) -> Iterable[Any]:
            start_response("200 OK", [("Content-Type", "text/plain")])
            yield "text"

        with pytest.raises(TypeError, match="PEP 3333"):
            self.received(app)

    def received(
        self, app: WSGIApp, begun: list[tuple[str, list[tuple[str, str]]]] | None = None
    ) -> bytes:
        """What a server receives that holds an application to PEP 3333, as ours does."""
        started = [] if begun is None else begun
        written: list[bytes] = []

        def start_response(status: str, headers: Any, exc_info: Any = None, /) -> Any:
            if started and exc_info is None:
                raise AssertionError("start_response was called twice (PEP 3333).")
            started.append((status, headers))
            return written.append

        body = self.make(app)(self.environ(), start_response)
        try:
            return b"".join([*written, *map(as_bytes, body)])
        finally:
            close(body)

    def test_a_file_goes_to_the_file_wrapper_of_the_server(self) -> None:
        def app(environ: Environ, start_response: StartResponse) -> Body:
            start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
            wrapped: Body = environ["wsgi.file_wrapper"](CountedFile(b"some"))
            return wrapped

        body = self.make(app)(self.environ(), _start)
        assert isinstance(body, ServerWrapper) is not self.changes_bytes
        assert b"".join(body) == b"some"
        close(body)

    def test_a_stream_that_may_be_idle_stays_one(self) -> None:
        feed = Feed(b"some")
        body = self.make(answering(feed))(self.environ(), _start)
        assert isinstance(body, Wakeable)
        woken: list[bool] = []
        body.wake_by(lambda: woken.append(True))
        assert (body.take(), body.take()) == (b"some", None)
        assert body.heartbeat == feed.heartbeat
        assert body.beat() == b":\n"
        feed.give(b"more", None)
        assert woken == [True]
        assert body.take() == b"more"
        assert not b"".join(iter(body.take, None))
        body.close()
        assert feed.closings == 1

    @pytest.mark.parametrize("pausable", [False, True])
    def test_a_body_says_whether_another_thread_may_go_on_reading(self, pausable: bool) -> None:
        chunks = WatchedBody([b"some"])
        chunks.pausable = pausable  # type: ignore[attr-defined]
        body = self.make(answering(chunks))(self.environ(), _start)
        assert getattr(body, "pausable", False) is pausable
        close(body)

    def test_an_application_that_needs_a_thread_is_asked_again(self) -> None:
        asked: list[bool] = []

        def app(environ: Environ, start_response: StartResponse) -> Body:
            asked.append(IN_LOOP in environ)
            if IN_LOOP in environ:
                raise WouldBlock
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"some"]

        app.quick = True  # type: ignore[attr-defined]
        made = self.make(app)
        if is_quick(made):
            with pytest.raises(WouldBlock):
                made({**self.environ(), IN_LOOP: True}, _start)
        body = made(self.environ(), _start)
        assert b"".join(body) == b"some"
        close(body)
        assert asked[-1] is False


def _start(status: str, headers: object, exc_info: object = None, /) -> Callable[[bytes], object]:
    return lambda data: None
