"""Processes and their clients: who lives, who answers, and what fails while something happens."""

from __future__ import annotations

import http.client
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers import DEADLINE, Connection, eventually


def _stat(process: int) -> list[str]:
    """What the system tells of a process, from its state on; nothing if it is not there."""
    with suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return []


def is_alive(process: int) -> bool:
    """Tell whether it runs; one that has ended and that nobody has asked for does not."""
    return _stat(process)[:1] not in ([], ["Z"])


def children(process: int) -> set[int]:
    """The processes that this one has started and that run."""
    numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return {each for each in numbers if _stat(each)[1:2] == [str(process)] and is_alive(each)}


def ask(address: Any, target: str = "/") -> str:
    """Ask by a connection of its own."""
    with Connection(address) as client:
        client.ask(target, "GET", "Connection: close")
        return client.answer().body.decode()


def connection_to(address: Any, process: int) -> Connection:
    """Connect until it is this process that answers."""
    found: list[Connection] = []

    def try_it() -> bool:
        client = Connection(address, window=8192)
        client.ask("/process")
        if int(client.answer().body) == process:
            found.append(client)
            return True
        client.__exit__()
        return False

    assert eventually(try_it)
    return found[0]


@dataclass
class Load:
    """Clients that ask again and again, and what came of it."""

    address: Any
    kept: bool
    answers: set[str] = field(default_factory=set)
    count: int = 0
    failures: list[BaseException] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def ask_on(self) -> None:
        client: Connection | None = None
        while not self.over.is_set():
            try:
                client = self._ask_once(client)
            except (OSError, http.client.HTTPException, ValueError, IndexError) as failure:
                self.failures.append(failure)
                client = None
        if client is not None:
            client.__exit__()

    def _ask_once(self, client: Connection | None) -> Connection | None:
        client = client or Connection(self.address)
        left = None
        try:
            client.ask("/", "GET", *([] if self.kept else ["Connection: close"]))
            answer = client.answer()
            self.answers.add(answer.body.decode())
            self.count += 1
            if self.kept and (answer.get("connection") or "").lower() != "close":
                left = client
            return left
        finally:
            if left is None:
                client.__exit__()

    def goes_on(self) -> bool:
        """Wait until each client has surely asked anew."""
        enough = self.count + 20
        return eventually(lambda: self.count >= enough)

    def are_told(self, text: str) -> bool:
        """Wait until one has got an answer that begins with this word."""
        return eventually(lambda: text in {answer.split()[0] for answer in self.answers.copy()})


CLIENTS = 4


@contextmanager
def load(address: Any, *, kept: bool = False) -> Iterator[Load]:
    """Have several clients ask, by kept connections or by a new one each time."""
    run = Load(address, kept)
    threads = [threading.Thread(target=run.ask_on, daemon=True) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        assert run.goes_on(), run.failures
        yield run
    finally:
        run.over.set()
        for thread in threads:
            thread.join(DEADLINE)
            assert not thread.is_alive()


def is_refused(address: Any) -> bool:
    """Tell whether nobody listens there."""
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as client:
        client.settimeout(DEADLINE)
        return client.connect_ex(address) != 0
