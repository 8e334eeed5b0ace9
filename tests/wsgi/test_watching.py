"""What becomes of an answer is told once, whatever its body is, and no byte is changed."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.client import make_environ
from tests.files import CountedFile, Pipe
from tests.live import stock_waitress
from tests.middleware.contract import ServerWrapper, answering, failing, failing_at_once
from tests.server.bodies import Feed
from tests.servers import Connection, running
from tests.watched import WatchedBody
from wsgistream import FileApp, RangeMiddleware
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi import Reply, call
from wsgistream.wsgi.bodies import close
from wsgistream.wsgi.files import FileWrapper
from wsgistream.wsgi.waiting import IN_LOOP, Wakeable, WouldBlock
from wsgistream.wsgi.watching import Transfer, watched

DATA = b"0123456789" * 100_000


class Clock:
    """A clock that goes on by a second each time it is asked."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


class Watch:
    """A middleware that only watches."""

    def __init__(self, app: WSGIApp) -> None:
        self.app = app
        self.told: list[Transfer] = []

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        transfer = Transfer(environ, self.told.append, clock=Clock())
        reply = call(self.app, environ)
        transfer.follow(reply)
        return reply.send(start_response)


def followed(
    body: Body, *headers: tuple[str, str], method: str = "GET", status: str = "200 OK"
) -> tuple[Reply, list[Transfer]]:
    told: list[Transfer] = []
    reply = Reply(status, headers, body)
    Transfer(make_environ(method=method), told.append, clock=Clock()).follow(reply)
    return reply, told


def drained(body: Body) -> bytes:
    try:
        return b"".join(body)
    finally:
        close(body)


BODIES: list[Any] = [
    pytest.param(lambda: [b"some", b"more"], 2, id="a list"),
    pytest.param(lambda: (b"some", b"more"), 2, id="a tuple"),
    pytest.param(lambda: WatchedBody([b"some", b"more"]), 2, id="a generator"),
    pytest.param(lambda: FileWrapper(io.BytesIO(b"somemore")), 1, id="a file"),
    pytest.param(lambda: FileWrapper(Pipe(b"somemore")), 1, id="a pipe"),
    pytest.param(lambda: Feed(b"some", b"more", None), 2, id="a stream that may be idle"),
]


@pytest.mark.parametrize(("make", "chunks"), BODIES)
def test_all_of_it_is_counted_of(make: Callable[[], Body], chunks: int) -> None:
    reply, told = followed(make())
    assert drained(reply.body) == b"somemore"
    close(reply.body)
    (transfer,) = told
    assert (transfer.sent, transfer.chunks) == (8, chunks)
    assert (transfer.outcome, transfer.error) == ("finished", None)
    assert (transfer.status, transfer.headers) == ("200 OK", [])
    assert (transfer.began, transfer.seconds) == (1, 1)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: WatchedBody([b"some", b"more"]), id="a generator"),
        pytest.param(lambda: FileWrapper(io.BytesIO(b"somemore"), 4), id="a file"),
        pytest.param(lambda: FileWrapper(Pipe(b"somemore"), 4), id="a pipe"),
        pytest.param(lambda: Feed(b"some", b"more", None), id="a stream that may be idle"),
    ],
)
def test_what_is_left_is_aborted_as(make: Callable[[], Body]) -> None:
    reply, told = followed(make())
    assert next(iter(reply.body)) == b"some"
    close(reply.body)
    assert [(transfer.sent, transfer.outcome) for transfer in told] == [(4, "aborted")]


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", "200 OK"), ("GET", "304 Not Modified"), ("GET", "204 None")]
)
@pytest.mark.parametrize(("make", "chunks"), BODIES)
def test_an_answer_without_a_body_is_whole_of(
    method: str, status: str, make: Callable[[], Body], chunks: int
) -> None:
    reply, told = followed(make(), ("Content-Length", "8"), method=method, status=status)
    close(reply.body)
    assert [(transfer.sent, transfer.outcome) for transfer in told] == [(0, "finished")]


@pytest.mark.parametrize(
    ("length", "outcome"), [("4", "finished"), ("5", "aborted"), ("some", "aborted")]
)
def test_who_has_taken_all_that_was_announced_need_not_ask_for_more(
    length: str, outcome: str
) -> None:
    reply, told = followed(WatchedBody([b"some", b"more"]), ("Content-Length", length))
    assert next(iter(reply.body)) == b"some"
    close(reply.body)
    assert [transfer.outcome for transfer in told] == [outcome]


@pytest.mark.parametrize(
    ("make", "sent"),
    [
        pytest.param(lambda: WatchedBody(failing()), 4, id="a generator"),
        pytest.param(lambda: Feed(b"some", LookupError()), 4, id="a stream that may be idle"),
        pytest.param(object, 0, id="what is no body at all"),
    ],
)
def test_a_failure_is_told_and_passed_on_of(make: Callable[[], Body], sent: int) -> None:
    reply, told = followed(make())
    with pytest.raises((LookupError, TypeError)) as failure:
        drained(reply.body)
    assert [(transfer.sent, transfer.outcome) for transfer in told] == [(sent, "failed")]
    assert told[0].error is failure.value


