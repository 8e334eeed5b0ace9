"""Which of the processes that share a socket lets the next client in."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from copy import copy
from typing import Any

import pytest

from tests.servers import DEADLINE, Connection, running
from wsgistream.server import listeners
from wsgistream.server.balance import Balance
from wsgistream.server.counters import Counters
from wsgistream.server.run import Server
from wsgistream.server.sockets import bind
from wsgistream.types import Body, Environ, StartResponse


def hello(environ: Environ, start_response: StartResponse) -> Body:
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


def counters_beside(others: Sequence[int | None]) -> Counters:
    """Give the counters of a process beside those with so many connections; None: it has ended."""
    mine = Counters()
    for place, connections in enumerate(others, 1):
        other = copy(mine)  # of the same memory, as after a fork
        other.take_row(place)
        other.connect(connections or 0)
        other.listen(connections is not None)
    mine.listen(True)
    return mine


@pytest.mark.parametrize(
    ("connections", "others", "ahead"),
    [
        pytest.param(1000, [], False, id="who is alone is never ahead"),
        pytest.param(4, [0], False, id="a few more are no reason"),
        pytest.param(5, [0], True, id="more than a few are"),
        pytest.param(5, [4], False, id="the other has almost as many"),
        pytest.param(5, [9, 0, 9], True, id="one of many has fewer"),
        pytest.param(1125, [1000], False, id="of many, an eighth more is no reason"),
        pytest.param(1126, [1000], True, id="more than that is"),
        pytest.param(5, [None], False, id="who has ended does not count"),
        pytest.param(5, [5, 5, 5, 5, 5, 5, 5, 0], True, id="there may be twice as many places"),
    ],
)
def test_who_has_more_than_another_is_ahead(
    connections: int, others: list[int | None], ahead: bool
) -> None:
    counters = counters_beside(others)
    assert Balance(counters, processes=5).is_ahead(connections) is ahead
    assert counters.total()["connections"] == connections + sum(each or 0 for each in others)


def test_whom_no_other_lets_in_is_let_in() -> None:
    counters = counters_beside([0])
    with running(hello, processes=2, counters=counters) as run, ExitStack() as stack:
        for _ in range(10):
            client = stack.enter_context(run.connect())
            client.ask()
            assert client.answer().body == b"hello"


def test_two_share_those_who_come(monkeypatch: pytest.MonkeyPatch) -> None:
    # So long that only the other can have let in whom one of them leaves to it.
    monkeypatch.setattr(listeners, "PATIENCE", 2 * DEADLINE)
    (sock,) = bind([("127.0.0.1", 0)], None)
    address = sock.getsockname()
    first = Counters()
    second = copy(first)
    second.take_row(1)
    servers = [
        Server(hello, [each], processes=2, grace=0, counters=counters)
        for each, counters in ((sock.dup(), first), (sock, second))
    ]
    threads = [threading.Thread(target=server.run, daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    try:
        with ExitStack() as stack:
            for _ in range(14):  # of more, each might leave one to the other
                client = stack.enter_context(Connection(address))
                client.ask()
                assert client.answer().body == b"hello"
            shares = [connections_of(counters) for counters in (first, second)]
            # Each has noted how many it had before the last that it let in.
            assert 12 <= sum(shares) <= 14
            assert abs(shares[0] - shares[1]) <= 5
    finally:
        for server in servers:
            server.stop()
        for thread in threads:
            thread.join(DEADLINE)
    assert not any(thread.is_alive() for thread in threads)


def connections_of(counters: Any) -> int:
    return int(counters._row[1])
