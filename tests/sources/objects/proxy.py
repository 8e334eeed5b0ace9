"""A proxy before a real store: it counts what is asked, and breaks what it is told to break."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.servers import DEADLINE

_SLOW_DOWN = b"<Error><Code>SlowDown</Code></Error>"
BUSY = b"HTTP/1.1 503 Slow Down\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
    len(_SLOW_DOWN),
    _SLOW_DOWN,
)
RUBBISH = b"rubbish\r\n\r\n"


@dataclass(frozen=True)
class Fault:
    """What befalls one request; nothing, if nothing is said."""

    answer: bytes | None = None
    """Answered in the store's place; empty: the connection is closed without a word."""
    stop: int | None = None
    """Bytes of the store's answer that come through, its head not counted."""
    silent: bool = False
    """After that the connection stays, and nothing comes; else it is closed."""
    stall: float | None = None
    """Seconds of silence after which the rest comes through after all."""


FINE = Fault()


@dataclass
class Proxy:
    """What has been asked for, and what is to happen to what comes next."""

    upstream: int
    port: int = 0
    faults: deque[Fault] = field(default_factory=deque)
    always: Fault = FINE
    requests: list[str] = field(default_factory=list)
    #: Bytes that the store's client has taken.
    sent: int = 0
    #: Answers that the client did not want to the end.
    given_up: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                data = client.recv(65536)
                if not data:
                    return
                head += data
            self.requests.append(_told(head))
            fault = self.faults.popleft() if self.faults else self.always
            if fault.answer is not None:
                client.sendall(fault.answer)
            else:
                self._pass(client, head, fault)
            if fault.silent:
                self.over.wait()

    def _pass(self, client: socket.socket, head: bytes, fault: Fault) -> None:
        line, _, fields = head.partition(b"\r\n")
        with socket.create_connection(("127.0.0.1", self.upstream), DEADLINE) as store:
            store.sendall(line + b"\r\nConnection: close\r\n" + fields)
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += store.recv(65536)
            first = len(answer.partition(b"\r\n\r\n")[0]) + 4
            left = None if fault.stop is None else first + fault.stop
            data = answer
            while data:
                part = data if left is None else data[:left]
                self._send(client, part)
                left = None if left is None else left - len(part)
                data = data[len(part) :]
                if left == 0:
                    if fault.stall is None:
                        return
                    self.over.wait(fault.stall)
                    left = None
                data = data or store.recv(65536)

    def _send(self, client: socket.socket, data: bytes) -> None:
        try:
            client.sendall(data)
        except OSError:
            self.given_up.release()
            raise
        self.sent += len(data)


def _told(head: bytes) -> str:
    """Write a request as a test reads it: the method, the range, and whether it has a condition."""
    lines = head.decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
    method = "LIST" if "?" in lines[0] else lines[0].split()[0]
    told = [
        method,
        fields.get("range", "").removeprefix("bytes="),
        "if-match" * ("if-match" in fields),
    ]
    return " ".join(filter(None, told))


@contextmanager
def proxy(upstream: int, listener: socket.socket | None = None) -> Iterator[Proxy]:
    """Run a proxy before the store at a port of this machine."""
    with listener or socket.create_server(("127.0.0.1", 0)) as listening:
        made = Proxy(upstream, listening.getsockname()[1])
        thread = threading.Thread(target=made.serve, args=(listening,), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            made.over.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(DEADLINE)
