"""Clients: the loads that a server is put under; each is a function that ends by itself."""

from __future__ import annotations

import math
import random
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Final, NamedTuple

from bench.wire import (
    DISCARD,
    NOWHERE,
    Broken,
    Line,
    Poll,
    byte_range,
    connect,
    parse_head,
    request,
    sized,
)

# A slow client reads so many bytes at once, or what it is due in a fiftieth of a second.
_SIP: Final = 1024
_TICK: Final = 0.02


class Downloaded(NamedTuple):
    """What was received of large answers."""

    size: int
    seconds: float

    @property
    def speed(self) -> float:
        """In MB/s."""
        return self.size / self.seconds / 1e6


class Answered(NamedTuple):
    """How many requests were answered in full, in what time, and how much the client computed."""

    answers: int
    seconds: float
    computed: float

    @property
    def rate(self) -> float:
        return self.answers / self.seconds


def compare(port: int, target: str, path: Path) -> None:
    """Download a file and compare it; raises Broken where one byte is not as it should be."""
    with closing(Line(port)) as line, path.open("rb") as file:
        line.send(request(target))
        left = sized(line.head(), 200)
        if left != path.stat().st_size:
            raise Broken(f"{target} has the length {left}.")
        while left:
            data = line.read(min(left, 1024 * 1024))
            if not data or data != file.read(len(data)):
                raise Broken(f"{target} is not the file, {left} bytes before its end.")
            left -= len(data)


class _Flow:
    """A connection that downloads again and again."""

    def __init__(self, port: int, message: bytes) -> None:
        self.sock = connect(port)
        self._message = message
        self._head = b""
        self._left = 0
        self.sock.sendall(message)
        self.sock.setblocking(False)

    def receive(self) -> int:
        """Take what is there; gives the bytes of the body."""
        if not self._left:
            return self._begin()
        with suppress(BlockingIOError):
            count = self.sock.recv_into(NOWHERE, min(self._left, len(NOWHERE)), DISCARD)
            if not count:
                raise Broken(f"A download was cut {self._left} bytes before its end.")
            self._took(count)
            return count
        return 0

    def _begin(self) -> int:
        with suppress(BlockingIOError):
            data = self.sock.recv(16 * 1024)
            if not data:
                raise Broken("The connection has ended before an answer.")
            self._head += data
        head = parse_head(self._head)
        if head is None:
            return 0
        self._left = sized(head, 200)
        count = len(self._head) - head.size
        self._head = b""
        if count > self._left:
            raise Broken("An answer is longer than it says.")
        self._took(count)
        return count

    def _took(self, count: int) -> None:
        self._left -= count
        if not self._left:
            self.sock.sendall(self._message)


def download(port: int, target: str, connections: int, seconds: float) -> Downloaded:
    """Download as fast as it comes, over and over, until the time is over."""
    size = 0
    with ExitStack() as stack:
        poll = stack.enter_context(closing(Poll()))
        flows = {}
        for _ in range(connections):
            flow = _Flow(port, request(target))
            flows[stack.enter_context(flow.sock).fileno()] = flow
            poll.add(flow.sock)
        begin = now = time.monotonic()
        while now - begin < seconds:
            for number in poll.wait(begin + seconds - now):
                size += flows[number].receive()
            now = time.monotonic()
    return Downloaded(size, now - begin)


def sip(port: int, target: str, clients: int, rate: float, seconds: float) -> Downloaded:
    """Download with many clients that take no more than ``rate`` bytes a second each."""
    socks = [connect(port) for _ in range(clients)]
    try:
        return _sip(socks, request(target), rate, seconds)
    finally:
        for sock in socks:
            sock.close()


def _sip(socks: Sequence[socket.socket], message: bytes, rate: float, seconds: float) -> Downloaded:
    portion = max(_SIP, int(rate * _TICK))
    for sock in socks:
        sock.sendall(message)
        sock.setblocking(False)
    taken = [0] * len(socks)
    # All at once would be a crowd and then nobody.
    delays = [portion / rate * number / len(socks) for number in range(len(socks))]
    begin = now = time.monotonic()
    while now - begin < seconds:
        for number, sock in enumerate(socks):
            due = int((now - begin - delays[number]) * rate) - taken[number]
            if due >= portion:
                taken[number] += _take(sock, min(due, len(NOWHERE)), taken[number] == 0)
        time.sleep(max(0.0, now + _TICK - time.monotonic()))
        now = time.monotonic()
    return Downloaded(sum(taken), now - begin)


