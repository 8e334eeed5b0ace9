"""A line for each answer, under servers that write none."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.client import ask, make_environ
from tests.live import stock_waitress
from tests.middleware.contract import MiddlewareContract, answering, failing, failing_at_once
from tests.server.bodies import Feed
from tests.servers import Connection, eventually, running
from tests.watched import WatchedBody
from wsgistream import AccessLogMiddleware, FileApp, RowsResponse
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.bodies import close
from wsgistream.wsgi.waiting import IN_LOOP, WouldBlock

#: Not that of our server, which logs too.
LOGGER = "tests.access"

DATA = b"0123456789" * 100_000


class Lines(logging.Handler):
    """The lines that were logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def awaited(self, count: int) -> list[str]:
        assert eventually(lambda: len(self.lines) >= count)
        return self.lines


@pytest.fixture
def log() -> Iterator[Lines]:
    handler = Lines()
    logger = logging.getLogger(LOGGER)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def ticking(*seconds: float) -> Callable[[], float]:
    return iter(seconds).__next__


logged = partial(AccessLogMiddleware, logger=LOGGER)


class TestContract(MiddlewareContract):
    @pytest.fixture(autouse=True)
    def _somebody_listens(self, log: Lines) -> None:
        self.log = log

    def make(self, app: WSGIApp) -> WSGIApp:
        return logged(app)

    def test_each_answer_is_a_line(self) -> None:
        ask(self.make(answering([b"some"])))
        ask(self.make(answering([b"more"])))
        assert len(self.log.lines) == 2


class TestContractWhereNobodyListens(MiddlewareContract):
    def make(self, app: WSGIApp) -> WSGIApp:
        return logged(app)


def test_a_line_says_who_asked_for_what_and_what_became_of_it(log: Lines) -> None:
    app = logged(answering([b"some", b"more"]), clock=ticking(5.0, 6.25), now=lambda: 784_111_777.0)
    headers = {"Referer": "https://example.org/", "User-Agent": 'a"gent'}
    ask(app, "/a%20b?c=%0A", headers=headers, REMOTE_ADDR="192.0.2.1")
    (line,) = log.lines
    assert line == (
        '192.0.2.1 - - [06/Nov/1994:08:49:37 +0000] "GET /a%20b?c=%0A HTTP/1.0" 200 8 '
        r'"https://example.org/" "a\x22gent" 1.250 complete'
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("common", '"GET /a HTTP/1.0" 200 4', id="the common format"),
        pytest.param("{client} {sent} {end}", "- 4 complete", id="a template"),
    ],
)
def test_a_line_has_the_format_asked_for(log: Lines, name: str, expected: str) -> None:
    ask(logged(answering([b"some"]), format=name), "/a")
    assert [line.endswith(expected) for line in log.lines] == [True]


def test_a_line_may_be_json(log: Lines) -> None:
    ask(logged(answering([b"some"]), format="json"), "/a")
    (line,) = map(json.loads, log.lines)
    assert (line["request"], line["status"], line["sent"]) == ("GET /a HTTP/1.0", 200, 4)


def test_a_format_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="A log format is combined, common, json or"):
        logged(answering([]), format="{bytes}")


@pytest.mark.parametrize(
    ("environ", "target"),
    [
        pytest.param({"REQUEST_URI": "/%61?b"}, "/%61?b", id="as waitress tells it"),
        pytest.param({"RAW_URI": "/%61"}, "/%61", id="as gunicorn tells it"),
        pytest.param({"SCRIPT_NAME": "/x"}, "/x/a", id="made from where it is mounted"),
        pytest.param({"PATH_INFO": "/\xc3\xa9 %"}, "/%C3%A9%20%25", id="made from a path"),
        pytest.param({"QUERY_STRING": "b=c"}, "/a?b=c", id="made with a query"),
        pytest.param({"PATH_INFO": '/"\n\x1b'}, "/%22%0A%1B", id="made from a path that attacks"),
        pytest.param({"PATH_INFO": "/\u0100"}, "/%3F", id="made from a path that is no bytes"),
        pytest.param({"REQUEST_URI": '/"\n\x1b'}, r"/\x22\x0a\x1b", id="a target that attacks"),
    ],
)
def test_the_target_is(log: Lines, environ: dict[str, str], target: str) -> None:
    ask(logged(answering([b""]), format="{request}"), "/a", **environ)
    assert log.lines == [f"GET {target} HTTP/1.0"]


def test_a_field_cannot_begin_another_line(log: Lines) -> None:
    attack = '"\r\n192.0.2.9 - - [now] "GET /forged\x1b[2J'
    for name in ("combined", "json"):
        app = logged(answering([b""]), format=name)
        environ = make_environ(headers={"User-Agent": attack, "Referer": attack})
        environ.update(REMOTE_ADDR=attack, REQUEST_METHOD=attack, SERVER_PROTOCOL=attack)
        close(app(environ, lambda *_: lambda data: None))
    assert len(log.lines) == 2
    assert all(line.isprintable() and "\n" not in line for line in log.lines)


def test_an_environ_that_the_application_changes_is_told_as_it_was(log: Lines) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        environ.update(REQUEST_METHOD="PUT", PATH_INFO="", SCRIPT_NAME="/b")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"some"]

    ask(logged(app, format="{request} {sent}"), "/a")
    assert log.lines == ["GET /a HTTP/1.0 4"]


