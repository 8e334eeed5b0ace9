"""What a client sees of a stream, under each server: the first chunk, the end, and what fails."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from tempfile import TemporaryFile
from typing import IO

import pytest

from tests.live import SERVERS, fetch
from tests.server.bodies import Feed
from tests.servers import DEADLINE, ROOT, Connection, eventually, running
from wsgistream import Restartable, StreamingResponse, chunked_iter
from wsgistream.types import Body, Environ, StartResponse

_gone_on = threading.Event()


def gated() -> Iterator[bytes]:
    """Two chunks; the second is made when the client has asked for it, at another address."""
    _gone_on.clear()
    yield b"first\n"
    assert _gone_on.wait(DEADLINE)
    yield b"second\n"


def failing_at_once() -> Iterator[bytes]:
    yield from ()
    raise LookupError("secret")


def unreachable() -> Iterator[bytes]:
    yield from ()
    raise ConnectionError("secret")  # which servers could take for one of their own


def failing() -> Iterator[bytes]:
    yield b"some\n"
    raise LookupError("secret")


BIG = bytes(range(251)) * 4000  # 1 MB, in which no place looks like another one nearby


def cut(start: int = 0) -> Iterator[bytes]:
    return (BIG[at : at + 9999] for at in range(start, len(BIG), 9999))


def big_file() -> IO[bytes]:
    file = TemporaryFile()
    file.write(BIG)
    file.seek(0)
    return file


STREAMS = {
    "/big/generator": StreamingResponse(cut),
    "/big/length": StreamingResponse(cut, content_length=len(BIG)),
    "/big/list": StreamingResponse(list(cut())),
    "/big/file": StreamingResponse(big_file),
    "/big/chunks": StreamingResponse(lambda: chunked_iter(big_file()), content_length=len(BIG)),
    "/big/restartable": StreamingResponse(Restartable(cut, len(BIG))),
    "/gated": StreamingResponse(gated, end="end\n"),
    "/fails/at-once": StreamingResponse(failing_at_once),
    "/fails/at-once/length": StreamingResponse(failing_at_once, content_length=10),
    "/fails/unreachable": StreamingResponse(unreachable),
    "/fails/made": StreamingResponse(lambda: next(unreachable())),
    "/fails/late": StreamingResponse(failing, end="end\n"),
    "/short": StreamingResponse(lambda: iter([b"some\n"]), content_length=10),
    "/long": StreamingResponse(lambda: iter([b"some\n", b"more\n"]), content_length=5),
}


def application(environ: Environ, start_response: StartResponse) -> Body:
    """Everything that is asked for here, for any server to run."""
    if environ["PATH_INFO"] == "/go-on":
        _gone_on.set()
        return StreamingResponse("gone on\n")(environ, start_response)
    return STREAMS[environ["PATH_INFO"]](environ, start_response)


@contextmanager
def gunicorn_server(_: object) -> Iterator[int]:
    """Run gunicorn as a process; gives its port."""
    command = ["gunicorn", "--bind", "127.0.0.1:0", "--threads", "4", f"{__name__}:application"]
    with subprocess.Popen(
        [sys.executable, "-m", *command], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            line = next(line for line in process.stderr if "http://127.0.0.1:" in line)
            found = re.search(r":(\d+)", line.partition("http:")[2])
            assert found is not None
            # What it says from now on is not to fill the pipe.
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield int(found[1])
        finally:
            process.terminate()
            process.wait(DEADLINE)


Runner = Callable[..., AbstractContextManager[int]]
RUNNERS: dict[str, Runner] = {**SERVERS, "gunicorn": gunicorn_server}


@pytest.fixture(scope="module", params=RUNNERS)
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    with RUNNERS[request.param](application) as port:
        yield int(port)


@pytest.mark.parametrize("path", [path for path in STREAMS if path.startswith("/big")])
def test_every_byte_arrives_and_every_range(port: int, path: str) -> None:
    assert fetch(port, path).body == BIG
    head = fetch(port, path, method="HEAD")
    assert (head.status, head.body) == (200, b"")
    part = fetch(port, path, headers={"Range": "bytes=123456-654321"})
    if path == "/big/generator":
        assert (part.status, part.body) == (200, BIG)
    else:
        assert head["content-length"] == str(len(BIG))
        assert (part.status, part.body) == (206, BIG[123456:654322])


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_the_first_chunk_arrives_before_the_second_is_made(port: int, version: str) -> None:
    with Connection(("127.0.0.1", port)) as client:
        client.send(f"GET /gated HTTP/{version}\r\nHost: test\r\n\r\n".encode())
        got = b""
        while b"first\n" not in got:
            got += client.socket.recv(65536)
        assert fetch(port, "/go-on").body == b"gone on\n"
        while not got.endswith((b"end\n", b"0\r\n\r\n")):
            got += client.socket.recv(65536)
    assert b"second\n" in got.partition(b"first\n")[2]
    assert b"end\n" in got


@pytest.mark.parametrize(
    "path",
    ["/fails/at-once", "/fails/at-once/length", "/fails/unreachable", "/fails/made", "/long"],
)
def test_what_fails_before_its_first_byte_is_a_clean_error(port: int, path: str) -> None:
    answer = fetch(port, path)
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert answer["content-length"] == str(len(answer.body))


def raw(port: int, path: str) -> bytes:
    """Ask in HTTP/1.1, and take everything up to the end of the connection."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as client:
        request = f"GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
        client.sendall(request.encode())
        chunks = []
        try:
            while chunk := client.recv(65536):
                chunks.append(chunk)
        except ConnectionResetError:
            pass
    return b"".join(chunks)


@pytest.mark.parametrize("path", ["/fails/late", "/short"])
def test_what_fails_later_is_seen_to_be_cut(port: int, path: str) -> None:
    head, _, body = raw(port, path).partition(b"\r\n\r\n")
    assert b" 200 OK" in head
    assert b"some\n" in body
    if b"chunked" in head:
        assert not body.endswith(b"0\r\n\r\n")
    elif path == "/short":
        assert b"\r\ncontent-length: 10\r\n" in head.lower() + b"\r\n"
        assert len(body) < 10
    # Where neither tells it, as in HTTP/1.0, the end does: it is marked only where it was reached.
    assert b"end\n" not in body


def test_what_may_be_idle_needs_no_thread_and_its_end_is_marked() -> None:
    feeds: list[Feed] = []

    def app(environ: Environ, start_response: StartResponse) -> Body:
        feeds.append(Feed())
        return StreamingResponse(feeds[-1], end="end")(environ, start_response)

    with running(app, threads=1) as run, ExitStack() as stack:
        clients = [stack.enter_context(run.connect()) for _ in range(4)]
        for client in clients:
            client.ask()
        assert eventually(lambda: len(feeds) == 4)
        for feed in feeds:
            feed.give("text ", b"bytes ", None)  # type: ignore[arg-type]
        for client in clients:
            assert client.answer().body == b"text bytes end"
        assert all(feed.ended() for feed in feeds)
