"""What goes wrong around a server, and that nothing of it stays."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.client import IncompleteRead
from pathlib import Path
from typing import Any

import pytest

from tests.client import Answer
from tests.servers import DEADLINE, Connection, Process, Running, eventually, process, running
from wsgistream import DirectoryApp, FileApp, StreamingResponse
from wsgistream.server import parser
from wsgistream.server import run as run_module
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.waiting import Pausable, Wakeable

#: More than the system takes for a client that takes nothing.
BIG = 64 * 1024 * 1024
#: A window that is soon full.
SMALL_WINDOW = 8192


def held() -> tuple[int, int]:
    """Count the descriptors and the threads of this process."""
    return len(os.listdir("/proc/self/fd")), threading.active_count()


class Streams:
    """Answers without an end, at each address another kind, and how many of them run."""

    def __init__(self, folder: Path) -> None:
        (folder / "file").touch()
        os.truncate(folder / "file", BIG)
        self.file = FileApp(folder / "file")
        self.lock = threading.Lock()
        self.begun = self.closed = 0

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        kind = environ["PATH_INFO"]
        if kind == "/file":
            return self.file(environ, start_response)
        if kind == "/pausable":
            start_response("200 OK", [])
            return Pausable(self.stream())
        if kind == "/generator":
            start_response("200 OK", [])
            return self.stream()
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    def stream(self) -> Iterator[bytes]:
        with self.lock:
            self.begun += 1
        try:
            while True:
                yield b"x" * 50_000
        finally:
            with self.lock:
                self.closed += 1


@pytest.fixture
def streams(tmp_path: Path) -> Streams:
    return Streams(tmp_path)


KINDS = ["file", "pausable", "generator"]


@pytest.mark.parametrize("kind", KINDS)
def test_fifty_clients_that_vanish_in_the_middle_leave_nothing(
    streams: Streams, kind: str, nothing_left: Callable[[], bool], quiet: Callable[[], bool]
) -> None:
    with running(streams) as run:
        before = held()
        clients = [run.connect(window=SMALL_WINDOW) for _ in range(50)]
        for client in clients:
            client.ask(f"/{kind}")
        if kind == "generator":  # of which each needs a thread as long as it runs
            assert eventually(lambda: streams.begun == 4)
        else:
            assert [client.read(8) for client in clients] == [b"HTTP/1.1"] * 50
        for client in clients:
            client.reset()
        assert eventually(lambda: not run.server._channels())
        assert eventually(lambda: held() == before)
        assert eventually(lambda: streams.begun == streams.closed)
        with run.connect() as client:
            client.ask()
            assert client.answer().body == b"ok"
        assert all(run.access().aborted for _ in range(50 if kind != "generator" else 1))
    assert nothing_left()
    assert quiet()


@pytest.mark.parametrize("pausable", [False, True], ids=["with a thread each", "without"])
def test_twelve_endless_streams_whose_clients_drop_are_all_closed(
    streams: Streams, pausable: bool, nothing_left: Callable[[], bool]
) -> None:
    with running(streams, pausable=pausable) as run:
        before = held()
        clients = [run.connect() for _ in range(12)]
        for client in clients:
            client.ask("/generator")
        assert eventually(lambda: streams.begun == (12 if pausable else 4))
        for client in clients:
            client.__exit__()
        assert eventually(lambda: not run.server._channels())
        assert eventually(lambda: streams.closed == streams.begun)
        assert eventually(lambda: held() == before)
        answers = [ask_once(run) for _ in range(8)]
        assert [answer.body for answer in answers] == [b"ok"] * 8
    assert nothing_left()


def ask_once(run: Running, target: str = "/", *headers: str) -> Answer:
    with run.connect() as client:
        client.ask(target, "GET", *headers)
        return client.answer()


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_that_never_reads_is_cut_in_time_and_nothing_of_it_held(
    streams: Streams, kind: str, nothing_left: Callable[[], bool], quiet: Callable[[], bool]
) -> None:
    with running(streams, channel_timeout=1, threads=1) as run:
        before = held()
        with run.connect(window=SMALL_WINDOW) as client:
            client.ask(f"/{kind}")
            assert client.read(1) == b"H"
            assert run.access().aborted
            assert eventually(lambda: not run.server._channels())
            assert eventually(lambda: streams.closed == streams.begun)
        assert eventually(lambda: held() == before)
        assert ask_once(run).body == b"ok"
    assert nothing_left()
    assert quiet()


# --- requests ------------------------------------------------------------------------------------


def small(environ: Environ, start_response: StartResponse) -> Body:
    start_response("200 OK", [("Content-Length", "5")])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [b"small"]


def empty(environ: Environ, start_response: StartResponse) -> Body:
    start_response("204 No Content", [])
    return []


def chunks(environ: Environ, start_response: StartResponse) -> Body:
    stream = (b"%d" % number * 1000 for number in range(10))
    return StreamingResponse(stream)(environ, start_response)


CHUNKS = b"".join(b"%d" % number * 1000 for number in range(10))
LARGE = b"0123456789" * 30_000

#: What is asked for, and what is answered.
REQUESTS: list[tuple[str, str, str, int, bytes | None]] = [
    ("GET", "/large", "", 200, LARGE),
    ("GET", "/chunks", "", 200, CHUNKS),
    ("GET", "/large", "If-None-Match: *", 304, b""),
    ("GET", "/small", "", 200, b"small"),
    ("GET", "/empty", "", 204, b""),
    ("GET", "/large", "Range: bytes=999999-", 416, None),
    ("HEAD", "/large", "", 200, b""),
    ("GET", "/large", "Range: bytes=10-14", 206, b"01234"),
    ("HEAD", "/chunks", "", 200, b""),
    ("GET", "/missing", "", 404, None),
]


@pytest.fixture
def site(tmp_path: Path) -> WSGIApp:
    (tmp_path / "large").write_bytes(LARGE)
    files = DirectoryApp(tmp_path)
    others = {"/chunks": chunks, "/small": small, "/empty": empty}

    def app(environ: Environ, start_response: StartResponse) -> Body:
        return others.get(environ["PATH_INFO"], files)(environ, start_response)

    return app


@pytest.mark.parametrize("pausable", [False, True], ids=["with a thread each", "without"])
@pytest.mark.parametrize("together", [True, False], ids=["in one", "one after the other"])
def test_a_hundred_requests_of_one_connection_are_each_answered_in_their_order(
    site: WSGIApp, pausable: bool, together: bool, quiet: Callable[[], bool]
) -> None:
    asked = REQUESTS * 10
    texts = [
        f"{method} {target} HTTP/1.1\r\nHost: a\r\n{header}{header and chr(13) + chr(10)}\r\n"
        for method, target, header, *_ in asked
    ]
    with running(site, pausable=pausable) as run, run.connect() as client:
        if together:
            client.send("".join(texts).encode())
        for text, (method, target, _, status, body) in zip(texts, asked, strict=True):
            if not together:
                client.send(text.encode())
            answer = client.answer(method)
            assert (target, answer.status) == (target, status)
            assert body is None or answer.body == body
            assert run.access().status == status
    assert quiet()


def test_heads_that_never_come_hold_nobody_up_and_are_closed_in_time(
    monkeypatch: pytest.MonkeyPatch, nothing_left: Callable[[], bool]
) -> None:
    monkeypatch.setattr(parser, "HEAD_TIMEOUT", 2.0)
    with running(small) as run, ExitStack() as stack:
        if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 4100:
            pytest.skip("this machine has too few descriptors for a thousand connections")
        clients = [stack.enter_context(run.connect()) for _ in range(1000)]
        for client in clients:
            client.send(b"GET / HTTP/1.1\r\nHost: ")
        assert eventually(lambda: len(run.server._channels()) == 1000)
        assert [ask_once(run).body for _ in range(20)] == [b"small"] * 20
        assert [client.rest() for client in clients] == [b""] * 1000
        assert eventually(lambda: not run.server._channels())
        assert ask_once(run).body == b"small"
    assert nothing_left()


# --- files ---------------------------------------------------------------------------------------


def count_turns(run: Running) -> list[float]:
    """Note each turn of a server's loop from now on."""
    turns: list[float] = []
    turn = run.server._loop.turn

    def counted(seconds: float) -> None:
        turns.append(seconds)
        turn(seconds)

    run.server._loop.turn = counted  # type: ignore[method-assign]
    return turns


