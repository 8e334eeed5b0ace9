"""Counted: events over two servers and a Redis, each killed under load, and who has had which."""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import IO, Final, NamedTuple

import wsgistream
from bench.network import Host, alone, host
from bench.wire import Broken, Line, connect, request
from wsgistream import EventsApp, RedisHub

_PORT: Final = 8080
_REDIS_PORT: Final = 6379
_TOPIC: Final = "counted"
_TOKEN: Final = "whoever-publishes"
_LAST: Final = "the last"

_PUBLISHERS: Final = 8

# Events that are kept: more than are published while somebody is away.
_HISTORY: Final = 20_000

# Seconds until what was killed begins anew, between two attempts, and until all has failed.
_AWAY: Final = 1.0
_PAUSE: Final = 0.05
_PATIENCE: Final = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Count; 1: an event was lost, or came twice, or to others in another order."""
    parser = argparse.ArgumentParser(prog="python -m bench.counted", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000, help="by default 100000")
    parser.add_argument("--serve", nargs=2, metavar=("REDIS", "LISTEN"), help=argparse.SUPPRESS)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.serve:
        _serve(*chosen.serve)
    elif not chosen.alone:
        alone("bench.counted", ["--alone", f"--events={chosen.events}"])
    else:
        with host(1) as one, host(2) as two, tempfile.TemporaryDirectory() as folder:
            return _count(chosen.events, (one, two), folder)
    return 0


def _serve(redis: str, listen: str) -> None:
    hub = RedisHub(redis, history=_HISTORY, patience=_PATIENCE)
    events = EventsApp(hub, topics=[_TOPIC], publish=_TOKEN)
    wsgistream.serve(events, listen=listen, threads=_PUBLISHERS, grace=0, log_format=None)


class Program:
    """What runs, is killed in the middle of whatever it does, and begins anew."""

    def __init__(self, command: Sequence[str], address: str, port: int) -> None:
        self._command = command
        self._place = (address, port)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin it, and wait until it listens."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            with suppress(OSError), closing(connect(self._place[1], host=self._place[0])):
                return
            time.sleep(_PAUSE)
        raise TimeoutError(f"{self._command} does not listen.")

    def kill(self) -> None:
        """End it by SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @contextmanager
    def running(self) -> Iterator[Program]:
        try:
            self.start()
            yield self
        finally:
            self.kill()


def _redis(folder: str) -> Program:
    """Make a Redis of which nothing is lost that it has said yes to."""
    options = ["--protected-mode", "no", "--dir", folder, "--logfile", "log", "--save", ""]
    durable = ["--appendonly", "yes", "--appendfsync", "always"]
    return Program(["redis-server", *options, *durable], "127.0.0.1", _REDIS_PORT)


def _server(place: Host) -> Program:
    url, listen = f"redis://{place.ours}:{_REDIS_PORT}/0", f"{place.address}:{_PORT}"
    command = [sys.executable, "-m", "bench.counted", "--serve", url, listen]
    return Program(place.command(*command), place.address, _PORT)


class Publishers:
    """Many who publish; an event is published when that was answered."""

    def __init__(self) -> None:
        self.published: set[str] = set()
        #: Those that were sent and not answered, which may be there or not.
        self.unsure = 0

    @contextmanager
    def publishing(self, numbers: Iterator[int], addresses: Sequence[str]) -> Iterator[None]:
        """Have events published at several addresses, all of them until the block has ended."""
        places = itertools.islice(itertools.cycle(addresses), _PUBLISHERS)
        threads = [threading.Thread(target=self._publish, args=(numbers, each)) for each in places]
        for thread in threads:
            thread.start()
        yield
        for thread in threads:
            thread.join()

    def _publish(self, numbers: Iterator[int], address: str) -> None:
        line: Line | None = None
        for number in numbers:  # of which each takes another
            for attempt in itertools.count():
                said = f"{number}.{attempt}"
                try:
                    line = line or Line(_PORT, host=address)
                    line.ask(_publish(said))
                    break
                except (OSError, Broken):
                    if line is not None:
                        line.close()
                        self.unsure += 1
                    line = None
                    time.sleep(_PAUSE)
            self.published.add(said)
        if line is not None:
            line.close()


