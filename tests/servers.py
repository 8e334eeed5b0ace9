"""Servers as a user runs them: in a thread, with the lines of its log, or as a process."""

from __future__ import annotations

import os
import queue
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import IncompleteRead
from pathlib import Path
from typing import IO, Any

import pytest

from tests.client import Answer
from wsgistream.rules.access import Access
from wsgistream.server.run import Server
from wsgistream.server.sockets import bind
from wsgistream.types import WSGIApp

#: Seconds after which what has not happened will not happen.
DEADLINE = 20

ROOT = Path(__file__).parent.parent


def eventually(what: Callable[[], object]) -> bool:
    """Ask until it is so, or until it is too late: for what gives no sign of its own."""
    pause = threading.Event()
    return any(what() or pause.wait(0.01) for _ in range(DEADLINE * 100))


def _has_ipv6() -> bool:
    with suppress(OSError), socket.socket(socket.AF_INET6) as sock:
        sock.bind(("::1", 0))
        return True
    return False


HAS_IPV6 = _has_ipv6()
needs_ipv6 = pytest.mark.skipif(not HAS_IPV6, reason="this machine has no IPv6")


class Connection:
    """A client's connection that can do what clients do and libraries do not."""

    def __init__(self, address: Any, *, window: int | None = None) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        if not isinstance(address, str) and ":" in address[0]:
            family = socket.AF_INET6
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(DEADLINE)
        if window is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        try:
            self.socket.connect(address)
        except OSError:
            self.socket.close()
            raise
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def ask(self, target: str = "/", method: str = "GET", *headers: str) -> None:
        lines = [f"{method} {target} HTTP/1.1", "Host: test", *headers]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    def read(self, size: int) -> bytes:
        return self._file.read(size)

    def until(self, mark: bytes) -> bytes:
        """Read what comes until a mark is in it; raises IncompleteRead if that never comes."""
        taken = b""
        while mark not in taken:
            chunk = self._file.read1(65536)
            if not chunk:
                raise IncompleteRead(taken)
            taken += chunk
        return taken

    def rest(self) -> bytes:
        """Read until the server ends the connection, politely or not."""
        chunks = []
        try:
            while chunk := self._file.read1(65536):
                chunks.append(chunk)
        except ConnectionResetError:
            pass
        return b"".join(chunks)

    def answer(self, method: str = "GET") -> Answer:
        """Read one answer and no byte more; raises IncompleteRead for one that is cut."""
        status = int(self._line().split()[1])
        headers = []
        while line := self._line():
            name, _, value = line.partition(": ")
            headers.append((name, value))
        fields = {name.lower(): value for name, value in headers}
        length = fields.get("content-length")
        if method == "HEAD" or status in (204, 304):
            return Answer(status, headers, b"")
        if fields.get("transfer-encoding") == "chunked":
            return Answer(status, headers, b"".join(self._chunks()))
        body = self.rest() if length is None else self._exactly(int(length))
        return Answer(status, headers, body)

    def reset(self) -> None:
        """Leave without a word, as a client does that was killed."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.__exit__()

    def _line(self) -> str:
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise IncompleteRead(line)
        return line[:-2].decode("latin-1")

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._line(), 16):
            yield self._exactly(size)
            assert self._line() == ""
        assert self._line() == ""

    def _exactly(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise IncompleteRead(data, size - len(data))
        return data


@dataclass
class Running:
    """A server that runs, and the lines of its access log as they are written."""

    server: Server
    addresses: Sequence[Any]
    thread: threading.Thread
    accesses: queue.Queue[Access]

    def connect(self, *, window: int | None = None) -> Connection:
        return Connection(self.addresses[0], window=window)

    def access(self) -> Access:
        """Wait for the next line of the log."""
        return self.accesses.get(timeout=DEADLINE)

    def ended(self) -> bool:
        """Wait for the end of the server."""
        self.thread.join(DEADLINE)
        return not self.thread.is_alive()


@contextmanager
def running(
    app: WSGIApp,
    addresses: Sequence[tuple[str, int]] = (("127.0.0.1", 0),),
    unix_path: str | None = None,
    **options: Any,
) -> Iterator[Running]:
    """Run our server in a thread; what still runs is cut in the end."""
    accesses: queue.Queue[Access] = queue.Queue()

    def line(access: Access) -> str:
        accesses.put(access)
        return f"{access.status}"

    sockets = bind(addresses, unix_path)
    server = Server(app, sockets, **{"grace": 0, "line": line, **options})
    thread = threading.Thread(target=server.run, daemon=True)
    run = Running(server, [sock.getsockname() for sock in sockets], thread, accesses)
    thread.start()
    try:
        yield run
    finally:
        server.stop()
        assert run.ended(), "the server did not stop"


@dataclass
class Process:
    """A command that runs, and its lines as they are written."""

    popen: subprocess.Popen[str]
    out: queue.Queue[str] = field(default_factory=queue.Queue)
    err: queue.Queue[str] = field(default_factory=queue.Queue)
    readers: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        for stream, lines in ((self.popen.stdout, self.out), (self.popen.stderr, self.err)):
            assert stream is not None
            reader = threading.Thread(target=_read, args=(stream, lines), daemon=True)
            reader.start()
            self.readers.append(reader)

    def line(self) -> str:
        """Wait for the next line of the standard output."""
        return self.out.get(timeout=DEADLINE)

    def said(self) -> str:
        """Wait for the next line of the standard error."""
        return self.err.get(timeout=DEADLINE)

    def port(self) -> int:
        """Wait for the line that names the address, and read the port from it."""
        said = self.said()
        found = re.search(r"http://[^/]*:(\d+)/", said)
        assert found is not None, said
        return int(found[1])

    def signal(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def end(self) -> int:
        """Wait for the end; gives the exit status."""
        status = self.popen.wait(DEADLINE)
        for reader in self.readers:
            reader.join(DEADLINE)
        return status

    def rest(self) -> tuple[list[str], list[str]]:
        """What it wrote to both outputs and nobody has asked for; it must have ended."""
        return list(self.out.queue), list(self.err.queue)


def _read(stream: IO[str], lines: queue.Queue[str]) -> None:
    for line in stream:
        lines.put(line.rstrip("\n"))


@contextmanager
def process(
    *arguments: str | os.PathLike[str],
    script: Sequence[str] = ("-m", "wsgistream"),
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[Process]:
    """Run a Python command; it is killed in the end if it has not ended."""
    inherited = {name: value for name, value in os.environ.items() if "WSGISTREAM" not in name}
    popen = subprocess.Popen(
        [sys.executable, "-W", "always::ResourceWarning", *script, *arguments],
        env={**inherited, "PYTHONPATH": str(ROOT), **(environ or {})},
        cwd=cwd,
        encoding="utf-8",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    run = Process(popen)
    try:
        yield run
    finally:
        popen.kill()
        run.end()
        for stream in (popen.stdout, popen.stderr):
            assert stream is not None
            stream.close()
