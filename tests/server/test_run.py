"""The run of a server: from its first connection to an end that leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.servers import DEADLINE, Connection, eventually, needs_ipv6, running
from wsgistream import FileApp
from wsgistream.server.run import Server
from wsgistream.server.signals import stopping_on_signals
from wsgistream.server.sockets import bind
from wsgistream.types import Body, Environ, StartResponse

#: More than the system takes for a client that takes nothing.
BIG = 64 * 1024 * 1024
#: A time that no test waits for.
LONG = 1000


class App:
    """Answers ``/``, streams ``/big``, sends the file ``/file``, and waits at ``/wait``."""

    def __init__(self, folder: Path) -> None:
        file = folder / "big"
        with file.open("wb") as out:
            out.truncate(BIG)
        self.file = FileApp(file)
        self.entered = threading.Event()
        self.leave = threading.Event()
        self.closed = threading.Event()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        path = environ["PATH_INFO"]
        if path == "/file":
            return self.file(environ, start_response)
        if path == "/wait":
            self.entered.set()
            assert self.leave.wait(DEADLINE)
        size = BIG if path == "/big" else 2
        start_response("200 OK", [("Content-Length", str(size))])
        return self.stream(size) if path == "/big" else [b"ok"]

    def stream(self, size: int) -> Iterator[bytes]:
        try:
            for _ in range(64):
                yield bytes(size // 64)
        finally:
            self.closed.set()


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path)


def test_one_server_answers_at_every_socket_and_ends_at_each(
    app: App, tmp_path: Path, nothing_left: Callable[[], bool]
) -> None:
    path = tmp_path / "socket"
    addresses = [("127.0.0.1", 0), ("127.0.0.1", 0)]
    with running(app, addresses, str(path)) as run:
        for name in run.addresses:
            with Connection(name) as client:
                client.ask()
                assert client.answer().body == b"ok"
                assert run.access().client == ("localhost" if name == str(path) else "127.0.0.1")
    assert not path.exists()
    assert nothing_left()
    with socket.socket() as client:
        assert [client.connect_ex(name) != 0 for name in run.addresses[:2]] == [True, True]


@needs_ipv6
def test_ipv6_is_answered_beside_ipv4(app: App) -> None:
    with running(app, [("127.0.0.1", 0), ("::1", 0)]) as run:
        for address in run.addresses:
            with Connection(address[:2]) as client:
                client.ask()
                assert client.answer().body == b"ok"
        assert [run.access().client for _ in run.addresses] == ["127.0.0.1", "::1"]


def test_the_path_of_a_unix_socket_is_free_as_soon_as_the_server_stops_listening(
    app: App, tmp_path: Path
) -> None:
    """Its successor may come while the last downloads still run, and must keep its own."""
    path = str(tmp_path / "socket")
    with running(app, [], path, grace=LONG) as old, Connection(path) as client:
        client.ask("/wait")
        assert app.entered.wait(DEADLINE)
        old.server.stop()
        assert eventually(lambda: not os.path.exists(path))
        with running(app, [], path):
            app.leave.set()
            assert client.answer().body == b"ok"
            assert old.ended()
            with Connection(path) as other:
                other.ask()
                assert other.answer().body == b"ok"


@pytest.mark.parametrize("requests", [0, 1, 2])
def test_a_connection_that_waits_for_nothing_is_closed_at_once(
    app: App, nothing_left: Callable[[], bool], requests: int
) -> None:
    with running(app, grace=LONG) as run, run.connect() as client:
        for _ in range(requests):
            client.ask()
            assert client.answer().body == b"ok"
        assert eventually(lambda: len(run.server._channels()) == 1)
        run.server.stop()
        assert client.rest() == b""
        assert run.ended()
    assert nothing_left()


@pytest.mark.parametrize("path", ["/big", "/file"])
def test_a_running_download_is_finished_and_nobody_else_let_in(
    app: App, path: str, nothing_left: Callable[[], bool]
) -> None:
    with running(app, grace=LONG) as run, run.connect() as idle, run.connect() as client:
        client.ask(path)
        assert client.read(8) == b"HTTP/1.1"
        run.server.stop()
        assert idle.rest() == b""  # so that the listening socket is closed as well
        with socket.socket() as late:
            assert late.connect_ex(run.addresses[0]) != 0
        assert len(client.rest()) > BIG
        assert run.ended()
        access = run.access()
        assert (access.sent, access.aborted) == (BIG, False)
    assert nothing_left()


def test_an_answer_that_is_still_being_made_is_finished(app: App) -> None:
    with running(app, grace=LONG) as run, run.connect() as idle, run.connect() as client:
        client.ask("/wait")
        assert app.entered.wait(DEADLINE)
        run.server.stop()
        assert idle.rest() == b""
        app.leave.set()
        assert client.answer().body == b"ok"
        assert client.rest() == b""
        assert run.ended()
        assert not run.access().aborted


def test_a_request_that_has_begun_to_come_is_answered(app: App) -> None:
    with running(app, grace=LONG) as run, run.connect() as client, run.connect() as idle:
        client.send(b"GET / HTTP/1.1\r\n")
        assert eventually(lambda: [each for each in run.server._channels() if each.request])
        run.server.stop()
        assert idle.rest() == b""
        client.send(b"Host: a\r\n\r\n")
        assert client.answer().body == b"ok"
        assert run.ended()


def test_requests_that_have_come_are_answered_to_the_last(app: App) -> None:
    with running(app, grace=LONG) as run, run.connect() as client:
        request = b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n"
        client.send(request % b"/wait" + request % b"/" + request % b"/")
        assert app.entered.wait(DEADLINE)
        run.server.stop()
        app.leave.set()
        assert [client.answer().body for _ in range(3)] == [b"ok"] * 3
        assert run.ended()


@pytest.mark.parametrize("path", ["/big", "/file"])
@pytest.mark.parametrize(
    ("grace", "stops"),
    [
        pytest.param(0, 1, id="without grace"),
        pytest.param(0.2, 1, id="when grace has run out"),
        pytest.param(LONG, 2, id="at a second stop"),
    ],
)
def test_a_download_that_does_not_end_is_cut(
    app: App,
    path: str,
    grace: float,
    stops: int,
    nothing_left: Callable[[], bool],
    quiet: Callable[[], bool],
) -> None:
    with running(app, grace=grace) as run, run.connect() as client:
        client.ask(path)
        assert client.read(8) == b"HTTP/1.1"
        began = time.monotonic()
        for _ in range(stops):
            run.server.stop()
        assert run.ended()
        assert time.monotonic() - began >= (grace if stops == 1 else 0)
        access = run.access()
        assert access.aborted
        assert access.sent < BIG
        assert len(client.rest()) < BIG
        assert path == "/file" or app.closed.is_set()
    assert nothing_left()
    assert quiet()


def test_a_second_stop_ends_what_waits_for_grace(app: App) -> None:
    with running(app, grace=LONG) as run, run.connect() as idle, run.connect() as client:
        client.ask("/big")
        assert client.read(8) == b"HTTP/1.1"
        run.server.stop()
        assert idle.rest() == b""  # the first has been heard
        run.server.stop()
        assert run.ended()
        assert len(client.rest()) < BIG
        assert run.access().aborted


def test_an_application_that_does_not_come_back_cannot_hold_the_end(
    app: App, caplog: pytest.LogCaptureFixture, nothing_left: Callable[[], bool]
) -> None:
    with running(app) as run, run.connect() as client:
        client.ask("/wait")
        assert app.entered.wait(DEADLINE)
        began = time.monotonic()
        run.server.stop()
        assert run.ended()
        assert time.monotonic() - began < 3
        assert "1 thread(s) still running" in caplog.messages
        app.leave.set()
        access = run.access()
        assert (access.sent, access.aborted) == (0, True)
    assert nothing_left()


def test_requests_that_nobody_has_begun_are_dropped_in_the_end(
    app: App, nothing_left: Callable[[], bool]
) -> None:
    with running(app, threads=1) as run, run.connect() as client, run.connect() as other:
        client.ask("/wait")
        assert app.entered.wait(DEADLINE)
        other.ask()
        assert eventually(lambda: sum(bool(each.requests) for each in run.server._channels()) == 2)
        run.server.stop()
        assert run.ended()
        assert other.rest() == b""
        app.leave.set()
    assert nothing_left()


def test_a_client_that_is_gone_leaves_nothing_behind(
    app: App, nothing_left: Callable[[], bool]
) -> None:
    with running(app) as run:
        for path in ("/", "/big", "/file"):
            with run.connect() as client:
                client.ask(path)
                assert client.read(8) == b"HTTP/1.1"
                client.reset()
            run.access()
        assert eventually(lambda: not run.server._channels())
    assert nothing_left()


def test_a_server_that_is_stopped_before_it_runs_ends_at_once(
    app: App, nothing_left: Callable[[], bool]
) -> None:
    sockets = bind([("127.0.0.1", 0)], None)
    server = Server(app, sockets)
    server.stop()
    server.run()
    assert sockets[0].fileno() == -1
    assert nothing_left()


def test_a_stop_after_the_end_does_nothing(app: App, nothing_left: Callable[[], bool]) -> None:
    with running(app) as run:
        run.server.stop()
        assert run.ended()
        run.server.stop()
    assert nothing_left()


def test_stops_from_any_thread_at_any_moment_of_the_end_do_no_harm(app: App) -> None:
    for _ in range(50):
        with running(app) as run:
            while run.thread.is_alive():
                run.server.stop()
        assert run.ended()


@contextmanager
def sent_as_soon_as_it_serves(
    server: Server, address: tuple[str, int], number: signal.Signals
) -> Iterator[None]:
    """Send a signal to this process when the server, which runs in it, has answered."""

    def send() -> None:
        with Connection(address) as client:
            client.ask()
            assert client.answer().body == b"ok"
            os.kill(os.getpid(), number)
            assert client.rest() == b""

    def send_and_stop() -> None:
        try:
            send()
        finally:
            server.stop()  # a test that fails has to end as well

    thread = threading.Thread(target=send_and_stop, daemon=True)
    thread.start()
    yield
    thread.join(DEADLINE)
    assert not thread.is_alive()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server_and_has_its_old_meaning_afterwards(
    app: App, number: signal.Signals, nothing_left: Callable[[], bool]
) -> None:
    before = signal.getsignal(number)
    (sock,) = bind([("127.0.0.1", 0)], None)
    server = Server(app, [sock], grace=LONG)
    with (
        stopping_on_signals(server.stop),
        sent_as_soon_as_it_serves(server, sock.getsockname(), number),
    ):
        server.run()
    assert signal.getsignal(number) is before
    assert nothing_left()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let SIGINT be a KeyboardInterrupt, which it is not for tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_a_signal_that_nobody_has_asked_for_leaves_nothing_behind_either(
    app: App, tmp_path: Path, nothing_left: Callable[[], bool]
) -> None:
    sockets = bind([("127.0.0.1", 0)], str(tmp_path / "socket"))
    server = Server(app, sockets)
    with sent_as_soon_as_it_serves(server, sockets[0].getsockname(), signal.SIGINT):
        with pytest.raises(KeyboardInterrupt):
            server.run()
    assert not (tmp_path / "socket").exists()
    assert nothing_left()


def test_more_clients_than_threads_are_served_side_by_side(app: App) -> None:
    """A file needs no thread while it is sent, however slowly its client takes it."""
    with running(app, threads=1) as run, ExitStack() as stack:
        clients = [stack.enter_context(run.connect()) for _ in range(10)]
        for client in clients:
            client.ask("/file", "GET", "Connection: close")
            assert client.read(8) == b"HTTP/1.1"
        other = stack.enter_context(run.connect())
        other.ask()
        assert other.answer().body == b"ok"
        assert run.access().request == "GET / HTTP/1.1"
        assert [len(client.rest()) > BIG for client in clients] == [True] * 10