def test_a_failure_to_close_is_told_and_passed_on() -> None:
    class Stuck(WatchedBody):
        def close(self) -> None:
            raise LookupError

    reply, told = followed(Stuck([b"some"]))
    with pytest.raises(LookupError):
        drained(reply.body)
    assert [transfer.outcome for transfer in told] == ["failed"]


def test_a_beat_is_counted_and_the_waker_passed_on() -> None:
    feed = Feed()
    feed.heartbeat = 7.0
    feed.quick = False
    reply, told = followed(feed)
    assert isinstance(reply.body, Wakeable)
    woken: list[bool] = []
    reply.body.wake_by(lambda: woken.append(True))
    feed.wake()
    assert (woken, reply.body.take(), reply.body.beat()) == ([True], None, b":\n")
    assert (reply.body.heartbeat, reply.body.quick) == (7.0, False)
    reply.body.close()
    assert [(transfer.sent, transfer.chunks) for transfer in told] == [(2, 1)]


def test_a_list_is_one_still_and_has_a_length() -> None:
    reply, _ = followed([b"some"])
    assert isinstance(reply.body, list)
    assert (len(reply.body), reply.body) == (1, [b"some"])


def test_a_file_that_was_closed_by_another_is_no_failure() -> None:
    file = io.BytesIO(b"some")
    reply, told = followed(FileWrapper(file))
    file.close()
    close(reply.body)
    assert [(transfer.sent, transfer.outcome) for transfer in told] == [(0, "aborted")]


def test_a_file_that_stands_elsewhere_is_counted_from_there() -> None:
    file = io.BytesIO(b"somemore")
    file.seek(4)
    reply, told = followed(FileWrapper(file))
    assert drained(reply.body) == b"more"
    assert [(transfer.sent, transfer.outcome) for transfer in told] == [(4, "finished")]


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_list_that_is_watched_twice_is_one_still(kind: Callable[[list[bytes]], Body]) -> None:
    reply, told = followed(kind([b"some", b"more"]))
    Transfer(make_environ(), told.append, clock=Clock()).follow(reply)
    assert reply.body == [b"some", b"more"]
    close(reply.body)
    close(reply.body)
    assert [(transfer.sent, transfer.outcome) for transfer in told] == [(8, "finished")] * 2


def test_a_list_that_cannot_be_closed_has_failed() -> None:
    class Stuck(list[bytes]):
        def close(self) -> None:
            raise LookupError

    reply, told = followed(Stuck([b"some"]))
    with pytest.raises(LookupError):
        close(reply.body)
    assert [(transfer.sent, transfer.outcome) for transfer in told] == [(4, "failed")]


def test_a_file_tells_all_who_watch_whatever_one_of_them_raises() -> None:
    def then(transfer: Transfer) -> None:
        raise LookupError

    file = CountedFile(b"some")
    reply, told = Reply("200 OK", [], FileWrapper(file)), list[Transfer]()
    for each in (told.append, then, told.append):
        Transfer(make_environ(), each, clock=Clock()).follow(reply)
    assert b"".join(reply.body) == b"some"
    with pytest.raises(LookupError):
        close(reply.body)
    assert [(transfer.sent, transfer.outcome) for transfer in told] == [(4, "finished")] * 2
    assert file.closings == 1


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        pytest.param(lambda: [b"some"], "404 Not Found", 404, id="a list"),
        pytest.param(lambda: WatchedBody([b"a"]), "203 Changed", 203, id="a generator"),
        pytest.param(lambda: WatchedBody(failing()), "203 Changed", 203, id="fails midway"),
        pytest.param(lambda: WatchedBody(failing_at_once()), "200 OK", 500, id="fails at once"),
        pytest.param(lambda: [b"some"], "so", 500, id="a status that is none"),
        pytest.param(lambda: [b"some"], "\u0662\u0660\u0660", 500, id="digits of another script"),
    ],
)
def test_the_status_is_the_one_the_client_gets_of(
    body: Callable[[], Body], status: str, expected: int
) -> None:
    reply, told = followed(body(), status=status)
    with suppress(LookupError):
        drained(reply.body)
    close(reply.body)
    assert [transfer.code for transfer in told] == [expected]


def asked(app: WSGIApp, told: list[Transfer], start: Any = None, **environ: Any) -> Body:
    start = start or (lambda *_: lambda data: None)
    return watched(app, make_environ(**environ), start, told.append, clock=Clock())


