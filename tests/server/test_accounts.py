"""The account of what each answer has really sent, as its line in the log tells."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.client import IncompleteRead
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from waitress.adjustments import Adjustments

from tests.server.bodies import (
    BIG,
    File,
    HeldBody,
    as_file,
    broken,
    failing,
    megabytes,
    sizes,
    text,
)
from tests.servers import DEADLINE, Connection, eventually, running
from wsgistream import RowsResponse
from wsgistream.rules.access import Access, log_format
from wsgistream.server.accounts import ACCESS, logging_channel
from wsgistream.server.channel import Channel
from wsgistream.server.counters import Counters
from wsgistream.server.loop import Loop
from wsgistream.types import Body, Environ, StartResponse, WSGIApp

#: As much of an answer as waitress then keeps, so that no thread waits for its client.
ROOMY = {"outbuf_high_watermark": 2 * BIG, "outbuf_overflow": 2 * BIG}


def written(environ: Environ, start_response: StartResponse) -> Body:
    write = start_response("200 OK", [("Content-Length", "10")])
    write(b"01234")
    return [b"56789"]


FAILING = failing(LookupError("before its first byte"))
MISSING = failing(FileNotFoundError(2, "before its first byte"))


def late(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Fails with its first chunk: the answer has not begun (PEP 3333)."""
    start_response("200 OK", [("Content-Length", "10")])
    raise OSError("at its first byte")
    yield b""


CHUNKS = [b"a" * 1000, b"b", b"", b"c" * 20]


@pytest.mark.parametrize(
    ("app", "method", "status", "body"),
    [
        pytest.param(text(10, lambda _: [b"0123456789"]), "GET", 200, b"0123456789", id="a list"),
        pytest.param(text(1021, lambda _: iter(CHUNKS)), "GET", 200, b"".join(CHUNKS), id="chunks"),
        pytest.param(
            text(None, lambda _: iter(CHUNKS)), "GET", 200, b"".join(CHUNKS), id="no length"
        ),
        pytest.param(text(None, lambda _: [b"one"]), "GET", 200, b"one", id="one chunk, no length"),
        pytest.param(text(0, lambda _: []), "GET", 200, b"", id="nothing"),
        pytest.param(text(None, lambda _: iter([])), "GET", 200, b"", id="nothing, no length"),
        pytest.param(text(3, lambda _: [b"12345"]), "GET", 200, b"123", id="more than announced"),
        pytest.param(text(10, lambda _: []), "HEAD", 200, b"", id="HEAD"),
        pytest.param(text(None, lambda _: iter([])), "HEAD", 200, b"", id="HEAD, no length"),
        pytest.param(
            text(None, lambda _: [], "304 Not Modified"), "GET", 304, b"", id="not modified"
        ),
        pytest.param(text(None, lambda _: [], "204 No Content"), "GET", 204, b"", id="no content"),
        pytest.param(
            text(500_000, lambda environ: as_file(environ, File(500_000))),
            *("GET", 200, b"x" * 500_000),
            id="a file",
        ),
        pytest.param(
            text(None, lambda environ: as_file(environ, File(5000))),
            *("GET", 200, b"x" * 5000),
            id="a file, no length",
        ),
        pytest.param(written, "GET", 200, b"0123456789", id="what is written"),
        pytest.param(FAILING, "GET", 500, None, id="a failure"),
        pytest.param(MISSING, "GET", 500, None, id="a failure of the system"),
        pytest.param(late, "GET", 500, None, id="a failure with the first chunk"),
    ],
)
def test_a_complete_answer_is_logged_with_the_bytes_of_its_body(
    app: WSGIApp, method: str, status: int, body: bytes | None
) -> None:
    with running(app) as run, run.connect() as client:
        client.ask("/a?b", method, "Connection: close")
        answer = client.answer(method)
        assert (answer.status, client.rest()) == (status, b"")
        assert body is None or answer.body == body
        access = run.access()
        assert (access.status, access.sent, access.aborted) == (status, len(answer.body), False)
        assert access.request == f"{method} /a?b HTTP/1.1"


@pytest.mark.parametrize(
    "app",
    [
        pytest.param(text(10, lambda _: [b"0123456789"]), id="a list"),
        pytest.param(text(None, lambda _: iter(CHUNKS)), id="chunks"),
        pytest.param(FAILING, id="a failure"),
        pytest.param(late, id="a failure with the first chunk"),
    ],
)
@pytest.mark.parametrize(
    ("proxy", "client"),
    [
        pytest.param({"trusted_proxy": "127.0.0.1"}, "10.1.2.3", id="a trusted proxy"),
        pytest.param({"trusted_proxy": "127.0.0.2"}, "127.0.0.1", id="another one"),
        pytest.param({}, "127.0.0.1", id="no proxy"),
    ],
)
def test_an_answer_is_logged_with_the_client_in_whose_name_a_trusted_proxy_asks(
    app: WSGIApp, proxy: dict[str, str], client: str
) -> None:
    believed = {"trusted_proxy_headers": "x-forwarded-for"} if proxy else {}
    with running(app, **proxy, **believed) as run, run.connect() as connection:
        connection.ask("/", "GET", "X-Forwarded-For: 6.6.6.6, 10.1.2.3", "Connection: close")
        connection.rest()
        assert run.access().client == client


