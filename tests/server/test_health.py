"""What a server tells of itself, and that it tells it whatever else it does."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.servers import DEADLINE, Connection, Running, eventually, running
from wsgistream import DirectoryApp
from wsgistream.server.counters import Counters
from wsgistream.types import Body, Environ, StartResponse

PATH = "/-/health"


def hello(environ: Environ, start_response: StartResponse) -> Body:
    start_response("200 OK", [("Content-Length", "5")])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [b"hello"]


def told(run: Running) -> dict[str, Any]:
    with run.connect() as client:
        client.ask(PATH, "GET", "Connection: close")
        found: dict[str, Any] = json.loads(client.answer().body)
        return found


def test_a_server_tells_what_it_has_done() -> None:
    began = time.time()
    with running(hello, health=True) as run, run.connect() as client:
        for _ in range(3):
            client.ask()
            assert client.answer().body == b"hello"
        client.ask(PATH)
        answer = client.answer()
        assert answer["Content-Type"] == "application/json"
        assert answer["Cache-Control"] == "no-store"
        health = json.loads(answer.body)
        assert (health["status"], health["aborted"]) == ("ok", 0)
        assert (health["answers"], health["bytes_sent"]) == (3, 15)
        assert 0 <= health["uptime"] <= time.time() - began + 1
        # The connections are counted now and then.
        assert eventually(lambda: told(run)["connections"] >= 1)


def test_an_answer_that_is_cut_is_counted_as_such() -> None:
    def broken(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [("Content-Length", "10")])
        yield b"12345"
        raise LookupError

    with running(broken, health=True) as run:
        with run.connect() as client:
            client.ask()
            assert client.rest().endswith(b"12345")
        assert eventually(lambda: told(run)["aborted"] == 1)
        assert told(run)["bytes_sent"] >= 5


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        pytest.param("POST", PATH, b"hello", id="another method is the application's"),
        pytest.param("GET", f"{PATH}/", b"hello", id="and so is another address"),
        pytest.param("GET", "/", b"hello", id="of any kind"),
        pytest.param("HEAD", PATH, b"", id="a head has no body"),
    ],
)
def test_of_requests(method: str, target: str, body: bytes) -> None:
    with running(hello, health=True) as run, run.connect() as client:
        client.ask(target, method)
        answer = client.answer(method)
        assert (answer.status, answer.body) == (200, body)
        assert method != "HEAD" or int(answer["Content-Length"]) > 20


def test_without_it_the_address_is_the_applications() -> None:
    with running(hello) as run, run.connect() as client:
        client.ask(PATH)
        assert client.answer().body == b"hello"


def test_a_server_whose_threads_are_all_taken_tells_so_all_the_same() -> None:
    entered, leave = threading.Event(), threading.Event()

    def slow(environ: Environ, start_response: StartResponse) -> Body:
        entered.set()
        assert leave.wait(DEADLINE)
        return hello(environ, start_response)

    with running(slow, health=True, threads=1) as run, run.connect() as client:
        client.ask()
        assert entered.wait(DEADLINE)
        assert told(run)["status"] == "ok"
        leave.set()
        assert client.answer().body == b"hello"


def test_what_is_quick_stays_so_behind_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    with running(DirectoryApp(tmp_path), health=True, threads=0) as run, run.connect() as client:
        client.ask("/a.txt")
        assert client.answer().body == b"a"


def test_each_process_counts_for_all() -> None:
    counters = Counters()
    for row in range(3):
        counters.take_row(row)
        counters.note(row, 10 * row)
        counters.add(100, aborted=row == 2)
    assert counters.total() == {
        "processes": 0,
        "connections": 3,
        "idle_streams": 30,
        "answers": 3,
        "aborted": 1,
        "bytes_sent": 300,
    }
    counters.take_row(2)  # a successor: what is open there now begins anew
    assert counters.total()["connections"] == 1
    assert counters.total()["answers"] == 3


def test_counts_of_many_threads_are_added_up(nothing_left: Callable[[], bool]) -> None:
    counters = Counters()

    def count() -> None:
        for _ in range(2000):
            counters.add(3, aborted=True)

    threads = [threading.Thread(target=count, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    total = counters.total()
    assert (total["answers"], total["aborted"], total["bytes_sent"]) == (16_000, 16_000, 48_000)
    assert nothing_left()


def test_counters_are_those_that_are_given() -> None:
    counters = Counters()
    with running(hello, counters=counters) as run, Connection(run.addresses[0]) as client:
        client.ask()
        assert client.answer().body == b"hello"
        assert eventually(lambda: counters.total()["answers"] == 1)