def by_a_wrapper(path: Path) -> WSGIApp:
    """Hand a plain file to the server, as other frameworks do."""

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [("Content-Length", str(BIG))])
        body: Body = environ["wsgi.file_wrapper"](path.open("rb"))
        return body

    return app


@pytest.mark.parametrize("make", [FileApp, by_a_wrapper], ids=["ours", "another's"])
def test_a_file_that_shrinks_while_it_is_sent_has_its_client_cut_at_once(
    streams: Streams,
    tmp_path: Path,
    make: Callable[[Path], WSGIApp],
    nothing_left: Callable[[], bool],
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = make(tmp_path / "file")
    with running(app) as run:
        before = held()
        with run.connect(window=SMALL_WINDOW) as client:
            client.ask()
            assert client.read(8) == b"HTTP/1.1"
            os.truncate(tmp_path / "file", 1000)
            assert len(client.rest()) < BIG
            access = run.access()
            assert (access.status, access.aborted) == (200, True)
            assert eventually(lambda: not run.server._channels())
            (told,) = [each for each in caplog.records if each.name == "waitress"]
            assert (told.levelname, told.exc_info) == ("WARNING", None)
            assert "shrunk" in told.message
            turns = count_turns(run)
            threading.Event().wait(0.3)
            assert len(turns) < 10
        assert eventually(lambda: held() == before)
    assert nothing_left()
    assert not [record for record in caplog.records if record.exc_info is not None]


# --- the end -------------------------------------------------------------------------------------


class Silent(Wakeable):
    """A stream whose second look takes long, and finds nothing."""

    def __init__(self) -> None:
        self.entered, self.leave = threading.Event(), threading.Event()
        self.closed = threading.Event()
        self.chunks = iter([b"first"])

    def take(self) -> bytes | None:
        for chunk in self.chunks:
            return chunk
        self.entered.set()
        assert self.leave.wait(DEADLINE)
        return None

    def close(self) -> None:
        self.closed.set()


def test_a_stream_that_is_looked_at_while_the_server_ends_is_closed(
    nothing_left: Callable[[], bool],
) -> None:
    stream = Silent()

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [])
        return stream

    with running(app) as run, run.connect() as client:
        client.ask()
        assert stream.entered.wait(DEADLINE)
        (channel,) = run.server._channels()
        run.server.stop()
        assert eventually(lambda: not channel.connected)
        stream.leave.set()
        assert run.ended()
        assert stream.closed.is_set()
    assert nothing_left()