def test_a_proxy_at_a_unix_socket_may_be_trusted(tmp_path: Path) -> None:
    believed = {"trusted_proxy": "localhost", "trusted_proxy_headers": "x-forwarded-for"}
    app = text(10, lambda _: [b"0123456789"])
    with running(app, (), str(tmp_path / "socket"), **believed) as run, run.connect() as connection:
        connection.ask("/", "GET", "X-Forwarded-For: 10.1.2.3", "Connection: close")
        connection.rest()
        assert run.access().client == "10.1.2.3"


@pytest.mark.parametrize(
    ("app", "sent"),
    [
        pytest.param(text(10, broken(LookupError())), 5, id="a failure"),
        pytest.param(text(None, broken(LookupError())), 5, id="a failure, no length"),
        pytest.param(text(10, broken(OSError())), 5, id="a failure of the system"),
        pytest.param(text(10, lambda _: [b"012", b"34"]), 5, id="less than announced"),
        pytest.param(text(10, lambda _: iter([])), 0, id="nothing of what was announced"),
        pytest.param(
            text(900_000, lambda environ: as_file(environ, File(900_000, 512 * 1024))),
            512 * 1024,
            id="a file that shrinks",
        ),
    ],
)
def test_an_answer_that_the_application_breaks_off_is_cut_and_logged_as_aborted(
    app: WSGIApp, sent: int
) -> None:
    with running(app) as run, run.connect() as client:
        client.ask()
        with pytest.raises(IncompleteRead) as cut:
            client.answer()
        assert len(cut.value.partial) in (0, sent)  # chunks that came whole are not told
        access = run.access()
        assert (access.status, access.sent, access.aborted) == (200, sent, True)


@pytest.mark.parametrize(
    "app",
    [
        pytest.param(FAILING, id="before the first byte"),
        pytest.param(MISSING, id="before the first byte, of the system"),
        pytest.param(text(10, broken(OSError())), id="in mid-stream, of the system"),
    ],
)
def test_a_failure_of_the_application_is_told_to_the_log(
    app: WSGIApp, caplog: pytest.LogCaptureFixture
) -> None:
    with running(app) as run, run.connect() as client:
        client.ask("/path")
        client.rest()
        run.access()
        assert eventually(
            lambda: (
                [record.getMessage() for record in caplog.records if record.exc_info is not None]
                == ["Exception while serving /path"]
            )
        )


@pytest.mark.parametrize(
    ("request_bytes", "status", "line"),
    [
        pytest.param(b"GARBAGE\r\n\r\n", 400, "GARBAGE", id="no request line"),
        pytest.param(b"GET / HTTP/1.1\nA: b\r\n\r\n", 400, "-", id="a line that cannot be read"),
        pytest.param(
            b"GET / HTTP/1.1\r\nbad header\r\n\r\n", 400, "GET / HTTP/1.1", id="a bad header"
        ),
        pytest.param(
            b"GET /\xff\x1b[31m HTTP/1.1\r\nno colon\r\n\r\n",
            *(400, "GET /\xff\x1b[31m HTTP/1.1"),
            id="bytes of any kind",
        ),
        pytest.param(
            b"POST /up HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\n",
            *(413, "POST /up HTTP/1.1"),
            id="too much",
        ),
        pytest.param(
            b"POST /up HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            *(400, "POST /up HTTP/1.1"),
            id="chunks that are none",
        ),
        pytest.param(
            b"POST /up HTTP/1.1\r\nTransfer-Encoding: strange\r\n\r\n",
            *(501, "POST /up HTTP/1.1"),
            id="a strange coding",
        ),
    ],
)
def test_a_request_that_cannot_be_passed_on_is_refused_and_logged(
    request_bytes: bytes, status: int, line: str
) -> None:
    with running(text(None, lambda _: [])) as run, run.connect() as client:
        client.send(request_bytes)
        answer = client.answer()
        assert (answer.status, client.rest()) == (status, b"")
        access = run.access()
        assert (access.status, access.sent, access.aborted) == (status, len(answer.body), False)
        assert access.request == line


