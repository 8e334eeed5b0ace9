"""The user's own hook over all that an application streams."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.client import Answer, ask, make_environ
from tests.live import stock_waitress
from tests.middleware.contract import (
    MiddlewareContract,
    ServerWrapper,
    answering,
    failing,
    failing_at_once,
)
from tests.server.bodies import Feed
from tests.servers import Connection, eventually, running
from tests.watched import WatchedBody
from wsgistream import FileApp, StreamingMiddleware
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi import Reply
from wsgistream.wsgi.bodies import close
from wsgistream.wsgi.watching import Transfer

DATA = b"0123456789" * 100_000


class TestContract(MiddlewareContract):
    def make(self, app: WSGIApp) -> WSGIApp:
        return StreamingMiddleware(app)


class TestContractOfHooksThatLook(MiddlewareContract):
    changes_bytes = True  # a file has to be read for its chunks to be seen

    def make(self, app: WSGIApp) -> WSGIApp:
        def see(transfer: Transfer, data: bytes) -> bytes:
            return b"not this"

        return StreamingMiddleware(app, start=str, chunk=see, finish=str, changes=False)


class TestContractOfAHookThatChanges(MiddlewareContract):
    changes_bytes = True

    def make(self, app: WSGIApp) -> WSGIApp:
        return StreamingMiddleware(app, chunk=lambda transfer, data: None, when="all")


class Hooks:
    """Hooks that note what they are told; one of them may raise."""

    def __init__(self, raises: str = "") -> None:
        self.told: list[Any] = []
        self.transfers: list[Transfer] = []
        self._raises = raises

    def start(self, transfer: Transfer) -> None:
        self._tell("start", ("start", transfer.status))

    def chunk(self, transfer: Transfer, data: bytes) -> bytes:
        self._tell("chunk", data)
        return data.upper()

    def finish(self, transfer: Transfer) -> None:
        self.transfers.append(transfer)
        self._tell("finish", ("finish", transfer.sent, transfer.outcome))

    def _tell(self, name: str, what: Any) -> None:
        self.told.append(what)
        if name == self._raises:
            raise KeyError(name)

    def around(self, app: WSGIApp, **options: Any) -> StreamingMiddleware:
        return StreamingMiddleware(
            app, start=self.start, chunk=self.chunk, finish=self.finish, **options
        )


def stream(*headers: tuple[str, str], status: str = "200 OK") -> WSGIApp:
    return answering(WatchedBody([b"some", b"", b"more"]), *headers, status=status)


def test_hooks_are_called_in_order_and_with_the_transfer() -> None:
    hooks, seconds = Hooks(), iter((5.0, 6.25))
    answer = ask(hooks.around(stream(), clock=lambda: next(seconds)), "/a")
    assert answer.body == b"SOMEMORE"
    assert hooks.told == [("start", "200 OK"), b"some", b"more", ("finish", 8, "finished")]
    (transfer,) = hooks.transfers
    assert (transfer.chunks, transfer.seconds, transfer.error) == (2, 1.25, None)
    assert transfer.environ["PATH_INFO"] == "/a"


def test_start_is_called_before_the_answer_begins() -> None:
    order: list[str] = []

    def start_response(*_: object) -> Any:
        order.append("begins")
        return lambda data: None

    app = StreamingMiddleware(stream(), start=lambda transfer: order.append("start"))
    close(app(make_environ(), start_response))
    assert order == ["start", "begins"]


def test_a_hook_may_only_look() -> None:
    hooks = Hooks()
    headers = (("Content-Length", "8"), ("ETag", '"t"'), ("Accept-Ranges", "bytes"))
    answer = ask(hooks.around(stream(*headers), changes=False))
    assert answer.body == b"somemore"
    assert answer.headers[1:] == list(headers)
    assert hooks.told[1:3] == [b"some", b"more"]


def test_a_hook_that_returns_nothing_leaves_the_chunk() -> None:
    app = StreamingMiddleware(stream(), chunk=lambda transfer, data: None)
    assert ask(app).body == b"somemore"


OF_THE_BYTES = (
    ("content-length", "8"),
    ("Content-MD5", "x"),
    ("Digest", "x"),
    ("Content-Digest", "x"),
    ("Repr-Digest", "x"),
    ("Accept-Ranges", "bytes"),
)


@pytest.mark.parametrize(
    ("etag", "expected"),
    [
        pytest.param('"t"', 'W/"t"', id="a strong tag is weak"),
        pytest.param('W/"t"', 'W/"t"', id="a weak tag stays"),
        pytest.param(None, None, id="none stays none"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_changed_answer_says_nothing_of_the_bytes_that_were(
    method: str, etag: str | None, expected: str | None
) -> None:
    tag = (("ETag", etag),) if etag else ()
    body = answering([] if method == "HEAD" else WatchedBody([b"a"]), *OF_THE_BYTES, *tag)
    answer = ask(Hooks().around(body), method=method)
    headers = dict(answer.headers)
    assert headers.pop("ETag", None) == expected
    assert headers == {"Content-Type": "text/plain", "Accept-Ranges": "none"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_has_not_changed_has_the_tag_that_it_has(tmp_path: Path, method: str) -> None:
    (tmp_path / "digits").write_bytes(DATA)
    app = Hooks().around(FileApp(tmp_path / "digits"))
    tag = ask(app)["ETag"]
    assert tag.startswith('W/"')
    answer = ask(app, method=method, headers={"If-None-Match": tag})
    assert (answer.status, answer["ETag"]) == (304, tag)


def test_a_changed_answer_has_no_ranges(tmp_path: Path) -> None:
    (tmp_path / "digits").write_bytes(DATA)
    app = Hooks().around(FileApp(tmp_path / "digits"))
    headers = {"Range": "bytes=0-3", "If-Range": '"t"'}
    environ = make_environ(headers=headers)
    before = dict(environ)
    answer = ask(app, headers=headers)
    assert (answer.status, answer.body) == (200, DATA)
    close(app(environ, lambda *_: lambda data: None))
    assert environ == before


def test_an_answer_that_is_looked_at_has_ranges(tmp_path: Path) -> None:
    (tmp_path / "digits").write_bytes(DATA)
    hooks = Hooks()
    app = hooks.around(FileApp(tmp_path / "digits"), changes=False)
    answer = ask(app, headers={"Range": "bytes=0-99999"})
    assert (answer.status, answer.body) == (206, DATA[:100_000])
    assert hooks.told[-1] == ("finish", 100_000, "finished")


def test_without_a_hook_for_chunks_a_file_stays_one() -> None:
    hooks = Hooks()

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [("Content-Length", "4")])
        wrapped: Body = environ["wsgi.file_wrapper"](io.BytesIO(b"some"))
        return wrapped

    made = StreamingMiddleware(app, finish=hooks.finish)
    environ = {**make_environ(), "wsgi.file_wrapper": ServerWrapper}
    body = made(environ, lambda *_: lambda data: None)
    assert isinstance(body, ServerWrapper)
    assert b"".join(body) == b"some"
    close(body)
    assert hooks.told == [("finish", 4, "finished")]


# Which answers are meant


@pytest.mark.parametrize(
    ("when", "body", "is_meant"),
    [
        pytest.param("streaming", lambda: WatchedBody([b"a"]), True, id="a stream, streaming"),
        pytest.param("streaming", lambda: [b"a"], False, id="a list, streaming"),
        pytest.param("streaming", lambda: (b"a",), False, id="a tuple, streaming"),
        pytest.param("all", lambda: [b"a"], True, id="a list, all"),
        pytest.param("all", lambda: WatchedBody([b"a"]), True, id="a stream, all"),
        pytest.param(lambda environ, reply: True, lambda: [b"a"], True, id="a list, a function"),
        pytest.param(
            lambda environ, reply: False, lambda: WatchedBody([b"a"]), False, id="none, a function"
        ),
    ],
)
@pytest.mark.parametrize("changes", [False, True])
def test_an_answer_is_meant(when: Any, body: Any, is_meant: bool, changes: bool) -> None:
    hooks = Hooks()
    answer = ask(hooks.around(answering(body()), when=when, changes=changes))
    assert answer.body == (b"A" if is_meant and changes else b"a")
    assert bool(hooks.told) is is_meant


def test_a_function_is_asked_with_the_environ_and_the_reply() -> None:
    asked: list[Any] = []

    def when(environ: Environ, reply: Reply) -> bool:
        asked.append((environ["PATH_INFO"], reply.status, reply.get("content-type")))
        return True

    ask(Hooks().around(stream(status="203 Changed"), when=when), "/a")
    assert asked == [("/a", "203 Changed", "text/plain")]


def test_a_list_that_is_only_watched_is_one_still() -> None:
    hooks = Hooks()
    app = StreamingMiddleware(answering([b"some"]), finish=hooks.finish, when="all")
    body = app(make_environ(), lambda *_: lambda data: None)
    assert isinstance(body, list)
    close(body)
    assert hooks.told == [("finish", 4, "finished")]


@pytest.mark.parametrize("changes", [False, True])
def test_head_is_told_of_as_get_would_be(changes: bool) -> None:
    hooks = Hooks()
    app = hooks.around(answering([], ("Content-Length", "8")), changes=changes)
    answer = ask(app, method="HEAD")
    assert ("Content-Length" in answer) is not changes
    # Without a change nothing of it has to be another, and so it is an empty list.
    assert hooks.told == ([("start", "200 OK"), ("finish", 0, "finished")] if changes else [])


# What goes wrong


def asked_in_vain(app: WSGIApp) -> BaseException:
    with pytest.raises(LookupError) as failure:
        ask(app)
    return failure.value


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_start_that_raises_ends_the_answer_before_it_begins(method: str) -> None:
    hooks, body = Hooks("start"), WatchedBody([b"some"])
    begun: list[object] = []
    with pytest.raises(KeyError) as failure:
        hooks.around(answering(body))(make_environ(method=method), lambda *_: begun.append(_))  # type: ignore[arg-type,return-value]
    assert (begun, body.closed, body.taken) == ([], 1, 0)
    assert hooks.told == [("start", "200 OK"), ("finish", 0, "failed")]
    assert hooks.transfers[0].error is failure.value


def test_a_chunk_that_raises_cuts_the_answer() -> None:
    hooks, body = Hooks("chunk"), WatchedBody([b"some", b"more"])
    failure = asked_in_vain(hooks.around(answering(body)))
    assert (body.closed, body.taken) == (1, 1)
    assert hooks.told == [("start", "200 OK"), b"some", ("finish", 0, "failed")]
    assert hooks.transfers[0].error is failure


def test_a_finish_that_raises_is_passed_on() -> None:
    hooks, body = Hooks("finish"), WatchedBody([b"some"])
    asked_in_vain(hooks.around(answering(body)))
    assert body.closed == 1
    assert hooks.told[-1] == ("finish", 4, "finished")


def test_a_question_that_raises_gives_the_answer_up() -> None:
    hooks, body = Hooks(), WatchedBody([b"some"])

    def when(environ: Environ, reply: Reply) -> bool:
        raise KeyError

    asked_in_vain(hooks.around(answering(body), when=when))
    assert (body.closed, hooks.told) == (1, [])


@pytest.mark.parametrize(
    ("chunks", "told"),
    [
        pytest.param(failing, [b"some", ("finish", 4, "failed")], id="midway"),
        pytest.param(failing_at_once, [("finish", 0, "failed")], id="at once"),
    ],
)
def test_a_body_that_fails(chunks: Callable[[], Iterator[bytes]], told: list[Any]) -> None:
    hooks = Hooks()
    failure = asked_in_vain(hooks.around(answering(chunks())))
    assert hooks.told[1:] == told
    assert hooks.transfers[0].error is failure


def test_an_answer_that_cannot_begin_has_failed() -> None:
    def refuse(*_: object) -> Any:
        raise KeyError

    hooks = Hooks()
    with pytest.raises(KeyError):
        hooks.around(answering([b"some"]), when="all")(make_environ(), refuse)
    assert hooks.told == [("start", "200 OK"), ("finish", 0, "failed")]


def test_an_answer_that_is_left_is_aborted() -> None:
    hooks, body = Hooks(), WatchedBody([b"some", b"more"])
    given = hooks.around(answering(body))(make_environ(), lambda *_: lambda data: None)
    assert next(iter(given)) == b"SOME"
    close(given)
    assert (body.closed, hooks.told[-1]) == (1, ("finish", 4, "aborted"))


def test_an_application_that_raises_has_no_answer_to_tell_of() -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        raise KeyError

    hooks = Hooks()
    asked_in_vain(hooks.around(app))
    assert hooks.told == []


@pytest.mark.parametrize(
    ("options", "kind", "sentence"),
    [
        pytest.param({"chunk": b"a"}, TypeError, "chunk is a function, not b'a'.", id="a chunk"),
        pytest.param({"start": 1}, TypeError, "start is a function, not 1.", id="a start"),
        pytest.param({"finish": ""}, TypeError, "finish is a function, not ''.", id="a finish"),
        pytest.param({"when": "never"}, ValueError, "or a function, not 'never'.", id="a word"),
        pytest.param({"when": None}, ValueError, "or a function, not None.", id="no word"),
    ],
)
def test_an_option_that_cannot_be_is_refused(
    options: dict[str, Any], kind: type[Exception], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        StreamingMiddleware(answering([]), **options)


# Under servers


def test_under_our_server_an_idle_stream_holds_no_thread_and_its_hook_no_loop() -> None:
    feed, threads = Feed(b"some"), set[int | None]()

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return feed if environ["PATH_INFO"] == "/stream" else [b"at once"]

    def chunk(transfer: Transfer, data: bytes) -> bytes:
        threads.add(threading.get_ident())
        return data.upper()

    hooks = Hooks()
    made = StreamingMiddleware(app, chunk=chunk, finish=hooks.finish)
    with running(made, threads=1) as run, run.connect() as client, run.connect() as other:
        client.ask("/stream")
        assert eventually(lambda: feed.takes > 1)
        other.ask()  # whom the only thread answers, since the stream does not hold it
        assert other.answer().body == b"at once"
        feed.give(b"more", None)
        assert client.answer().body == b"SOMEMORE"
        assert run.thread.ident not in threads
        assert feed.ended()
    assert hooks.told == [("finish", 8, "finished")]


@pytest.mark.parametrize("changes", [False, True])
def test_under_our_server_a_client_that_leaves_is_told(tmp_path: Path, changes: bool) -> None:
    (tmp_path / "digits").write_bytes(DATA * 50)
    hooks = Hooks()
    app = hooks.around(FileApp(tmp_path / "digits"), changes=changes)
    with running(app) as run:
        with run.connect(window=8192) as client:
            client.ask()
            client.read(100_000)
            client.reset()
        assert eventually(lambda: bool(hooks.transfers))
    (transfer,) = hooks.transfers
    assert transfer.outcome == "aborted"
    assert 90_000 < transfer.sent < len(DATA) * 50


@pytest.mark.parametrize("changes", [False, True])
def test_under_waitress_a_file_streams_through_it(tmp_path: Path, changes: bool) -> None:
    (tmp_path / "digits").write_bytes(DATA)
    hooks = Hooks()
    app = hooks.around(FileApp(tmp_path / "digits"), changes=changes)
    with stock_waitress(app) as port, Connection(("127.0.0.1", int(port))) as client:
        client.ask()
        answer: Answer = client.answer()
        assert eventually(lambda: bool(hooks.transfers))
    assert answer.body == DATA
    assert ("Content-Length" in answer) is not changes
    assert hooks.told[-1] == ("finish", len(DATA), "finished")
