"""The bridge under uvicorn, hypercorn and daphne, as their own commands start them."""

from __future__ import annotations

import hashlib
import os
import re
import signal
from collections.abc import Iterator, Sequence
from functools import partial
from http.client import IncompleteRead
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.live import fetch
from tests.servers import Connection, Process, process
from tests.test_request_table import (  # noqa: F401
    Ask,
    root,
    test_a_failure_in_mid_stream_can_be_seen,
    test_get,
    test_head_has_the_headers_of_get_and_no_body,
    test_many_clients_at_once_each_have_their_own_bytes,
    test_several_ranges_are_given_in_parts_of_exactly_the_length_announced,
)

PROGRAM = "tests.asgi.program:application"

COMMANDS: dict[str, Sequence[str]] = {
    "uvicorn": ("-m", "uvicorn", PROGRAM, "--port", "0"),
    "uvicorn with h11": ("-m", "uvicorn", PROGRAM, "--port", "0", "--http", "h11"),
    "hypercorn": ("-m", "hypercorn", PROGRAM, "--bind", "127.0.0.1:0"),
    "daphne": ("-m", "daphne", "-b", "127.0.0.1", "-p", "0", PROGRAM),
}


class Live(NamedTuple):
    """A server that runs."""

    process: Process
    port: int

    def connect(self, window: int | None = None) -> Connection:
        return Connection(("127.0.0.1", self.port), window=window)

    def ask(self, path: str) -> str:
        return fetch(self.port, path).body.decode()


def port_of(run: Process) -> int:
    """Wait for the line that names the address."""
    while True:
        found = re.search(r"127\.0\.0\.1:(\d+)", run.said())
        if found is not None:
            return int(found[1])


@pytest.fixture(scope="module", params=COMMANDS)
def live(request: pytest.FixtureRequest, root: Path) -> Iterator[Live]:  # noqa: F811
    environ = {"PROGRAM_ROOT": str(root), "PROGRAM_THREADS": "2"}
    with open(root / "sparse.bin", "wb") as sparse:
        sparse.truncate(FAR + 100)
        os.pwrite(sparse.fileno(), b"here", FAR)
    with process(script=COMMANDS[request.param], environ=environ) as run:
        yield Live(run, port_of(run))
        run.signal(signal.SIGTERM)
        run.end()
        assert not [line for line in run.rest()[1] if "ResourceWarning" in line]


@pytest.fixture(scope="module")
def get(live: Live) -> Ask:
    return partial(fetch, live.port)


FAR = 5 * 1024**3


def test_a_range_far_into_a_large_file(get: Ask) -> None:
    answer = get("/sparse.bin", headers={"Range": f"bytes={FAR}-{FAR + 3}"})
    assert (answer.status, answer.body) == (206, b"here")


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param((), id="the whole"),
        pytest.param(("Range: bytes=5-9",), id="a range"),
        pytest.param(("Range: bytes=0-0,5-6",), id="two ranges"),
        pytest.param(("If-None-Match: *",), id="304"),
        pytest.param(('If-Match: "x"',), id="412"),
        pytest.param(("Range: bytes=10-",), id="416"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_connection_is_kept_and_has_no_byte_too_many(
    live: Live, method: str, headers: Sequence[str]
) -> None:
    with live.connect() as client:
        for _ in range(2):
            client.ask("/small.txt", method, *headers)
            client.answer(method)
        client.ask("/stream")
        assert client.answer().body.startswith(b"chunk 0 ")
        client.ask("/small.txt")
        assert client.answer().body == b"0123456789"


@pytest.mark.parametrize("size", [0, 5, 3_000_000])
@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "in chunks"])
def test_what_is_posted_arrives(live: Live, size: int, chunked: bool) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    content = content[:size]
    with live.connect() as client:
        if chunked:
            client.ask("/echo", "POST", "Transfer-Encoding: chunked")
            for start in range(0, size, 100_000):
                part = content[start : start + 100_000]
                client.send(b"%x\r\n%s\r\n" % (len(part), part))
            client.send(b"0\r\n\r\n")
        else:
            client.ask("/echo", "POST", f"Content-Length: {size}")
            client.send(content)
        answer = client.answer().body.decode()
        assert answer == f"{size} {hashlib.sha256(content).hexdigest()}"
        client.ask("/small.txt")
        assert client.answer().status == 200


def test_a_failure_that_has_no_length_is_seen(live: Live) -> None:
    with live.connect() as client:
        client.ask("/failing")
        with pytest.raises(IncompleteRead):
            client.answer()


def test_a_failure_before_the_first_byte_is_a_clean_500(live: Live, get: Ask) -> None:
    for _ in range(2):
        with pytest.raises(IncompleteRead):
            get("/failing")  # of which no server is to take harm
        assert get("/broken").status == 500


@pytest.mark.parametrize("reset", [False, True], ids=["politely", "by a reset"])
@pytest.mark.parametrize("kind", ["bound", "pausable"])
def test_endless_bodies_are_closed_when_their_clients_leave(
    live: Live, kind: str, reset: bool
) -> None:
    names = [f"{kind}{reset}{number}" for number in range(12)]
    for name in names:
        with live.connect(window=8192) as client:
            client.ask(f"/endless?name={name}&kind={kind}")
            assert client.read(1000)
            if reset:
                client.reset()
    outcomes = {live.ask(f"/closed?name={name}") for name in names}
    assert outcomes <= {"1 1", "1 2"}  # closed once, whatever threads went on with it
    assert kind == "pausable" or outcomes == {"1 1"}
    assert live.ask("/small.txt") == "0123456789"


def test_idle_streams_hold_no_thread_and_are_all_told(live: Live) -> None:
    clients = [live.connect() for _ in range(200)]
    try:
        for number, client in enumerate(clients):
            client.ask(f"/parked?name=parked{number}")
        for client in clients:
            assert client.read(1) == b"H"  # the answer has begun
        assert int(live.ask("/memory").split()[1]) < 20  # threads
        assert live.ask("/publish") == "200"
        for client in clients:
            assert client.answer().body == b"welcome\nnews\n"
    finally:
        for client in clients:
            client.__exit__()
    assert {live.ask(f"/closed?name=parked{number}") for number in range(200)} == {"1 0"}


def test_an_idle_stream_is_closed_when_its_client_leaves(live: Live) -> None:
    with live.connect() as client:
        client.ask("/parked?name=left")
        assert client.read(1)
    assert live.ask("/closed?name=left") == "1 0"


def test_slow_clients_cost_what_is_on_its_way_to_them(live: Live) -> None:
    before = int(live.ask("/memory").split()[0])
    clients = [live.connect(window=8192) for _ in range(10)]
    for client in clients:
        client.ask("/gibibyte")
    for _ in range(20):
        for client in clients:
            client.read(1000)
        used = int(live.ask("/memory").split()[0]) - before
    for client in clients:
        client.__exit__()
    assert used < 10 * 2048  # kilobytes