def lines_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines of the access log, whatever else is logged on a busy machine."""
    return [record.getMessage() for record in caplog.records if record.name == ACCESS.name]


def test_a_line_tells_who_asked_and_when() -> None:
    began = time.time()
    with running(text(None, lambda _: [])) as run, run.connect() as client:
        client.ask("/", "GET", "Referer: http://a/", 'User-Agent: a "quoted" \xe9')
        client.answer()
        access = run.access()
        assert (access.client, access.referer) == ("127.0.0.1", "http://a/")
        assert access.agent == 'a "quoted" \xe9'
        assert began <= access.began <= time.time()
        assert 0 <= access.duration <= DEADLINE


def test_what_a_client_does_not_say_is_a_dash() -> None:
    with running(text(None, lambda _: [])) as run, run.connect() as client:
        client.ask()
        client.answer()
        access = run.access()
        assert (access.referer, access.agent) == ("-", "-")


def test_a_line_is_written_in_the_format_asked_for_and_cannot_forge_another(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, ACCESS.name)
    template = log_format('{status} {sent} "{request}" "{agent}" {end}')
    with running(text(2, lambda _: [b"ok"]), line=template) as run, run.connect() as client:
        client.ask('/"\x1b[2J', "GET", 'User-Agent: "\xff')
        assert client.answer().body == b"ok"
        assert eventually(lambda: lines_in(caplog))
    assert lines_in(caplog) == [
        r'200 2 "GET /\x22\x1b[2J HTTP/1.1" "\x22\xff" complete',
    ]


def test_a_stream_of_rows_is_logged_with_their_number() -> None:
    with (
        running(RowsResponse(lambda: [{"n": n} for n in range(3)])) as run,
        run.connect() as client,
    ):
        client.ask()
        assert client.answer().body.count(b"\n") == 3
        assert run.access().rows == 3
    with running(text(2, lambda _: [b"ok"])) as run, run.connect() as client:
        client.ask()
        client.answer()
        assert run.access().rows is None


def test_without_a_line_there_is_no_log_and_failures_are_answered_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, ACCESS.name)
    with running(MISSING, line=None) as run, run.connect() as client:
        client.ask()
        assert client.answer().status == 500
        assert client.rest() == b""
        (listener,) = run.server._listeners
        assert listener.channel_class is Channel
    assert lines_in(caplog) == []


PIPELINE = [
    ("GET", "/list/10"),
    ("GET", "/file/900000"),
    ("HEAD", "/list/500"),
    ("GET", "/list/0"),
    ("GET", "/list/700000"),
    ("HEAD", "/list/7"),
    ("GET", "/file/1"),
]


@pytest.mark.parametrize("together", [True, False], ids=["at once", "one after the other"])
def test_each_request_of_a_connection_has_a_line_with_its_own_bytes(together: bool) -> None:
    with running(sizes) as run, run.connect() as client:
        requests = [
            f"{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode() for method, path in PIPELINE
        ]
        if together:
            client.send(b"".join(requests))
        for request, (method, path) in zip(requests, PIPELINE, strict=True):
            if not together:
                client.send(request)
            expected = 0 if method == "HEAD" else int(path.rpartition("/")[2])
            answer = client.answer(method)
            assert (answer.status, len(answer.body)) == (200, expected)
            access = run.access()
            assert access.request == f"{method} {path} HTTP/1.1"
            assert (access.sent, access.aborted) == (expected, False)


@pytest.mark.parametrize("size", [None, BIG // 1_000_000 * 1_000_000], ids=["chunked", "a length"])
def test_a_client_that_leaves_in_mid_stream_is_logged_as_aborted_and_the_body_closed(
    size: int | None, quiet: Callable[[], bool]
) -> None:
    body = HeldBody(megabytes())
    with running(text(size, lambda _: body)) as run, run.connect() as client:
        client.ask()
        assert len(client.read(100_000)) == 100_000
        client.reset()
        assert body.closing.wait(DEADLINE)
        access = run.access()
        assert access.aborted
        assert 0 < access.sent < BIG
    assert quiet()


def test_a_client_that_leaves_in_the_middle_of_a_file_is_logged_as_aborted_and_it_closed(
    quiet: Callable[[], bool],
) -> None:
    file = File(BIG)
    with running(text(BIG, lambda environ: as_file(environ, file))) as run:
        with run.connect() as client:
            client.ask()
            assert len(client.read(100_000)) == 100_000
            client.reset()
        access = run.access()
        assert access.aborted
        assert 0 < access.sent < BIG
        assert file.is_closed.wait(DEADLINE)
    assert quiet()


def test_a_client_that_leaves_before_all_that_was_made_is_sent_is_logged_as_aborted(
    quiet: Callable[[], bool],
) -> None:
    """Though the application has come to its end, and nobody has told it."""
    body = HeldBody([b"x" * BIG])
    body.may_close.clear()
    gone: list[Callable[[], bool]] = []

    def app(environ: Environ, start_response: StartResponse) -> Body:
        gone.append(environ["waitress.client_disconnected"])
        return text(BIG, lambda _: body)(environ, start_response)

    with running(app, **ROOMY) as run, run.connect() as client:
        client.ask()
        assert body.closing.wait(DEADLINE)
        client.reset()
        assert eventually(gone[0])
        body.may_close.set()
        access = run.access()
        assert access.aborted
        assert 0 < access.sent < BIG
    assert quiet()


@pytest.mark.parametrize(
    ("second", "status"),
    [
        pytest.param(text(2, lambda _: [b"ok"]), 200, id="an answer"),
        pytest.param(FAILING, 500, id="a failure"),
    ],
)
def test_an_answer_that_cannot_even_begin_any_more_is_logged_as_aborted(
    second: WSGIApp, status: int
) -> None:
    entered, leave = threading.Event(), threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Body:
        if environ["PATH_INFO"] == "/big":
            return text(BIG, lambda _: [b"x" * BIG])(environ, start_response)
        entered.set()
        assert leave.wait(DEADLINE)
        return second(environ, start_response)

    with running(app, **ROOMY) as run, run.connect() as client:
        client.send(b"".join(b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % p for p in (b"big", b"two")))
        assert entered.wait(DEADLINE)
        client.reset()
        first = run.access()
        assert (first.request, first.aborted) == ("GET /big HTTP/1.1", True)
        leave.set()
        access = run.access()
        assert access.request == "GET /two HTTP/1.1"
        assert (access.status, access.sent, access.aborted) == (status, 0, True)
        assert run.accesses.empty()


@pytest.fixture
def pair() -> Iterator[tuple[Any, socket.socket]]:
    """A channel that nobody's loop knows, and its client."""
    ours, theirs = socket.socketpair()
    server: Any = SimpleNamespace(active_channels={}, loop=Loop(), counters=Counters())
    kind: Any = logging_channel(Channel, log_format("common"))
    made = kind(server, ours, ("somebody", 0), Adjustments(log_socket_errors=False), map={})
    with ours, theirs:
        yield made, theirs


