"""Answers in steps: bodies that need no thread while their client takes what there is."""

from __future__ import annotations

import contextvars
import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.client import IncompleteRead
from typing import Any

import pytest

from tests.server.bodies import (
    CHUNK,
    WINDOW,
    HeldBody,
    Steered,
    answering,
    chunk_of,
    echo,
    megabytes,
    narrow,
    text,
)
from tests.servers import DEADLINE, Connection, Running, eventually, running
from wsgistream.server import tasks
from wsgistream.server.channel import Channel
from wsgistream.types import Body, Environ, StartResponse
from wsgistream.wsgi.waiting import Pausable


def channels(run: Running) -> list[Channel]:
    return run.server._channels()


def is_paused(run: Running) -> bool:
    """Tell whether every answer waits for its client, and no thread for anything."""
    return all(each._full for each in channels(run)) and not run.server._threads.active_count


def endless() -> Iterator[bytes]:
    while True:
        yield b"x" * CHUNK


def test_more_slow_clients_than_threads_each_get_every_byte_while_others_are_answered() -> None:
    count, chunks = 12, 40
    bodies: dict[int, Steered] = {}
    highest = [0]

    def app(environ: Environ, start_response: StartResponse) -> Body:
        path = environ["PATH_INFO"].strip("/")
        start_response("200 OK", [])
        if path == "quick":
            return [b"ok"]
        seed = int(path)

        def chunks_of_one() -> Iterator[bytes]:
            for number in range(chunks):
                yield chunk_of(seed, number)
                held = [each.total_outbufs_len for each in channels(run)]
                highest[0] = max([*highest, *held])

        bodies[seed] = Steered(chunks_of_one())
        return bodies[seed]

    with ExitStack() as stack:
        run = stack.enter_context(narrow(app, threads=2))
        clients = [stack.enter_context(run.connect(window=WINDOW)) for _ in range(count)]
        for seed, client in enumerate(clients):
            client.ask(f"/{seed}")
        assert eventually(lambda: len(bodies) == count and is_paused(run))
        with run.connect() as other:
            other.ask("/quick")
            assert other.answer().body == b"ok"
        for seed, client in enumerate(clients):
            digest = hashlib.sha256(client.answer().body).digest()
            whole = b"".join(chunk_of(seed, number) for number in range(chunks))
            assert digest == hashlib.sha256(whole).digest()
        assert all(body.closed.wait(DEADLINE) for body in bodies.values())
        assert [body.closings for body in bodies.values()] == [1] * count
        assert any(len(body.threads) > 1 for body in bodies.values())
    # What frames a chunk comes on top of it.
    assert CHUNK < highest[0] <= 256 * 1024 + 100


def test_a_chunk_that_is_larger_than_what_may_be_held_is_held_alone() -> None:
    made = []

    def chunks() -> Iterator[bytes]:
        for number in range(40):
            made.append(number)
            yield b"x" * 500_000

    with narrow(answering(lambda: Steered(chunks())), stream_buffer=1000) as run:
        with run.connect(window=WINDOW) as client:
            client.ask()
            assert eventually(lambda: made and is_paused(run))
            (channel,) = channels(run)
            assert channel.total_outbufs_len <= 500_000 + 1000
            assert len(client.answer().body) == 40 * 500_000


def fail(body: Steered, client: Connection, run: Running) -> None:
    with pytest.raises(IncompleteRead):
        client.answer()


def leave(body: Steered, client: Connection, run: Running) -> None:
    assert eventually(lambda: body.threads and is_paused(run))
    client.reset()


def stop(body: Steered, client: Connection, run: Running) -> None:
    assert eventually(lambda: body.threads and is_paused(run))
    run.server.stop()
    run.server.stop()
    assert run.ended()


def take_all(body: Steered, client: Connection, run: Running) -> None:
    assert len(client.answer().body) == 100 * CHUNK


def take_the_head(body: Steered, client: Connection, run: Running) -> None:
    assert client.answer("HEAD").status == 200


