"""Our own streams hold no thread while their clients are slow, unless they are told to."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator

import pytest

from tests.server.bodies import Feed
from tests.servers import DEADLINE, eventually, running
from wsgistream import StreamingResponse
from wsgistream.types import Body, Environ, StartResponse

CHUNKS = 200
CHUNK = 64 * 1024


def chunks(names: set[str]) -> Iterator[bytes]:
    for number in range(CHUNKS):
        names.add(threading.current_thread().name)
        yield bytes([number]) * CHUNK


WANTED = hashlib.sha256(b"".join(chunks(set()))).hexdigest()


@pytest.mark.parametrize("length", [None, CHUNKS * CHUNK], ids=["no length", "a length"])
def test_more_slow_clients_than_threads_are_served_side_by_side(length: int | None) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        if environ["PATH_INFO"] == "/quick":
            return StreamingResponse("ok")(environ, start_response)
        response = StreamingResponse(chunks(set()), content_length=length)
        return response(environ, start_response)

    with running(app, threads=2) as run:
        slow = [run.connect(window=8192) for _ in range(8)]
        for client in slow:
            client.ask("/slow")
            assert client.read(12) == b"HTTP/1.1 200"
        with run.connect() as other:
            other.ask("/quick")
            assert other.answer().body == b"ok"
        for client in slow:
            with client:
                # What was read above is put back, as far as the reading of an answer goes.
                client._line()
                headers = dict(line.split(": ", 1) for line in iter(client._line, ""))
                body = b"".join(client._chunks()) if length is None else client._exactly(length)
                assert headers.get("Content-Length") == (None if length is None else str(length))
                assert hashlib.sha256(body).hexdigest() == WANTED


def test_what_belongs_to_its_thread_is_read_by_no_other() -> None:
    names: set[str] = set()
    ended = threading.Event()

    def rows() -> Iterator[bytes]:
        yield from chunks(names)
        ended.set()

    def app(environ: Environ, start_response: StartResponse) -> Body:
        return StreamingResponse(rows(), pausable=False)(environ, start_response)

    with running(app, threads=3) as run, run.connect(window=8192) as client:
        client.ask()
        assert hashlib.sha256(client.answer().body).hexdigest() == WANTED
        assert ended.wait(DEADLINE)
    assert len(names) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_live_stream_in_a_response_holds_no_thread(method: str) -> None:
    feeds: list[Feed] = []

    def app(environ: Environ, start_response: StartResponse) -> Body:
        feeds.append(Feed(b"first"))
        return StreamingResponse(feeds[-1])(environ, start_response)

    with running(app, threads=1) as run:
        clients = [run.connect() for _ in range(5)]
        for client in clients:
            client.ask("/", method)
        assert eventually(lambda: len(feeds) == 5)
        for feed in feeds:
            feed.give(b" last", None)
        for client in clients:
            with client:
                assert client.answer(method).body == (b"first last" if method == "GET" else b"")
        assert all(feed.ended() for feed in feeds)
