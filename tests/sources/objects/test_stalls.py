"""A store that falls silent for five seconds, or that gives up on a slow client."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.ceph import Ceph, kill, settled_port
from tests.servers import eventually, running
from tests.sources.objects.proxy import Fault, proxy
from wsgistream import DirectoryApp

DATA = b"".join(b"%07d\n" % number for number in range(524288))  # 4 MiB
LARGE = DATA * 8  # more than all buffers on the way hold

#: Two kinds of patience: more than the stall, as by default, and less.
PATIENT, HASTY = {}, {"timeout": 1}


@pytest.fixture(scope="module")
def bucket(ceph: Ceph) -> str:
    bucket = ceph.make_bucket()
    ceph.put(bucket, "film.mp4", DATA)
    ceph.put(bucket, "large.mp4", LARGE)
    return bucket


def stalled(
    ceph: Ceph, bucket: str, fault: Fault, options: dict[str, Any], *fields: str
) -> tuple[bytes, list[str]]:
    """Download through a proxy whose first answer stalls; gives the body, and what was asked."""
    with proxy(ceph.port) as store:
        store.faults.append(fault)
        app = DirectoryApp(ceph.store(bucket, endpoint=store.endpoint, **options))
        with running(app) as run, run.connect() as client:
            client.ask("/film.mp4", "GET", *fields)
            return client.answer().body, store.requests


def test_five_seconds_of_silence_are_not_seen(ceph: Ceph, bucket: str) -> None:
    """All at once, since each of them lasts for five seconds."""
    middle, head = Fault(stop=1_000_000, stall=5), Fault(answer=b"", silent=True)
    with ThreadPoolExecutor() as pool:
        waited = pool.submit(stalled, ceph, bucket, middle, PATIENT)
        resumed = pool.submit(stalled, ceph, bucket, middle, HASTY, "Range: bytes=8-")
        asked_again = pool.submit(stalled, ceph, bucket, head, HASTY)
        assert waited.result() == (DATA, ["GET"])
        # What has come is not asked for again.
        assert resumed.result() == (DATA[8:], ["GET 8-", f"GET 1000008-{len(DATA) - 1}"])
        assert asked_again.result() == (DATA, ["GET", "GET"])


@pytest.fixture
def hasty_port(ceph: Ceph) -> Iterator[int]:
    """A second gateway to the same store, which gives up on a client after a second."""
    port = settled_port()
    front = f"beast endpoint=127.0.0.1:{port} request_timeout_ms=1000"
    gateway = ceph.start("radosgw", "-n", "client.rgw", f"--rgw-frontends={front}")
    try:
        assert eventually(lambda: answers(port))
        yield port
    finally:
        kill(gateway)


def answers(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def connections(port: int) -> int:
    """Count the connections that a server at a port of this machine still has."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    established = "01"
    return sum(line.split()[1:4:2] == [f"0100007F:{port:04X}", established] for line in lines)


def test_a_store_that_gives_up_on_a_slow_client_is_asked_for_the_rest(
    ceph: Ceph, bucket: str, hasty_port: int
) -> None:
    app = DirectoryApp(ceph.store(bucket, endpoint=f"http://127.0.0.1:{hasty_port}"))
    with running(app, threads=1) as run, run.connect(window=8192) as client:
        client.ask("/large.mp4")
        assert client.socket.recv(1, socket.MSG_PEEK) == b"H"
        assert eventually(lambda: connections(hasty_port) == 1)
        assert eventually(lambda: not connections(hasty_port))
        assert client.answer().body == LARGE