def some(error: Exception | None = None) -> Iterator[bytes]:
    for _ in range(100):
        yield b"x" * CHUNK
    if error is not None:
        raise error


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize(
    ("chunks", "method", "do", "aborted"),
    [
        pytest.param(some, "GET", take_all, False, id="its end"),
        pytest.param(lambda: some(LookupError()), "GET", fail, True, id="its failure"),
        pytest.param(endless, "GET", leave, True, id="its client leaving"),
        pytest.param(endless, "GET", stop, True, id="the end of the server"),
        pytest.param(endless, "HEAD", take_the_head, False, id="its head"),
    ],
)
def test_a_body_is_closed_once_after(
    chunks: Callable[[], Iterator[bytes]],
    method: str,
    do: Callable[[Steered, Connection, Running], None],
    aborted: bool,
    threads: int,
    nothing_left: Callable[[], bool],
) -> None:
    body = Steered(chunks())
    with narrow(answering(lambda: body), threads=threads) as run:
        with run.connect(window=WINDOW) as client:
            client.ask("/", method)
            do(body, client, run)
            assert body.closed.wait(DEADLINE)
            access = run.access()
            assert (access.status, access.aborted) == (200, aborted)
            assert access.request == f"{method} / HTTP/1.1"
    assert body.closings == 1
    assert run.accesses.empty()
    assert nothing_left()


def test_a_client_that_leaves_beside_a_step_is_found_out_by_it() -> None:
    entered, go_on = threading.Event(), threading.Event()

    def chunks() -> Iterator[bytes]:
        yield b"first"
        entered.set()
        assert go_on.wait(DEADLINE)
        yield b"second"

    body = Steered(chunks())
    with narrow(answering(lambda: body), threads=1) as run, run.connect() as client:
        client.ask()
        assert entered.wait(DEADLINE)
        (channel,) = channels(run)
        client.reset()
        assert eventually(lambda: not channel.connected)
        assert not body.closings
        go_on.set()
        assert run.access().aborted
        assert body.closings == 1


def test_a_body_that_yields_nothing_is_left_when_its_client_has_left() -> None:
    gone = threading.Event()

    def nothings() -> Iterator[bytes]:
        yield b"first"
        assert gone.wait(DEADLINE)
        while True:
            yield b""

    body = Steered(nothings())
    with narrow(answering(lambda: body), threads=1) as run, run.connect() as client:
        client.ask()
        assert client.read(12) == b"HTTP/1.1 200"
        (channel,) = channels(run)
        client.reset()
        assert eventually(lambda: not channel.connected)
        gone.set()
        assert run.access().aborted
        assert body.closings == 1


@pytest.mark.parametrize("pausable", [False, True], ids=["as in waitress", "if the server may"])
def test_the_thread_of_a_body_that_is_not_pausable_waits_with_it(pausable: bool) -> None:
    body = Steered(some())
    body.pausable = False
    with narrow(answering(lambda: body), threads=1, pausable=pausable) as run:
        with run.connect(window=WINDOW) as client:
            client.ask()
            (channel,) = (eventually(lambda: channels(run)), channels(run))[1]
            if pausable:
                assert eventually(lambda: channel._full and is_paused(run))
            else:
                assert eventually(lambda: channel._somebody_waits)
                assert not channel._full
            assert len(client.answer().body) == 100 * CHUNK
        assert (run.access().aborted, body.closings) == (False, 1)
        assert pausable or len(body.threads) == 1


def test_any_iterable_can_be_made_pausable() -> None:
    body = Steered(some())
    body.pausable = False
    with narrow(answering(lambda: Pausable(body)), threads=1) as run:
        with run.connect(window=WINDOW) as client:
            client.ask()
            assert eventually(lambda: body.threads and is_paused(run))
            assert len(client.answer().body) == 100 * CHUNK
    assert body.closings == 1