@pytest.mark.parametrize(
    ("method", "status", "expected"),
    [
        pytest.param("HEAD", "200 OK", "200 0 complete", id="HEAD"),
        pytest.param("GET", "304 Not Modified", "304 0 complete", id="a 304"),
        pytest.param("GET", "404 Not Found", "404 4 complete", id="an error"),
    ],
)
def test_an_answer_without_a_body_has_sent_none_to(
    log: Lines, method: str, status: str, expected: str
) -> None:
    app = logged(answering([b"some"], status=status), format="{status} {sent} {end}")
    close(app(make_environ(method=method), lambda *_: lambda data: None))
    assert log.lines == [expected]


def test_an_application_that_raises_is_a_500_and_raises(log: Lines) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        raise LookupError

    with pytest.raises(LookupError):
        ask(logged(app, format="{status} {sent} {end}"))
    assert log.lines == ["500 0 aborted"]


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        pytest.param(failing, "200 4 aborted", id="midway"),
        pytest.param(failing_at_once, "500 0 aborted", id="before its first byte"),
    ],
)
def test_a_body_that_fails(log: Lines, chunks: Callable[[], Body], expected: str) -> None:
    app = logged(answering(chunks()), format="{status} {sent} {end}")
    with pytest.raises(LookupError):
        ask(app)
    assert log.lines == [expected]


def test_an_answer_that_cannot_begin_is_a_500(log: Lines) -> None:
    def refuse(*_: object) -> Any:
        raise LookupError

    app = logged(answering([b"some"]), format="{status} {sent} {end}")
    with pytest.raises(LookupError):
        app(make_environ(), refuse)
    assert log.lines == ["500 0 aborted"]


def test_what_is_put_off_is_logged_when_it_is_done(log: Lines) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        if IN_LOOP in environ:
            raise WouldBlock
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"some"]

    made = logged(app, format="{status}")
    with pytest.raises(WouldBlock):
        made({**make_environ(), IN_LOOP: True}, lambda *_: lambda data: None)
    assert log.lines == []
    ask(made)
    assert log.lines == ["200"]


def test_where_nobody_listens_the_application_is_called_as_it_is() -> None:
    body = WatchedBody([b"some"])
    app = AccessLogMiddleware(answering(body), logger=logging.getLogger("nobody"))
    assert app(make_environ(), lambda *_: lambda data: None) is body


def test_rows_are_counted_behind_what_copies_the_environ(log: Lines) -> None:
    response = RowsResponse(lambda: [{"n": n} for n in range(3)])

    def app(environ: Environ, start_response: StartResponse) -> Body:
        return response(dict(environ), start_response)

    ask(logged(app, format="{rows} {sent}"), "/a")
    ask(logged(answering([b"some"]), format="{rows} {sent}"), "/a")
    ask(logged(app, format="{rows} {sent}"), "/a", REQUEST_METHOD="HEAD")
    assert log.awaited(3) == ["3 24", "- 4", "- 0"]


def test_lines_go_where_those_of_our_server_go(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="wsgistream.access"):
        ask(AccessLogMiddleware(answering([b"some"]), format="{sent}"))
    told = [(record.name, record.getMessage()) for record in caplog.records]
    assert told == [("wsgistream.access", "4")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "digits"
    file.write_bytes(DATA)
    return file


def test_under_our_server_it_says_what_the_server_says(log: Lines, path: Path) -> None:
    app = logged(FileApp(path), format="{client} {request} {status} {sent} {end}")
    with running(app) as run, run.connect() as client:
        for fields in ([], ["Range: bytes=5-900000"], ["Range: bytes=2000000-"]):
            client.ask("/%61?b", "GET", *fields)
            answer = client.answer()
            access = run.access()
            assert (access.status, access.sent) == (answer.status, len(answer.body))
            assert log.awaited(1) == [
                f"127.0.0.1 GET /%61?b HTTP/1.1 {access.status} {access.sent} complete"
            ]
            log.lines.clear()


def leave(address: Any) -> None:
    """Take a little of an answer, and go."""
    with Connection(address, window=8192) as client:
        client.ask()
        client.read(100_000)
        client.reset()


def test_under_our_server_a_client_that_leaves_is_told(log: Lines, path: Path) -> None:
    path.write_bytes(DATA * 50)
    app = logged(FileApp(path), format="{status} {sent} {end}")
    with running(app) as run:
        leave(run.addresses[0])
        (line,) = log.awaited(1)
        status, sent, end = line.split()
        assert (status, end) == ("200", "aborted")
        assert 90_000 < int(sent) <= run.access().sent < len(DATA) * 50


def test_under_our_server_an_idle_stream_is_told_when_its_client_leaves(log: Lines) -> None:
    feed = Feed(b"some")
    app = logged(answering(feed), format="{status} {sent} {end}")
    with running(app) as run:
        with run.connect() as client:
            client.ask()
            assert client.read(8).startswith(b"HTTP/1.1")
            client.reset()
        assert feed.ended()
        assert log.awaited(1) == ["200 4 aborted"]


def test_under_waitress_it_says_what_the_client_gets(log: Lines, path: Path) -> None:
    app = logged(FileApp(path), format="{client} {request} {status} {sent} {end}")
    with stock_waitress(app) as port, Connection(("127.0.0.1", int(port))) as client:
        client.ask("/%61?b", "GET", "Range: bytes=5-900000")
        answer = client.answer()
        assert log.awaited(1) == [
            f"127.0.0.1 GET /%61?b HTTP/1.1 206 {len(answer.body)} complete",
        ]


def test_under_waitress_a_client_that_leaves_is_told(log: Lines, path: Path) -> None:
    path.write_bytes(DATA * 50)
    app = logged(FileApp(path), format="{status} {sent} {end}")
    with stock_waitress(app) as port:
        leave(("127.0.0.1", int(port)))
        (line,) = log.awaited(1)
    status, sent, end = line.split()
    assert (status, end) == ("200", "aborted")
    assert 90_000 < int(sent) < len(DATA) * 50