class SetBack:
    """A clock whose time of day is set back by an hour."""

    is_set_back = False
    monotonic = staticmethod(time.monotonic)

    def time(self) -> float:
        return time.time() - (3600 if self.is_set_back else 0)


def test_a_server_goes_on_looking_after_its_clients_when_its_clock_is_set_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SetBack()
    monkeypatch.setattr(run_module, "time", clock)
    with running(small, connection_limit=3, grace=1000) as run, run.connect() as client:
        client.ask()
        assert client.answer().body == b"small"
        clock.is_set_back = True
        assert ask_once(run).status == 503
        client.__exit__()
        assert eventually(lambda: not run.server._channels())
        run.server.stop()
        assert run.ended()


# --- a process of its own ------------------------------------------------------------------------

PROGRAM = """
import logging, os, resource, sys
from wsgistream import DirectoryApp
from wsgistream.serving import listening, run
if sys.argv[2] != "all":
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[2]),) * 2)
files, eaten = DirectoryApp(sys.argv[1]), []
def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/eat":
        try:
            while True:
                eaten.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            pass
    elif path == "/spit":
        while eaten:
            os.close(eaten.pop())
    elif path != "/":
        return files(environ, start_response)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
logging.basicConfig(format="%(message)s")
with listening([("127.0.0.1", 0)], None) as sockets:
    def greet():
        print(sockets[0].getsockname()[1], flush=True)
    run(lambda: app, sockets, workers=1, grace=20, greet=greet, threads=4)
"""