def test_what_the_application_keeps_in_its_context_is_there_whichever_thread_goes_on() -> None:
    user: contextvars.ContextVar[str] = contextvars.ContextVar("user")
    seen: list[tuple[str, int]] = []
    closed_by: list[str] = []

    class Body(Steered):
        def close(self) -> None:
            super().close()
            closed_by.append(user.get())

    def chunks() -> Iterator[bytes]:
        for number in range(60):
            seen.append((user.get("nobody"), threading.get_ident()))
            user.set(f"{user.get().split()[0]} {number}")
            yield b"x" * CHUNK

    def app(environ: Environ, start_response: StartResponse) -> Any:
        user.set(environ["PATH_INFO"])
        start_response("200 OK", [])
        return Body(chunks())

    with narrow(app, threads=2) as run:
        for path in ("/one", "/two"):
            with run.connect(window=WINDOW) as client:
                client.ask(path)
                assert eventually(lambda: is_paused(run))
                assert len(client.answer().body) == 60 * CHUNK
                run.access()
            expected = [path, *(f"{path} {number}" for number in range(59))]
            assert [value for value, _ in seen] == expected
            assert closed_by == [f"{path} 59"]
            seen.clear()
            closed_by.clear()


@pytest.mark.parametrize("pausable", [False, True])
def test_the_first_chunk_leaves_with_the_head_and_before_the_second_is_made(pausable: bool) -> None:
    may_go_on = threading.Event()

    def chunks() -> Iterator[bytes]:
        yield b"first"
        assert may_go_on.wait(DEADLINE)
        yield b"second"

    app = answering(chunks, "200 OK", ("Content-Length", "11"))
    with narrow(app, pausable=pausable) as run, run.connect() as client:
        client.ask()
        packet = client.socket.recv(65536)
        assert packet.startswith(b"HTTP/1.1 200 OK\r\n")
        assert packet.endswith(b"\r\n\r\nfirst")
        may_go_on.set()
        assert client.read(6) == b"second"


def test_fast_downloads_of_endless_bodies_do_not_keep_others_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcomes: list[tasks.Outcome] = []
    run_task = tasks.ApplicationTask.run

    def noted(self: tasks.ApplicationTask, in_loop: bool) -> tasks.Outcome:
        outcome = run_task(self, in_loop)
        outcomes.append(outcome)
        return outcome

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [])
        return [b"ok"] if environ["PATH_INFO"] == "/other" else Pausable(endless())

    def download(client: Connection) -> None:
        with suppress(OSError):
            while client.socket.recv(1 << 20):
                pass

    monkeypatch.setattr(tasks.ApplicationTask, "run", noted)
    monkeypatch.setattr(tasks, "_TURN", 256 * 1024)
    # So much may be held that a step ends for the sake of the others alone.
    with running(app, threads=1, stream_buffer=1 << 30) as run, ExitStack() as stack:
        clients = [stack.enter_context(run.connect()) for _ in range(4)]
        readers = [threading.Thread(target=download, args=(client,)) for client in clients]
        for client, reader in zip(clients, readers, strict=True):
            client.ask("/endless")
            reader.start()
        for _ in range(3):
            with run.connect() as other:
                other.ask("/other")
                assert other.answer().body == b"ok"
        assert tasks.Outcome.TURN in outcomes
        for client, reader in zip(clients, readers, strict=True):
            client.socket.shutdown(socket.SHUT_RDWR)
            reader.join(DEADLINE)


@pytest.mark.parametrize("logged", [True, False])
def test_a_request_whose_body_is_read_while_its_answer_streams_is_kept(logged: bool) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [])
        upload = environ["wsgi.input"]
        return Pausable(iter(lambda: upload.read(CHUNK), b""))

    data = b"".join(chunk_of(1, number) for number in range(60))
    options: dict[str, Any] = {} if logged else {"line": None}
    with narrow(app, threads=2, stream_buffer=CHUNK, **options) as run:
        with run.connect(window=WINDOW) as client:
            for _ in range(2):
                client.ask("/", "POST", f"Content-Length: {len(data)}")
                client.send(data)
                assert eventually(lambda: channels(run) and channels(run)[0]._full)
                assert client.answer().body == data
                if logged:
                    assert run.access().request == "POST / HTTP/1.1"


