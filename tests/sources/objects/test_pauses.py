"""Clients that take their time: what is held for them, and how they get the rest."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from typing import Any

import pytest

from tests.ceph import Ceph
from tests.clock import Clock
from tests.servers import DEADLINE, Connection, running
from tests.sources.objects.proxy import Proxy
from wsgistream import DirectoryApp
from wsgistream.sources.objects.bucket import Bucket
from wsgistream.sources.objects.failures import Replaced
from wsgistream.sources.objects.part import BLOCK, PACE
from wsgistream.sources.objects.resting import MOST, PAUSE

DATA = b"".join(b"%07d\n" % number for number in range(2097152))  # 16 MiB
SIZE = len(DATA)


@pytest.fixture(scope="module")
def bucket(ceph: Ceph) -> str:
    bucket = ceph.make_bucket()
    ceph.put(bucket, "film.mp4", DATA)
    return bucket


@pytest.fixture
def made(ceph: Ceph, store: Proxy, bucket: str) -> Bucket:
    return ceph.store(bucket, endpoint=store.endpoint)


@pytest.fixture
def clock(made: Bucket) -> Clock:
    clock = Clock()
    made._client.resting.clock = clock
    return clock


class Reader:
    """Who reads the film, one chunk when it likes."""

    def __init__(self, store: Bucket) -> None:
        source: Any = store.for_request({"REQUEST_METHOD": "GET"}).find(("film.mp4",))
        self.close = source.close
        self.chunks: Iterator[bytes] = source.read(0, SIZE)
        self.data = next(self.chunks)

    def go_on(self, clock: Clock, pause: float = 0.0) -> bytes:
        """Read to the end, with a pause before each chunk."""
        data = [self.data]
        clock.now += pause
        for chunk in self.chunks:
            data.append(chunk)
            clock.now += pause
        return b"".join(data)


def pushed_aside(made: Bucket, store: Proxy, stack: ExitStack) -> Reader:
    """Have one reader whose answer was given up for those of others."""
    reader = stack.enter_context(closing(Reader(made)))
    for _ in range(MOST):
        stack.enter_context(closing(Reader(made)))
    assert store.given_up.acquire(timeout=DEADLINE)
    assert store.requests == ["GET"] * (MOST + 1)
    store.requests.clear()
    return reader


def blocks(start: int, stop: int) -> Sequence[str]:
    places = range(start, stop, BLOCK)
    return [f"GET {at}-{min(at + BLOCK, SIZE) - 1} if-match" for at in places]


def test_one_that_takes_its_time_is_one_request_where_there_is_room(
    made: Bucket, store: Proxy, clock: Clock
) -> None:
    with closing(Reader(made)) as reader:
        assert reader.go_on(clock, PAUSE) == DATA
    assert store.requests == ["GET"]


def test_one_that_pauses_goes_on_in_blocks_where_there_is_none(
    made: Bucket, store: Proxy, clock: Clock
) -> None:
    with ExitStack() as stack:
        reader = pushed_aside(made, store, stack)
        assert reader.go_on(clock, PAUSE) == DATA
    assert store.requests == blocks(len(reader.data), SIZE)


def test_one_that_keeps_pace_again_has_an_answer_that_stays_open(
    made: Bucket, store: Proxy, clock: Clock
) -> None:
    with ExitStack() as stack:
        reader = pushed_aside(made, store, stack)
        assert reader.go_on(clock) == DATA
    *asked, last = store.requests
    assert asked == blocks(len(reader.data), PACE)
    start = len(reader.data) + len(asked) * BLOCK
    assert last == f"GET {start}-{SIZE - 1} if-match"


def test_one_that_keeps_pace_is_not_disturbed_by_others(
    made: Bucket, store: Proxy, clock: Clock
) -> None:
    with ExitStack() as stack:
        reader = stack.enter_context(closing(Reader(made)))
        data = [reader.data]
        while sum(map(len, data)) <= PACE + BLOCK:
            # No more than this is held for a client of whom nothing is known.
            assert len(data[-1]) <= BLOCK
            data.append(next(reader.chunks))
        for _ in range(MOST + 1):
            stack.enter_context(closing(Reader(made)))
        assert b"".join([*data, *reader.chunks]) == DATA
    assert store.requests == ["GET"] * (MOST + 2)


def test_two_versions_are_never_joined(ceph: Ceph, store: Proxy) -> None:
    bucket = ceph.make_bucket()
    ceph.put(bucket, "film.mp4", DATA)
    made = ceph.store(bucket, endpoint=store.endpoint)
    with ExitStack() as stack:
        reader = pushed_aside(made, store, stack)
        ceph.put(bucket, "film.mp4", DATA[::-1])
        with pytest.raises(Replaced):
            next(reader.chunks)


def test_many_slow_clients_hold_no_thread_and_few_answers(made: Bucket, store: Proxy) -> None:
    many = MOST + 4
    with running(DirectoryApp(made), threads=1) as run, ExitStack() as stack:
        clients = [
            stack.enter_context(Connection(run.addresses[0], window=8192)) for _ in range(many)
        ]
        for client in clients:
            client.ask("/film.mp4")
            assert client.socket.recv(1, socket.MSG_PEEK) == b"H"
        for _ in range(many - MOST):
            assert store.given_up.acquire(timeout=DEADLINE)
        for client in clients:
            assert client.answer().body == DATA
    assert store.requests[:many] == ["GET"] * many
