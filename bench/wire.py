"""Wire: requests, the heads of answers, and sockets, at as little cost as Python has for them."""

from __future__ import annotations

import re
import select
import socket
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

# What is received with it is counted and not copied; elsewhere than on Linux it is copied.
DISCARD: Final = socket.MSG_TRUNC if hasattr(select, "epoll") else 0

#: What is discarded needs a place all the same, of the size of what is asked for.
NOWHERE: Final = bytearray(4 * 1024 * 1024)

_LONGEST_HEAD: Final = 16 * 1024


class Broken(Exception):
    """An answer is not what it should be; the text says how."""


class Head(NamedTuple):
    """What stands before a body."""

    status: int
    #: Bytes of the body; None: it says so itself.
    length: int | None
    #: Bytes of the head.
    size: int


def request(target: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: bench"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode()


def byte_range(start: int, stop: int | None = None) -> dict[str, str]:
    """Ask for the bytes from ``start`` to ``stop``, which is not included, or to the end."""
    return {"Range": f"bytes={start}-{'' if stop is None else stop - 1}"}


def parse_head(data: bytes) -> Head | None:
    """Read the head of an answer; None: there is more to come."""
    end = data.find(b"\r\n\r\n")
    if end == -1:
        if len(data) > _LONGEST_HEAD:
            raise Broken("The head of an answer has no end.")
        return None
    head = data[:end]
    status = re.match(rb"HTTP/1\.[01] (\d{3})", head)
    if status is None:
        raise Broken(f"An answer begins with {head[:40]!r}.")
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    return Head(int(status[1]), int(length[1]) if length else None, end + 4)


def sized(head: Head, *statuses: int) -> int:
    """The length of a body that must be known, of an answer that must have one of the statuses."""
    if head.status not in statuses:
        raise Broken(f"The status is {head.status}.")
    if head.length is None:
        raise Broken("The answer does not say its length.")
    return head.length


class Line:
    """A connection for one request after the other."""

    def __init__(self, port: int, timeout: float = 30.0, host: str = "127.0.0.1") -> None:
        self._sock = connect(port, timeout, host)
        self.pending = b""

    def send(self, message: bytes) -> None:
        self._sock.sendall(message)

    def head(self) -> Head:
        """Read a head; what has come of the body is ``pending``."""
        data = self.pending
        while (head := parse_head(data)) is None:
            more = self._sock.recv(65536)
            if not more:
                raise Broken("The connection has ended before the head of an answer.")
            data += more
        self.pending = data[head.size :]
        return head

    def discard(self, size: int) -> None:
        """Receive so many bytes of a body without looking at them."""
        used = min(size, len(self.pending))
        self.pending = self.pending[used:]
        left = size - used
        while left:
            count = self._sock.recv_into(NOWHERE, min(left, len(NOWHERE)), DISCARD)
            if not count:
                raise Broken(f"The connection has ended {left} bytes before the body.")
            left -= count

    def read(self, size: int) -> bytes:
        """Receive up to so many bytes."""
        data, self.pending = self.pending[:size], self.pending[size:]
        return data or self._sock.recv(size)

    def ask(self, message: bytes, *statuses: int) -> int:
        """Send a request and receive the answer; gives the length of its body."""
        self.send(message)
        length = sized(self.head(), *(statuses or (200,)))
        self.discard(length)
        return length

    def close(self) -> None:
        self._sock.close()


def connect(port: int, timeout: float = 30.0, host: str = "127.0.0.1") -> socket.socket:
    sock = socket.create_connection((host, port), timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


class Poll:
    """Waiting for many sockets to have something to read: by epoll, or else by poll."""

    def __init__(self) -> None:
        self._poll: Any = select.epoll() if hasattr(select, "epoll") else select.poll()
        self._unit = 1 if hasattr(select, "epoll") else 1000

    def add(self, sock: socket.socket) -> None:
        self._poll.register(sock.fileno(), select.POLLIN)

    def remove(self, sock: socket.socket) -> None:
        self._poll.unregister(sock.fileno())

    def wait(self, seconds: float) -> list[int]:
        """Wait for some; gives their descriptors."""
        return [number for number, _ in self._poll.poll(max(0.0, seconds) * self._unit)]

    def close(self) -> None:
        if hasattr(self._poll, "close"):
            self._poll.close()
