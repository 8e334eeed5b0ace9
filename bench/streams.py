"""Streams: one client with thousands of open event streams, and what it sees on them."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.clients import hurry
from bench.numbers import difference, ratio
from bench.process import Server, raise_descriptor_limit
from bench.wire import Broken, Line, Poll, connect, parse_head, request

# Streams that are opened at once, and seconds until each of them must have said something.
_CROWD: Final = 50
_PATIENCE: Final = 3.0

# Descriptors for all else.
_OTHERS: Final = 64

_EVENTS: Final = 5
_CONNECTIONS: Final = 32
_STAMP: Final = re.compile(rb"data: (\d+)\n")


@dataclass
class Seen:
    """What was seen, the latter half of it only where all streams could be opened."""

    wanted: int
    streams: int = 0
    memory: int | None = None
    memory_grown: float | None = None
    idle_cpu: float | None = None
    rate_without: float | None = None
    rate_with: float = 0.0
    delays: list[float] = field(default_factory=list)


@dataclass
class Told:
    """What became of events for all; nothing where not all streams could be opened."""

    wanted: int
    streams: int
    memory_grown: float | None
    delays: list[float] = field(default_factory=list)
    #: Seconds that the server has computed for an event to one stream.
    computed: float | None = None


def watch(server: Server, wanted: int, seconds: float) -> Seen:
    """Open streams, rest, ask for other things beside them, and await events on all."""
    wanted = _as_many_as_may_be(wanted)
    seen = Seen(wanted, rate_without=_rate(server.port, seconds))
    with _opened(server, wanted) as opened:
        seen.streams = len(opened.streams)
        seen.memory, seen.memory_grown = opened.memory, opened.memory_grown
        if seen.streams == wanted:
            seen.idle_cpu = _idle_cpu(server, seconds)
            seen.rate_with = _rate(server.port, seconds)
            with _telling(server.port, opened.streams) as tell:
                seen.delays = [delay for _ in range(_EVENTS) for delay in tell()]
    return seen


def tell_all(server: Server, wanted: int, seconds: float, sign: Path) -> Told:
    """Open streams, and await events on all; then give a sign, and go on for so many seconds."""
    wanted = _as_many_as_may_be(wanted)
    with _opened(server, wanted) as opened:
        told = Told(wanted, len(opened.streams), opened.memory_grown)
        if told.streams == wanted:
            with _telling(server.port, opened.streams) as tell:
                before = server.cpu()
                told.delays = [delay for _ in range(_EVENTS) for delay in tell()]
                computed = difference(server.cpu(), before)
                told.computed = ratio(computed, _EVENTS * wanted)
                sign.touch()
                until = time.monotonic() + seconds
                while time.monotonic() < until:
                    tell()
    return told


def _as_many_as_may_be(streams: int) -> int:
    # This process has so many descriptors, and so has the server, which has the same limit.
    return min(streams, raise_descriptor_limit() - _OTHERS)


@dataclass
class _Opened:
    """The streams that are open, and the resident bytes of the server before and after."""

    streams: dict[int, socket.socket]
    memory: int | None
    memory_grown: float | None


@contextmanager
def _opened(server: Server, wanted: int) -> Iterator[_Opened]:
    before = server.memory()
    streams = _open(server.port, wanted)
    try:
        after = server.memory()
        grown = difference(after and after.now, before and before.now)
        yield _Opened(streams, after and after.now, grown)
    finally:
        for sock in streams.values():
            sock.close()


def _rate(port: int, seconds: float) -> float:
    hurry(port, ["/hello"], _CONNECTIONS, seconds / 5)
    got = hurry(port, ["/hello"], _CONNECTIONS, seconds)
    return got.rate


def _idle_cpu(server: Server, seconds: float) -> float | None:
    time.sleep(0.5)  # what was done at the opening may have an end still to come
    before = server.cpu()
    time.sleep(seconds)
    return ratio(difference(server.cpu(), before), seconds)


def _open(port: int, count: int) -> dict[int, socket.socket]:
    """Open streams until there are enough, or until one has nothing to say."""
    streams: dict[int, socket.socket] = {}
    while len(streams) < count:
        crowd = [connect(port, _PATIENCE) for _ in range(min(_CROWD, count - len(streams)))]
        for sock in crowd:
            sock.sendall(request("/events"))
        told = []
        until = time.monotonic() + _PATIENCE
        for sock in crowd:
            # All have waited as long: what is left of the time, or a moment to see what is there.
            sock.settimeout(max(0.01, until - time.monotonic()))
            if _is_welcome(sock):
                told.append(sock)
        streams |= {sock.fileno(): sock for sock in told}
        if len(told) < len(crowd):
            for sock in set(crowd) - set(told):
                sock.close()
            break
    for sock in streams.values():
        sock.setblocking(False)
    return streams


def _is_welcome(sock: socket.socket) -> bool:
    data = b""
    try:
        while b"\n\n" not in data:  # which no head has
            more = sock.recv(4096)
            if not more:
                return False
            data += more
    except TimeoutError:
        return False
    head = parse_head(data)
    if head is None or head.status != 200:
        raise Broken("A stream does not begin with an answer.")
    return True


@contextmanager
def _telling(port: int, streams: dict[int, socket.socket]) -> Iterator[Callable[[], list[float]]]:
    """Give what has an event published, and tells how long it took to each stream."""
    receivers = {key: sock.recv for key, sock in streams.items()}
    with closing(Poll()) as poll, closing(Line(port)) as line:
        for sock in streams.values():
            poll.add(sock)

        def tell() -> list[float]:
            line.send(request("/publish", {"Content-Length": "0"}, method="POST"))
            found = _collect(poll, receivers)
            line.discard(line.head().length or 0)
            return found

        yield tell


def _collect(poll: Poll, receivers: Mapping[int, Callable[[int], bytes]]) -> list[float]:
    """Read one event from each; an event that does not come within seconds is infinitely late."""
    missing = set(receivers)
    found: list[float] = []
    until = time.monotonic() + 3 * _PATIENCE
    while missing and (left := until - time.monotonic()) > 0:
        for key in poll.wait(left):
            data = receivers[key](4096)
            now = time.monotonic_ns()
            stamp = _STAMP.search(data)
            if stamp is not None:  # and not a sign of life
                found.append((now - int(stamp[1])) / 1e9)
                missing.discard(key)
            elif not data:
                raise Broken("A stream has ended.")
    return found + [float("inf")] * len(missing)