def test_requests_behind_an_answer_that_is_held_wait_for_room_and_those_of_who_leaves_are_closed(
    nothing_left: Callable[[], bool],
) -> None:
    answered: list[str] = []

    def app(environ: Environ, start_response: StartResponse) -> Body:
        answered.append(environ["PATH_INFO"])
        start_response("200 OK", [])
        return [b"x" * 8_000_000]

    app.quick = True  # type: ignore[attr-defined]
    upload = b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nsomething"
    with narrow(app) as run:
        with run.connect(window=WINDOW) as client:
            client.send(b"".join(upload % number for number in range(5)))
            assert eventually(lambda: channels(run) and channels(run)[0]._full)
            assert answered == ["/0"]
            assert [len(client.answer().body) for _ in range(2)] == [8_000_000] * 2
            (channel,) = channels(run)
            assert eventually(lambda: channel._full)
            upload_of_last = channel.requests[-1].body_rcv.getfile()
            client.reset()
            assert eventually(lambda: not channel.requests)
            assert upload_of_last.closed
        assert answered == ["/0", "/1", "/2"]
        assert [run.access().aborted for _ in range(3)] == [False, False, True]
    assert nothing_left()


def test_clients_that_leave_at_any_moment_have_their_bodies_closed_once(
    nothing_left: Callable[[], bool],
) -> None:
    bodies: list[Steered] = []

    def make() -> Steered:
        bodies.append(Steered(endless()))
        return bodies[-1]

    count = 60
    with narrow(answering(make), threads=2, stream_buffer=CHUNK) as run:
        for number in range(count):
            client = run.connect(window=WINDOW)
            client.ask()
            client.read(number * 4000 + 1)
            client.reset()
        for _ in range(count):
            assert run.access().aborted
        assert [body.closings for body in bodies] == [1] * count
    assert run.accesses.empty()
    assert nothing_left()


def test_bodies_that_wait_for_a_thread_when_the_server_ends_are_closed_once() -> None:
    entered, go_on = threading.Event(), threading.Event()

    def held() -> Iterator[bytes]:
        yield b"x"
        entered.set()
        assert go_on.wait(DEADLINE)

    bodies = {"/held": Steered(held()), **{f"/{n}": Steered(endless()) for n in range(5)}}

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [])
        return bodies[environ["PATH_INFO"]]

    with ExitStack() as stack:
        run = stack.enter_context(narrow(app, threads=1))
        for path in ("/0", "/1", "/2", "/3", "/4", "/held"):
            stack.enter_context(run.connect(window=WINDOW)).ask(path)
            assert eventually(lambda path=path: bodies[path].threads)  # type: ignore[misc]
        assert entered.wait(DEADLINE)
        run.server.stop()
        run.server.stop()
        assert eventually(lambda: all(body.closings for body in list(bodies.values())[1:]))
        go_on.set()
        assert run.ended()
        assert bodies["/held"].closed.wait(DEADLINE)
    assert [body.closings for body in bodies.values()] == [1] * 6
    assert len([run.access() for _ in bodies]) == 6
    assert run.accesses.empty()


def test_a_stream_that_nobody_takes_is_not_read_to_its_end() -> None:
    body = HeldBody(megabytes())
    with running(text(None, lambda _: body)) as run, run.connect() as client:
        client.ask()
        assert client.read(1) == b"H"
        (channel,) = run.server._channels()
        assert eventually(lambda: channel.total_outbufs_len > 256 * 1024)
        assert not body.closing.wait(0.2)
        assert channel.total_outbufs_len < 256 * 1024 + 1_000_100


@pytest.mark.parametrize(
    "before",
    [
        pytest.param([], id="on a fresh connection"),
        pytest.param(["/first", "/second"], id="behind other requests"),
    ],
)
def test_a_client_that_waits_to_continue_is_told_so_once_and_that_is_no_part_of_its_answer(
    before: list[str],
) -> None:
    with running(echo) as run:
        for _ in range(200):  # behind other requests a thread tells it, while the loop sends too
            with run.connect() as client:
                check_continue(run, client, before)


def check_continue(run: Running, client: Connection, before: list[str]) -> None:
    client.send(
        b"".join(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode() for path in before)
        + b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    )
    for _ in before:
        assert client.answer().body == b""
        assert run.access().sent == 0
    assert client.read(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"hello")
    assert client.answer().body == b"hello"
    access = run.access()
    assert (access.sent, access.aborted) == (5, False)
