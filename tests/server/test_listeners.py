"""Who is let in, who is told that there is no room, and what becomes of either."""

from __future__ import annotations

import errno
import os
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.servers import DEADLINE, Connection, Running, eventually, running
from wsgistream.server.listeners import Spare
from wsgistream.types import Body, Environ, StartResponse

FULL = "The server is full; who comes now is told so."


def hello(environ: Environ, start_response: StartResponse) -> Body:
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


def status_of(client: Connection) -> int:
    """Ask, and tell how it was answered; 0: not at all."""
    try:
        client.ask("/", "GET")
        return client.answer().status
    except (OSError, IndexError, ValueError):
        return 0


def is_let_in(run: Running) -> bool:
    with run.connect() as client:
        return status_of(client) == 200


@pytest.fixture(params=["tcp", "unix"])
def options(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """Where to listen."""
    if request.param == "tcp":
        return {}
    return {"addresses": [], "unix_path": str(tmp_path / "socket")}


def room_for(count: int) -> dict[str, Any]:
    """Let so many in: the listener and its trigger are counted with them."""
    return {"connection_limit": count + 2}


def test_who_is_too_many_is_told_so_and_let_in_when_another_leaves(
    options: dict[str, Any], caplog: pytest.LogCaptureFixture, nothing_left: Callable[[], bool]
) -> None:
    with running(hello, **room_for(3), **options) as run, ExitStack() as stack:
        first, *others = [stack.enter_context(run.connect()) for _ in range(3)]
        assert [status_of(each) for each in (first, *others)] == [200] * 3
        with run.connect() as late:
            late.ask()
            answer = late.answer()
            assert (answer.status, answer["Retry-After"]) == (503, "5")
            assert answer["Content-Type"] == "text/plain; charset=utf-8"
            assert answer["Connection"] == "close"
            assert answer.body == b"The server is full; please try again later.\n"
            assert late.rest() == b""
        assert [status_of(each) for each in others] == [200] * 2
        first.__exit__()
        assert eventually(lambda: is_let_in(run))
    assert caplog.messages.count(FULL) >= 1
    assert nothing_left()


def test_who_waits_a_moment_is_let_in_if_another_leaves_meanwhile() -> None:
    with running(hello, **room_for(1)) as run, run.connect() as first:
        assert status_of(first) == 200
        with run.connect() as second:
            second.ask()
            first.__exit__()
            # Which of the two comes first is the machine's, and either is an answer.
            assert second.answer().status in (200, 503)
        assert eventually(lambda: is_let_in(run))


def test_many_who_are_too_many_are_all_told(nothing_left: Callable[[], bool]) -> None:
    with running(hello, **room_for(1)) as run, run.connect() as first:
        assert status_of(first) == 200
        with ExitStack() as stack:
            late = [stack.enter_context(run.connect()) for _ in range(100)]
            for client in late:
                client.ask()
            assert [client.answer().status for client in late] == [503] * 100
        assert status_of(first) == 200
    assert nothing_left()


def test_who_comes_with_very_many_others_is_let_in_a_turn_later() -> None:
    with running(hello) as run, ExitStack() as stack:
        inside, may_go_on = threading.Event(), threading.Event()

        def hold() -> None:
            inside.set()
            assert may_go_on.wait(DEADLINE)

        run.server._loop.call(hold)
        assert inside.wait(DEADLINE)
        clients = [stack.enter_context(run.connect()) for _ in range(100)]
        may_go_on.set()
        assert [status_of(client) for client in clients] == [200] * 100


def test_that_a_server_is_full_is_said_once_and_not_for_each_who_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with running(hello, **room_for(1)) as run:
        (listener,) = run.server._listeners
        listener.look = lambda spare: None  # type: ignore[method-assign]  # no time passes
        for _ in range(20):
            with run.connect() as client:
                assert status_of(client) == 200
                assert eventually(lambda: listener.full)
            assert eventually(lambda: not listener.full)
    assert caplog.messages.count(FULL) == 1


def test_who_has_left_before_he_is_let_in_does_no_harm(nothing_left: Callable[[], bool]) -> None:
    with running(hello) as run:
        for _ in range(50):
            run.connect().reset()
        with run.connect() as client:
            assert status_of(client) == 200
        assert eventually(lambda: not run.server._channels())
    assert nothing_left()


def test_who_has_left_before_he_is_told_does_no_harm(nothing_left: Callable[[], bool]) -> None:
    with running(hello, **room_for(1)) as run, run.connect() as first:
        assert status_of(first) == 200
        for _ in range(50):
            run.connect().reset()
        with run.connect() as late:
            assert status_of(late) == 503
        assert status_of(first) == 200
    assert nothing_left()


@contextmanager
def at_most(count: int) -> Iterator[None]:
    """Let this process have so many more descriptors, and no other."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    holes = [os.open(os.devnull, os.O_RDONLY)]
    while holes[-1] <= highest:
        holes.append(os.dup(holes[0]))
    os.close(holes.pop())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1 + count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for number in holes:
            os.close(number)


def connected(address: Any, stack: ExitStack) -> list[socket.socket]:
    """Connect until there is no descriptor left."""
    clients: list[socket.socket] = []
    with suppress(OSError):
        while True:
            client = stack.enter_context(socket.socket())
            client.settimeout(DEADLINE)
            client.connect(address)
            clients.append(client)
    return clients


def test_without_a_descriptor_who_comes_is_told_so_and_the_loop_sleeps(
    nothing_left: Callable[[], bool],
) -> None:
    with running(hello) as run:
        with ExitStack() as stack:
            inside = [stack.enter_context(run.connect()) for _ in range(5)]
            assert [status_of(client) for client in inside] == [200] * 5
            # Each takes two, so that in the end one of them is there and cannot be let in.
            with at_most(21), ExitStack() as crowd:
                turns = count_turns(run)
                clients = connected(run.addresses[0], crowd)
                for client in clients:
                    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                heads = [client.recv(12) for client in clients]
                assert set(heads) <= {b"HTTP/1.1 200", b"HTTP/1.1 503"}
                assert b"HTTP/1.1 503" in heads
                assert [status_of(client) for client in inside] == [200] * 5
                assert len(turns) < 50 * (len(clients) + 5)
                crowd.close()
                assert eventually(lambda: is_let_in(run))
        assert eventually(lambda: not run.server._channels())
    assert nothing_left()


def count_turns(run: Running) -> list[float]:
    """Note each turn of a server's loop from now on."""
    turns: list[float] = []
    turn = run.server._loop.turn

    def counted(seconds: float) -> None:
        turns.append(seconds)
        turn(seconds)

    run.server._loop.turn = counted  # type: ignore[method-assign]
    return turns


class Starved:
    """A listening socket of a system that has no room for a while."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self._socket = sock
        self.number = number
        self.refused = 0
        self.is_over = False

    def accept(self) -> Any:
        if self.is_over:
            return self._socket.accept()
        self.refused += 1
        raise OSError(self.number, os.strerror(self.number))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


@pytest.mark.parametrize("number", [errno.ENFILE, errno.EMFILE, errno.ENOBUFS, errno.ENOMEM])
def test_a_system_without_room_is_asked_again_now_and_then(number: int) -> None:
    with running(hello) as run:
        (listener,) = run.server._listeners
        starved = Starved(listener.socket, number)
        listener.socket = starved  # type: ignore[assignment]
        turns = count_turns(run)
        with run.connect() as client:
            client.ask()
            # Each look asks once to let in, once to turn away, and the loop once more.
            assert eventually(lambda: starved.refused >= 4)
            assert len(turns) <= 10 * starved.refused
            starved.is_over = True
            # When there is room again, who has waited is let in, and not sent away.
            assert client.answer().status == 200


def test_a_connection_that_fails_as_it_is_let_in_is_nobodys_fault() -> None:
    with running(hello) as run:
        (listener,) = run.server._listeners
        failing = Starved(listener.socket, errno.ECONNABORTED)
        listener.socket = failing  # type: ignore[assignment]
        with run.connect() as client:
            client.ask()
            assert eventually(lambda: failing.refused >= 3)
            assert not listener.starved
            failing.is_over = True
            assert client.answer().status == 200


def test_a_spare_that_somebody_else_has_taken_is_had_again_later(
    nothing_left: Callable[[], bool],
) -> None:
    spare = Spare()
    with at_most(0):
        with spare.lent():
            taken = os.open(os.devnull, os.O_RDONLY)
        with spare.lent():  # there is none to lend
            with pytest.raises(OSError, match="Too many open files"):
                os.open(os.devnull, os.O_RDONLY)
        os.close(taken)
        with spare.lent():
            os.close(os.open(os.devnull, os.O_RDONLY))
        with pytest.raises(OSError, match="Too many open files"):
            os.open(os.devnull, os.O_RDONLY)
    spare.close()
    spare.close()
    assert nothing_left()


def test_a_server_goes_on_when_its_spare_is_taken_by_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Threads open files at any moment, also in the one in which the spare is lent."""
    with running(hello, **room_for(1)) as run, run.connect() as first:
        assert status_of(first) == 200
        opened = os.open

        def refuse(path: Any, *arguments: Any, **options: Any) -> int:
            if path == os.devnull:
                raise OSError(errno.EMFILE, "Too many open files")
            return opened(path, *arguments, **options)

        with monkeypatch.context() as patch:
            patch.setattr(os, "open", refuse)
            for _ in range(2):
                with run.connect() as late:
                    assert status_of(late) == 503
        assert status_of(first) == 200
        first.__exit__()
        assert eventually(lambda: is_let_in(run))


def test_a_server_that_ends_does_not_look_at_who_knocks_elsewhere(
    nothing_left: Callable[[], bool],
) -> None:
    """Its socket may be that of other processes as well, at which clients wait."""
    entered, leave = threading.Event(), threading.Event()

    def slow(environ: Environ, start_response: StartResponse) -> Body:
        entered.set()
        assert leave.wait(DEADLINE)
        return hello(environ, start_response)

    with running(slow, grace=1000) as run, run.connect() as client, run.connect() as idle:
        (listener,) = run.server._listeners
        number = listener.socket.fileno()
        other = os.dup(number)
        client.ask()
        assert entered.wait(DEADLINE)
        run.server.stop()
        assert idle.rest() == b""
        with run.connect():
            turns = count_turns(run)
            pause = threading.Event()
            pause.wait(0.3)
            assert len(turns) < 30
        leave.set()
        assert client.answer().status == 200
        assert run.ended()
        os.close(other)
    assert nothing_left()
