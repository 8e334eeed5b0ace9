"""Files are sent by the system itself, each client its share, and a cut is seen."""

from __future__ import annotations

import errno
import gzip
import io
import os
from collections.abc import Callable
from http.client import IncompleteRead
from pathlib import Path
from typing import Any

import pytest

from tests.server.bodies import echo
from tests.servers import eventually, running
from wsgistream import DirectoryApp
from wsgistream.server import sending
from wsgistream.server.sending import BUDGET, SendingChannel
from wsgistream.types import Body, Environ, StartResponse, WSGIApp

SIZE = 3 * 1024 * 1024
DATA = bytes(range(256)) * (SIZE // 256)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "film"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Note each start and size that the system is asked to send; it sends them all the same."""
    calls: list[tuple[int, int]] = []
    sendfile = os.sendfile

    def noted(out: int, descriptor: int, start: int, size: int) -> int:
        calls.append((start, size))
        return sendfile(out, descriptor, start, size)

    monkeypatch.setattr(sending.os, "sendfile", noted)
    return calls


def wrapping(make: Callable[[], Any], length: int = SIZE) -> WSGIApp:
    """An application that hands a file to the server's wrapper."""

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [("Content-Length", str(length))])
        body: Body = environ["wsgi.file_wrapper"](make())
        return body

    return app


def get(app: WSGIApp, *headers: str) -> bytes:
    with running(app) as run, run.connect() as client:
        client.ask("/film", "GET", *headers)
        answer = client.answer()
        access = run.access()
        assert (access.sent, access.aborted) == (len(answer.body), False)
        client.ask("/film", "HEAD")  # the connection is as good as new
        assert client.answer("HEAD").status == 200
        return answer.body


@pytest.mark.parametrize(
    ("value", "expected", "first"),
    [
        pytest.param(None, DATA, 0, id="the whole"),
        pytest.param("bytes=1000-1500000", DATA[1000:1500001], 1000, id="a range"),
        pytest.param("bytes=-200000", DATA[-200000:], SIZE - 200000, id="a suffix"),
    ],
)
def test_our_own_files_are_sent_by_the_system(
    path: Path, calls: list[tuple[int, int]], value: str | None, expected: bytes, first: int
) -> None:
    headers = [] if value is None else [f"Range: {value}"]
    assert get(DirectoryApp(path.parent), *headers) == expected
    assert calls[0][0] == first
    assert calls[-1][0] + calls[-1][1] == first + len(expected)


def test_each_part_of_several_is_sent_by_the_system(
    path: Path, calls: list[tuple[int, int]]
) -> None:
    body = get(DirectoryApp(path.parent), "Range: bytes=2000000-2999999,0-499999")
    for start, stop in ((2000000, 3000000), (0, 500000)):
        assert DATA[start:stop] in body
        assert any(call[0] == start for call in calls)


@pytest.mark.parametrize("buffering", [0, -1], ids=["raw", "buffered"])
def test_any_plain_file_is_sent_from_where_it_stands_and_not_beyond_its_length(
    path: Path, calls: list[tuple[int, int]], buffering: int
) -> None:
    def make() -> Any:
        file = path.open("rb", buffering)
        file.read(10)
        return file

    assert get(wrapping(make, 1_000_000)) == DATA[10:1_000_010]
    assert calls[0][0] == 10


@pytest.mark.parametrize("kind", ["memory", "packed"])
def test_what_is_no_plain_file_is_read(path: Path, calls: list[tuple[int, int]], kind: str) -> None:
    packed = path.with_suffix(".gz")
    packed.write_bytes(gzip.compress(DATA, 1))
    make = {"memory": lambda: io.BytesIO(DATA), "packed": lambda: gzip.open(packed)}[kind]
    assert get(wrapping(make)) == DATA
    assert calls == []


def test_where_the_system_cannot_send_the_file_is_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(sending.os, "sendfile", refuse)
    assert get(DirectoryApp(path.parent)) == DATA
    monkeypatch.delattr(sending.os, "sendfile")
    assert get(DirectoryApp(path.parent)) == DATA


def test_a_file_that_shrinks_is_cut_and_the_others_are_served(path: Path) -> None:
    with path.open("ab") as file:
        file.truncate(1024**3)
    with running(DirectoryApp(path.parent)) as run:
        with run.connect(window=8192) as client:
            client.ask("/film")
            assert client.read(100).startswith(b"HTTP/1.1 200")
            os.truncate(path, 1000)
            with pytest.raises(IncompleteRead):
                client._exactly(1024**3)
            access = run.access()
            assert access.aborted
            assert access.sent < 1024**3
        with run.connect() as client:
            client.ask("/film")
            assert client.answer().body == DATA[:1000]


@pytest.mark.parametrize(
    "fault", [errno.ECONNRESET, errno.EIO], ids=["the client is gone", "the disk is broken"]
)
def test_a_failure_of_the_system_ends_the_connection(
    path: Path, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    def fail(*_: int) -> int:
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(sending.os, "sendfile", fail)
    with running(DirectoryApp(path.parent)) as run, run.connect() as client:
        client.ask("/film")
        assert client.rest().endswith(b"\r\n\r\n")
        access = run.access()
        assert (access.status, access.sent, access.aborted) == (200, 0, True)


def test_a_client_that_leaves_gives_back_its_file(path: Path) -> None:
    with path.open("ab") as file:
        file.truncate(1024**3)

    def open_files() -> int:
        return len(os.listdir("/proc/self/fd"))

    with running(DirectoryApp(path.parent)) as run:
        before = open_files()
        for _ in range(10):
            client = run.connect(window=8192)
            client.ask("/film")
            assert client.read(10) == b"HTTP/1.1 2"
            client.reset()
            assert run.access().aborted
        assert eventually(lambda: open_files() <= before)


def test_a_client_has_its_share_of_a_turn_and_no_more(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares: list[int] = []
    flush = SendingChannel._flush_some

    def noted(self: Any, do_close: bool = True) -> bool:
        before = self._sent
        sent = flush(self, do_close)
        shares.append(self._sent - before)
        return sent

    monkeypatch.setattr(SendingChannel, "_flush_some", noted)
    with path.open("ab") as file:
        file.truncate(16 * BUDGET)
    with running(DirectoryApp(path.parent)) as run, run.connect() as client:
        client.ask("/film")
        assert len(client.answer().body) == 16 * BUDGET
    assert sum(shares) > 16 * BUDGET
    assert max(shares) < BUDGET + 2 * 1024 * 1024


def test_nothing_is_sent_on_a_connection_that_is_closed(path: Path) -> None:
    with path.open("ab") as file:
        file.truncate(1024**3)
    with running(DirectoryApp(path.parent)) as run, run.connect(window=8192) as client:
        client.ask("/film")
        assert eventually(lambda: [each.total_outbufs_len for each in run.server._channels()])
        (channel,) = run.server._channels()
        assert eventually(lambda: channel.total_outbufs_len)
        with channel.outbuf_lock:
            channel.connected = False
            sent = channel._sent
            assert not channel._flush_some()
            assert (channel._sent, channel.total_outbufs_len > 0) == (sent, True)
            channel.connected = True


def test_a_connection_that_has_ended_cannot_be_reset_any_more() -> None:
    with running(echo) as run, run.connect() as client:
        client.ask()
        assert client.answer().status == 200
        (channel,) = run.server._channels()
        run.server.stop()
        assert run.ended()
        assert channel.reset_in_the_end() is None