def test_an_application_that_raises_has_failed() -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        raise LookupError

    told: list[Transfer] = []
    with pytest.raises(LookupError) as failure:
        asked(app, told)
    (transfer,) = told
    assert (transfer.outcome, transfer.code, transfer.error) == ("failed", 500, failure.value)
    assert (transfer.status, transfer.method, transfer.seconds) == ("", "GET", 1)


@pytest.mark.parametrize(("make", "chunks"), BODIES)
def test_an_answer_that_cannot_begin_has_failed(make: Callable[[], Body], chunks: int) -> None:
    def refuse(*_: object) -> Any:
        raise LookupError

    told: list[Transfer] = []
    with pytest.raises(LookupError):
        asked(answering(make()), told, refuse)
    assert [(each.sent, each.outcome, each.code) for each in told] == [(0, "failed", 500)]


def test_an_answer_that_cannot_be_followed_has_failed() -> None:
    class Broken(CountedFile):
        def seek(self, *_: int) -> int:
            raise LookupError

    file, told = Broken(b"some"), list[Transfer]()

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [])
        return FileWrapper(file)

    with pytest.raises(LookupError):
        asked(app, told)
    assert ([transfer.outcome for transfer in told], file.closings) == (["failed"], 1)


@pytest.mark.parametrize("in_loop", [False, True])
def test_what_is_put_off_says_so(in_loop: bool) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        raise WouldBlock

    told: list[Transfer] = []
    with pytest.raises(WouldBlock):
        asked(app, told, **({IN_LOOP: True} if in_loop else {}))
    assert [transfer.is_put_off for transfer in told] == [in_loop]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({"Range": "bytes=2-3"}, b"me"), ({}, b"somemore"), ({"If-None-Match": "*"}, b"")],
)
def test_who_makes_ranges_of_a_watched_file_has_it_tell(
    tmp_path: Path, headers: dict[str, str], expected: bytes
) -> None:
    (tmp_path / "file").write_bytes(b"somemore")

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [("Content-Length", "8"), ("ETag", '"t"')])
        return _wrapped(environ, tmp_path / "file")

    watch = Watch(app)
    environ = {**make_environ(headers=headers), "wsgi.file_wrapper": ServerWrapper}
    assert drained(RangeMiddleware(watch)(environ, lambda *_: lambda data: None)) == expected
    assert len(watch.told) == 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "digits"
    file.write_bytes(DATA)
    return file


def test_a_file_is_counted_as_the_system_sends_it(path: Path) -> None:
    watch = Watch(FileApp(path))
    with running(watch) as run, run.connect() as client:
        client.ask("/", "GET", "Range: bytes=1-3,500000-999999")
        answer = client.answer()
        assert answer.status == 206
        client.ask("/", "GET", "Range: bytes=10-900000")
        assert client.answer().body == DATA[10:900_001]
    assert [transfer.sent for transfer in watch.told] == [len(answer.body), 899_991]
    assert [transfer.outcome for transfer in watch.told] == ["finished"] * 2


def test_a_file_whose_client_leaves_is_aborted(path: Path) -> None:
    path.write_bytes(DATA * 50)
    watch = Watch(FileApp(path))
    with running(watch) as run:
        with run.connect(window=8192) as client:
            client.ask()
            client.read(100_000)
            client.reset()
        sent = run.access().sent
    (transfer,) = watch.told
    assert (transfer.outcome, 90_000 < transfer.sent <= sent) == ("aborted", True)


def test_a_file_is_counted_under_another_server_too(path: Path) -> None:
    watch = Watch(FileApp(path))
    with stock_waitress(watch) as port, Connection(("127.0.0.1", int(port))) as client:
        client.ask("/", "GET", "Range: bytes=10-900000")
        assert client.answer().body == DATA[10:900_001]
    assert [(transfer.sent, transfer.outcome) for transfer in watch.told] == [(899_991, "finished")]


def test_a_file_for_another_server_has_no_descriptor_that_would_go_unwatched(path: Path) -> None:
    watch = Watch(lambda environ, start: (start("200 OK", []), _wrapped(environ, path))[1])
    environ = {**make_environ(), "wsgi.file_wrapper": ServerWrapper}
    body: Any = watch(environ, lambda *_: lambda data: None)
    assert not hasattr(body.file, "fileno")
    assert drained(body) == DATA
    assert [transfer.outcome for transfer in watch.told] == ["finished"]


def _wrapped(environ: Environ, path: Path) -> Body:
    wrapped: Body = environ["wsgi.file_wrapper"](path.open("rb"))
    return wrapped


def test_an_unwatched_file_goes_to_another_server_as_it_is() -> None:
    file = CountedFile(b"some")
    reply = Reply("200 OK", [], FileWrapper(file), ServerWrapper)
    body: Any = reply.send(lambda *_: lambda data: None)
    assert isinstance(body, ServerWrapper)
    assert body.file is file
    assert answering(body) is not None