def _take(sock: socket.socket, size: int, is_first: bool) -> int:
    try:
        if is_first:
            data = sock.recv(size)
            if not data.startswith(b"HTTP/1.1 200"):
                raise Broken(f"An answer begins with {data[:40]!r}.")
            return len(data)
        count = sock.recv_into(NOWHERE, size, DISCARD)
    except BlockingIOError:
        return 0
    if not count:
        raise Broken("A slow download was cut.")
    return count


def latencies(
    port: int, target: str, seconds: float, pause: float, timeout: float = 2.0
) -> list[float]:
    """Ask for something small now and then; gives seconds, infinite where no answer came."""
    found: list[float] = []
    message = request(target)
    line = Line(port, timeout)
    end = time.monotonic() + seconds
    while not found or time.monotonic() < end:
        begin = time.perf_counter()
        try:
            line.ask(message)
        except TimeoutError:
            found.append(math.inf)
            line.close()
            line = Line(port, timeout)
        else:
            found.append(time.perf_counter() - begin)
        time.sleep(pause)
    line.close()
    return found


def random_ranges(port: int, target: str, total: int, size: int, seconds: float) -> Answered:
    """Fetch ranges from anywhere in a file, one after the other on one connection."""
    chance = random.Random(1)  # the same places for all
    count = 0
    with closing(Line(port)) as line:
        begin, computed = time.monotonic(), time.process_time()
        while (passed := time.monotonic() - begin) < seconds:
            start = chance.randrange(total - size)
            if line.ask(request(target, byte_range(start, start + size)), 206) != size:
                raise Broken("A range has another length than was asked for.")
            count += 1
    return Answered(count, passed, time.process_time() - computed)


def first_bytes(port: int, target: str, start: int, tries: int, seconds: float) -> list[float]:
    """Seek in a file, each time on a new connection; gives seconds until the body begins."""
    message = request(target, byte_range(start))
    found: list[float] = []
    end = time.monotonic() + seconds
    while not found or (len(found) < tries and time.monotonic() < end):
        with closing(Line(port)) as line:
            time.sleep(0.005)  # the server has accepted the connection, and rests
            begin = time.perf_counter()
            line.send(message)
            sized(line.head(), 206)
            data = line.read(1)
            found.append(time.perf_counter() - begin)
            if not data:
                raise Broken("A range has no bytes.")
    return found


def hurry(port: int, targets: Sequence[str], connections: int, seconds: float) -> Answered:
    """Ask for small things on many connections, each as soon as the one before is there."""
    socks = [connect(port) for _ in range(connections)]
    try:
        return _hurry(socks, [request(target) for target in targets], seconds)
    finally:
        for sock in socks:
            sock.close()


def _hurry(socks: Sequence[socket.socket], messages: Sequence[bytes], seconds: float) -> Answered:
    # All that is done for an answer is done here without a call of ours: it is as dear to the
    # client as a good server's work is to the server.
    with closing(Poll()) as poll:
        receivers, senders, sizes, asked, missing = {}, {}, {}, {}, {}
        for number, sock in enumerate(socks):
            key, message = sock.fileno(), messages[number % len(messages)]
            sizes[key] = missing[key] = _size_of_answer(sock, message)
            receivers[key], senders[key], asked[key] = sock.recv, sock.send, message
            poll.add(sock)
        count = 0
        begin, computed = time.monotonic(), time.process_time()
        for key, message in asked.items():
            senders[key](message)
        while (passed := time.monotonic() - begin) < seconds:
            for key in poll.wait(seconds - passed):
                got = len(receivers[key](65536))
                left = missing[key] - got
                if left == 0:
                    count += 1
                    missing[key] = sizes[key]
                    senders[key](asked[key])
                elif left < 0 or not got:
                    raise Broken("An answer is not as long as the one before.")
                else:
                    missing[key] = left
        return Answered(count, passed, time.process_time() - computed)


def _size_of_answer(sock: socket.socket, message: bytes) -> int:
    """Ask once, and count the answer by what its head says; the next ones will be the same."""
    sock.sendall(message)
    data = b""
    while (head := parse_head(data)) is None or len(data) < head.size + sized(head, 200):
        more = sock.recv(65536)
        if not more:
            raise Broken("The connection has ended before an answer.")
        data += more
    if len(data) > head.size + sized(head, 200):
        raise Broken("An answer is longer than it says.")
    return len(data)
