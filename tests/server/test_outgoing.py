"""The queue of a connection: whatever is put in, and however it is taken, the same bytes leave."""

from __future__ import annotations

import io
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.files import Pipe, beyond_its_end
from tests.server.bodies import answering
from tests.servers import DEADLINE, eventually, running
from wsgistream.apps.files import DirectoryApp
from wsgistream.server.outgoing import FilePart, Outgoing
from wsgistream.server.sending import SMALL
from wsgistream.types import Body, Environ, StartResponse, WSGIApp


class Owner:
    """Who has to be told that a file is not needed any more."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.closings = 0
        self._error = error

    def close(self) -> None:
        self.closings += 1
        if self._error is not None:
            raise self._error


def take(queue: Outgoing, size: int) -> bytes:
    """Take what is next as a socket does that has room for ``size`` bytes."""
    file = queue.file()
    if file is not None:
        block = bytes(file.read(size))
        assert file.span() is None
    else:
        buffers, more = queue.buffers()
        joined = b"".join(buffers)
        assert more == (len(joined) < len(queue))
        block = joined[:size]
    queue.skip(len(block))
    return block


PARTS = st.lists(st.tuples(st.booleans(), st.binary(min_size=1, max_size=40)), max_size=100)
SIZES = st.lists(st.integers(1, 100), min_size=1)


@given(PARTS, SIZES, st.integers(0, 200))
def test_the_same_bytes_come_out_in_order_and_files_are_closed_once(
    parts: list[tuple[bool, bytes]], sizes: list[int], turns: int
) -> None:
    queue = Outgoing()
    owners = []
    for is_file, data in parts:
        if is_file:
            owners.append(Owner())
            file = io.BytesIO(b"before" + data + b"behind")
            file.seek(6)
            queue.append(FilePart(file, len(data), owners[-1]))
        else:
            queue.append(data)
    expected = b"".join(data for _, data in parts)
    assert len(queue) == len(expected)
    taken = b""
    for turn in range(turns):
        if not queue:
            break
        taken += take(queue, sizes[turn % len(sizes)])
        assert len(queue) == len(expected) - len(taken)
        assert taken == expected[: len(taken)]
    assert all(owner.closings <= 1 for owner in owners)
    queue.close()
    queue.close()
    assert len(queue) == 0
    assert [owner.closings for owner in owners] == [1] * len(owners)


def test_a_file_that_cannot_be_closed_is_told_of_and_keeps_nothing_from_being_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue = Outgoing()
    owners = [Owner(OSError("the first")), Owner(SystemExit()), Owner(), Owner()]
    for owner in owners:
        queue.append(FilePart(io.BytesIO(b"some"), 4, owner))
    assert take(queue, 4) == b"some"
    assert len(queue) == 12
    queue.close()
    assert [owner.closings for owner in owners] == [1] * 4
    assert len([record for record in caplog.records if record.exc_info]) == 2


def wrapped(make: Any, length: int) -> WSGIApp:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [("Content-Length", str(length))])
        body: Body = environ["wsgi.file_wrapper"](make())
        return body

    return app


def test_a_file_beyond_its_end_and_a_pipe_are_read() -> None:
    for make, body in ((beyond_its_end, b""), (lambda: Pipe(b"some"), b"some")):
        with running(wrapped(make, len(body))) as run, run.connect() as client:
            client.ask()
            assert client.answer().body == body
            assert not run.access().aborted


def test_no_more_of_pieces_is_sent_than_is_announced(tmp_path: Path) -> None:
    (tmp_path / "film").write_bytes(b"0123456789" * 100_000)
    inner = DirectoryApp(tmp_path)

    def app(environ: Environ, start_response: StartResponse) -> Body:
        def shorter(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            kept = [each for each in headers if each[0] != "Content-Length"]
            return start_response(status, [*kept, ("Content-Length", "500000")], *rest)

        return inner(environ, shorter)

    with running(app) as run, run.connect() as client:
        for _ in range(2):
            client.ask("/film")
            assert client.answer().body == b"0123456789" * 50_000
            assert run.access().sent == 500_000


class Shrinking(io.BytesIO):
    """A file that has less than it says."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(size) if self.tell() < 1000 else b""


def test_a_file_that_has_no_more_is_cut_and_does_not_keep_the_loop_busy() -> None:
    with running(wrapped(lambda: Shrinking(b"x" * 2_000_000), 2_000_000)) as run:
        with run.connect() as client:
            client.ask()
            assert len(client.rest()) < 2_000_000
            assert run.access().aborted
            assert eventually(lambda: not run.server._channels())


def test_a_file_whose_close_fails_is_sent_whole_and_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Rough(io.BytesIO):
        def close(self) -> None:
            super().close()
            raise OSError("while closing")

    with running(wrapped(lambda: Rough(b"x" * 100_000), 100_000)) as run, run.connect() as client:
        for number in range(2):
            client.ask()
            assert len(client.answer().body) == 100_000
            assert not run.access().aborted
            told = [record for record in caplog.records if record.exc_info]
            assert len(told) == number + 1


def test_very_many_small_parts_are_sent_in_order() -> None:
    body = [b"%d," % number for number in range(5000)]
    app = answering(lambda: body, "200 OK", ("Content-Length", str(len(b"".join(body)))))
    app.quick = True  # type: ignore[attr-defined]
    with running(app) as run, run.connect(window=8192) as client:
        for sock in run.server._sockets:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        for _ in range(10):
            client.ask()
        for _ in range(10):
            assert client.answer().body == b"".join(body)


@pytest.mark.parametrize("size", [1, SMALL - 1, SMALL, SMALL + 1, 3_000_000])
def test_chunks_of_any_size_arrive_whole(size: int) -> None:
    with running(answering(lambda: iter([b"x" * size] * 3))) as run, run.connect() as client:
        client.ask()
        assert client.answer().body == b"x" * size * 3
        assert run.access().sent == size * 3


class Counted(io.BytesIO):
    """A file that counts how often it is closed."""

    closings = 0

    def close(self) -> None:
        self.closings += 1
        super().close()


def test_a_file_behind_a_head_that_cannot_be_written_is_closed_once() -> None:
    file = Counted(b"some")

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [("A", "\u2713")])
        body: Body = environ["wsgi.file_wrapper"](file)
        return body

    with running(app) as run, run.connect() as client:
        client.ask()
        assert client.answer().status == 500
        assert run.access().status == 500
    assert file.closings == 1


def test_a_file_for_a_client_that_has_left_already_is_closed_once() -> None:
    file, entered = Counted(b"some"), threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Body:
        entered.set()
        assert eventually(environ["waitress.client_disconnected"])
        return wrapped(lambda: file, 4)(environ, start_response)

    with running(app) as run, run.connect() as client:
        client.ask()
        assert entered.wait(DEADLINE)
        client.reset()
        access = run.access()
        assert (access.sent, access.aborted) == (0, True)
    assert file.closings == 1


def test_an_empty_length_sends_nothing_of_a_file() -> None:
    file = Counted(b"some")
    with running(wrapped(lambda: file, 0)) as run, run.connect() as client:
        for _ in range(2):
            client.ask()
            assert client.answer().body == b""
            assert not run.access().aborted
            assert file.closings == 1
            file = Counted(b"more")