def test_a_connection_that_was_closed_in_this_turn_sends_no_more(
    pair: tuple[Any, socket.socket], quiet: Callable[[], bool]
) -> None:
    channel, client = pair
    channel.outbufs[0].append(b"left behind")
    channel.total_outbufs_len = 11
    channel.handle_close()
    channel.handle_write()
    assert client.recv(100) == b""
    assert channel.position() == 11
    assert quiet()


def test_lines_are_written_in_the_order_of_the_requests_and_not_before_the_last_byte(
    pair: tuple[Any, socket.socket], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, ACCESS.name)
    channel, client = pair
    access = Access("somebody", 0.0, "GET /1 HTTP/1.1", 200, 0, 0.0, False)
    channel.outbufs[0].append(b"first.")
    channel.total_outbufs_len = 6
    channel.account(SimpleNamespace(made=4, access=lambda: access), False)
    channel.outbufs[0].append(b"second.")
    channel.total_outbufs_len = 13
    second = access._replace(request="GET /2 HTTP/1.1")
    channel.account(SimpleNamespace(made=5, access=lambda: second), False)
    assert lines_in(caplog) == []
    channel.handle_write()
    assert client.recv(100) == b"first.second."
    assert [line.rpartition("] ")[2] for line in lines_in(caplog)] == [
        '"GET /1 HTTP/1.1" 200 4',
        '"GET /2 HTTP/1.1" 200 5',
    ]


def test_many_clients_at_once_are_each_accounted_for() -> None:
    wanted = [1000 * n for n in range(1, 41)]

    def download(connection: Connection, size: int) -> None:
        for kind in ("file", "list", "file"):
            connection.ask(f"/{kind}/{size}")
            assert len(connection.answer().body) == size

    with running(sizes) as run:
        connections = [run.connect() for _ in wanted]
        threads = [
            threading.Thread(target=download, args=pair)
            for pair in zip(connections, wanted, strict=True)
        ]
        for thread in threads:
            thread.start()
        accesses = [run.access() for _ in wanted * 3]
        for thread in threads:
            thread.join(DEADLINE)
        for connection in connections:
            connection.__exit__()
    told = sorted((access.request.split("/")[1:3], access.sent) for access in accesses)
    assert told == sorted(
        ([kind, f"{size} HTTP"], size) for size in wanted for kind in ("file", "list", "file")
    )
    assert not any(access.aborted for access in accesses)