def cpu(run: Process) -> int:
    """What a process has computed so far, in hundredths of a second, as a rule."""
    fields = Path(f"/proc/{run.popen.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def descriptors(run: Process) -> int:
    return len(os.listdir(f"/proc/{run.popen.pid}/fd"))


def is_nearly_idle(run: Process) -> bool:
    """Watch a process for a while; one that spins would compute all the time."""
    before, pause = cpu(run), threading.Event()
    pause.wait(0.5)
    return cpu(run) - before <= os.sysconf("SC_CLK_TCK") * 0.2


def fetched(address: Any, target: str = "/") -> Answer:
    with Connection(address) as client:
        client.ask(target, "GET", "Connection: close")
        return client.answer()


def is_served(address: Any) -> bool:
    try:
        return fetched(address).status == 200
    except (OSError, IndexError, IncompleteRead):
        return False


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    (tmp_path / "files/big").touch()
    os.truncate(tmp_path / "files/big", 20 * 1024 * 1024)
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


def test_a_process_of_few_descriptors_tells_who_is_too_many_and_serves_again(
    program: Path, tmp_path: Path
) -> None:
    with process(str(tmp_path / "files"), "64", script=[str(program)]) as run:
        address = ("127.0.0.1", int(run.line()))
        before = descriptors(run)
        with ExitStack() as stack:
            clients = [stack.enter_context(Connection(address)) for _ in range(40)]
            for client in clients:
                client.ask()
            answers = [client.answer() for client in clients]
            refused = [answer for answer in answers if answer.status == 503]
            assert 0 < len(refused) < 40
            assert all(answer["Retry-After"] for answer in refused)
            assert is_nearly_idle(run)
        assert eventually(lambda: is_served(address))
        assert eventually(lambda: descriptors(run) == before)
        run.signal(signal.SIGTERM)
        assert run.end() == 0


def test_a_process_whose_files_take_every_descriptor_tells_so_and_serves_again(
    program: Path, tmp_path: Path
) -> None:
    with process(str(tmp_path / "files"), "100", script=[str(program)]) as run:
        address = ("127.0.0.1", int(run.line()))
        with Connection(address) as inside:
            inside.ask("/eat")
            assert inside.answer().body == b"ok"
            with ExitStack() as stack:
                clients = [stack.enter_context(Connection(address)) for _ in range(5)]
                for client in clients:
                    client.ask()
                answers = [client.answer() for client in clients]
                assert {(each.status, each["Retry-After"]) for each in answers} == {(503, "5")}
                assert is_nearly_idle(run)
            inside.ask("/big")
            answer = inside.answer()  # there is none for the file either
            assert (answer.status, answer["Retry-After"]) == (503, "1")
            inside.ask("/spit")
            assert inside.answer().body == b"ok"
        assert eventually(lambda: is_served(address))
        run.signal(signal.SIGTERM)
        assert run.end() == 0


def test_a_slow_download_is_finished_after_a_signal_to_end(program: Path, tmp_path: Path) -> None:
    with process(str(tmp_path / "files"), "all", script=[str(program)]) as run:
        address = ("127.0.0.1", int(run.line()))
        with Connection(address, window=SMALL_WINDOW) as client:
            client.ask("/big")
            taken = len(client.read(1000))
            run.signal(signal.SIGTERM)
            pause = threading.Event()
            for _ in range(20):
                pause.wait(0.02)
                taken += len(client.read(10_000))
            assert run.popen.poll() is None
            assert taken + len(client.rest()) > 20 * 1024 * 1024
        assert run.end() == 0


def test_clients_that_go_on_asking_while_a_server_ends_get_whole_answers(
    streams: Streams, nothing_left: Callable[[], bool]
) -> None:
    ends: list[str] = []
    asked: list[int] = []

    def ask_on(client: Connection) -> None:
        count = 0
        try:
            while True:
                client.ask()
                answer = client.answer()
                assert answer.body == b"ok"
                count += 1
                asked.append(count)
                if answer.get("Connection") == "close":
                    assert client.rest() == b""
                    ends.append("told")
                    return
        except Exception as error:
            ends.append(repr(error))

    with running(streams, grace=1000) as run, run.connect(window=SMALL_WINDOW) as download:
        download.ask("/file")
        assert download.read(8) == b"HTTP/1.1"
        clients = [run.connect() for _ in range(8)]
        threads = [
            threading.Thread(target=ask_on, args=(client,), daemon=True) for client in clients
        ]
        for thread in threads:
            thread.start()
        assert eventually(lambda: len(asked) > 100)
        run.server.stop()
        for thread in threads:
            thread.join(DEADLINE)
        assert ends == ["told"] * 8
        assert len(download.rest()) > BIG
        assert run.ended()
        for client in clients:
            client.__exit__()
    assert nothing_left()


# --- what waitress does --------------------------------------------------------------------------


def told(environ: Environ, start_response: StartResponse) -> Body:
    """Tell what an application sees of where a request comes from and goes to."""
    names = ("wsgi.url_scheme", "HTTP_HOST", "REMOTE_ADDR", "SCRIPT_NAME", "PATH_INFO")
    body = " ".join(str(environ.get(name)) for name in names).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


PROXY = ["X-Forwarded-For: 10.1.2.3", "X-Forwarded-Proto: https", "X-Forwarded-Host: public"]
TRUSTING: dict[str, Any] = {
    "trusted_proxy": "127.0.0.1",
    "trusted_proxy_headers": "x-forwarded-for x-forwarded-proto x-forwarded-host",
    "clear_untrusted_proxy_headers": True,
}


@pytest.mark.parametrize(
    ("options", "headers", "expected"),
    [
        pytest.param({}, PROXY, b"http test 127.0.0.1  /a/b", id="nobody is believed"),
        pytest.param(TRUSTING, PROXY, b"https public 10.1.2.3  /a/b", id="a trusted proxy is"),
        pytest.param(
            {**TRUSTING, "trusted_proxy": "10.0.0.1"},
            PROXY,
            b"http test 127.0.0.1  /a/b",
            id="another is not",
        ),
        pytest.param({"url_prefix": "/a"}, [], b"http test 127.0.0.1 /a /b", id="a prefix"),
        pytest.param({"url_scheme": "https"}, [], b"https test 127.0.0.1  /a/b", id="a scheme"),
    ],
)
def test_an_application_is_told_by_waitress(
    options: dict[str, Any], headers: list[str], expected: bytes
) -> None:
    with running(told, **options) as run:
        assert ask_once(run, "/a/b", *headers).body == expected


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(
            b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 300_000 + b"\r\n\r\n", 431, id="a long head"
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"800\r\n" + b"x" * 2048 + b"\r\n0\r\n\r\n",
            413,
            id="a long body in chunks",
        ),
    ],
)
def test_what_is_too_long_is_refused(
    request_bytes: bytes, status: int, nothing_left: Callable[[], bool]
) -> None:
    with running(told, max_request_body_size=1000) as run, run.connect() as client:
        with suppress(BrokenPipeError, ConnectionResetError):  # it need not be read to its end
            client.send(request_bytes)
        assert client.answer().status == status
        assert client.rest() == b""
        assert run.access().status == status
    assert nothing_left()


def test_a_body_in_chunks_is_read_behind_other_requests(nothing_left: Callable[[], bool]) -> None:
    def echo(environ: Environ, start_response: StartResponse) -> Body:
        body = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    posted = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with running(echo) as run, run.connect() as client:
        client.send((posted + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n") * 20)
        assert [client.answer().body for _ in range(20)] == [b"hello world"] * 20
    assert nothing_left()