def _publish(said: str) -> bytes:
    headers = {"Authorization": f"Bearer {_TOKEN}", "Content-Length": str(len(said))}
    return request("/", headers, "POST") + said.encode()


class Viewer:
    """One who watches until the last event, at the next of its addresses after each break."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses
        self._last_id = ""
        self.events: list[str] = []
        self.missed = self.breaks = 0
        self.has_begun = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        for address in itertools.cycle(self._addresses):
            with suppress(OSError), closing(connect(_PORT, _PATIENCE, address)) as sock:
                # In HTTP/1.0 a stream is not in chunks.
                fields = f"Host: bench\r\nLast-Event-ID: {self._last_id}"
                sock.sendall(f"GET / HTTP/1.0\r\n{fields}\r\n\r\n".encode())
                with sock.makefile("rb") as stream:
                    self._read(stream)
                if self.events[-1:] == [_LAST]:
                    return
                self.breaks += 1
            time.sleep(_PAUSE)

    def _read(self, stream: IO[bytes]) -> None:
        while stream.readline().strip():
            """The head tells nothing."""
        event: dict[bytes, str] = {}
        for line in stream:
            name, _, value = line.partition(b": ")
            if line != b"\n":
                event[name] = value.decode().rstrip("\n")
                continue
            # Only now it is whole: what has come of another may have been cut.
            self._last_id = event[b"id"]
            self.missed += b"event" in event
            self.has_begun.set()
            if b"data" in event:
                self.events.append(event[b"data"])
            if event.get(b"data") == _LAST:
                return
            event = {}


def _count(events: int, hosts: Sequence[Host], folder: str) -> int:
    """Publish each quarter while something is killed, and tell who has had what."""
    one, two = addresses = [each.address for each in hosts]
    redis, servers = _redis(folder), [_server(each) for each in hosts]
    quarters = (
        ("server one", addresses[:1], [servers[0]]),
        ("Redis", addresses[:1], [redis]),
        ("server two", addresses, [servers[1]]),
        ("Redis and both servers", addresses, [redis, *servers]),
    )
    publishers, begun = Publishers(), time.monotonic()
    with ExitStack() as stack:
        for program in (redis, *servers):
            stack.enter_context(program.running())
        viewers = [Viewer(each) for each in ([one], [one, two], [two], [two, one])]
        for viewer in viewers:
            viewer.has_begun.wait(_PATIENCE)
        for number, (name, places, killed) in enumerate(quarters):
            start, stop = number * events // 4, (number + 1) * events // 4
            with publishers.publishing(iter(range(start, stop)), places):
                while len(publishers.published) < (start + stop) // 2:
                    time.sleep(_PAUSE)
                for program in killed:
                    program.kill()
                time.sleep(_AWAY)
                for program in killed:
                    program.start()
            _tell(f"{stop} published; killed meanwhile: {name}")
        with closing(Line(_PORT, host=one)) as line:
            line.ask(_publish(_LAST))
        for viewer in viewers:
            viewer.thread.join(_PATIENCE)
    return _verdict(publishers, viewers, time.monotonic() - begun)


def _verdict(publishers: Publishers, viewers: Sequence[Viewer], seconds: float) -> int:
    found = compare(publishers.published, [viewer.events for viewer in viewers])
    missed = sum(viewer.missed for viewer in viewers)
    _tell(
        f"{len(publishers.published)} events published in {seconds:.0f} s,"
        f" {publishers.unsure} perhaps; {len(viewers)} viewers,"
        f" {sum(viewer.breaks for viewer in viewers)} times interrupted:"
        f" {found.lost} lost, {found.doubled} doubled, {missed} times told of a gap;"
        f" orders: {found.orders}"
    )
    return int(missed > 0 or found != Found(0, 0, 1))


class Found(NamedTuple):
    """What several viewers did not have, had twice, and in how many orders they had all of it."""

    lost: int
    doubled: int
    orders: int


def compare(published: set[str], seen: Sequence[Sequence[str]]) -> Found:
    """Compare what viewers have had with what was published."""
    return Found(
        sum(len(published.difference(events)) for events in seen),
        sum(len(events) - len(set(events)) for events in seen),
        len(set(map(tuple, seen))),
    )


def _tell(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
