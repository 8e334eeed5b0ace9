"""Two servers before one object store, and a balancer in front: one of them may die."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from signal import SIGKILL

import pytest

from tests.ceph import Ceph
from tests.fronts.fronts import configuration, program, running_front
from tests.live import fetch
from tests.ports import kept_port
from tests.servers import DEADLINE, Process, process

#: Bytes of which no buffer on the way holds the most, and no two places have alike.
FILM = b"".join(b"%07d\n" % number for number in range(4_000_000))
CLIENTS = 6


@dataclass
class Scaled:
    """What runs: the balancer, and the servers behind it."""

    port: int
    servers: list[Process]
    ports: list[int]


@pytest.fixture
def scaled(ceph: Ceph, tmp_path: Path) -> Iterator[Scaled]:
    bucket = ceph.make_bucket()
    ceph.put(bucket, "film.mp4", FILM)
    with ExitStack() as running:
        command = ("serve", f"s3://{bucket}", "--listen", "127.0.0.1:0", "--health", "--quiet")
        servers = [running.enter_context(process(*command, environ=ceph.environ)) for _ in range(2)]
        ports = [server.port() for server in servers]
        port = running.enter_context(kept_port())
        here = {f"10.0.0.{number}:8080": f"127.0.0.1:{at}" for number, at in enumerate(ports, 1)}
        text = configuration("scale-out/haproxy.cfg", {"*:80": f"127.0.0.1:{port}", **here})
        (tmp_path / "haproxy.cfg").write_text(text)
        balancer = [program("haproxy"), "-db", "-f", f"{tmp_path}/haproxy.cfg"]
        running.enter_context(running_front(balancer, tmp_path, port))
        yield Scaled(port, servers, ports)


class Client:
    """Downloads the film, and goes on where it was cut, if it is the same film."""

    def __init__(self, port: int, goes_on: threading.Barrier) -> None:
        self.requests = 0
        self._port = port
        self._goes_on = goes_on
        self._digest = hashlib.sha256()
        self._got = 0
        self._tag = ""

    def download(self) -> str:
        while self._got < len(FILM):
            self.requests += 1
            with suppress(HTTPException, OSError):
                self._read()
        return self._digest.hexdigest()

    def _read(self) -> None:
        headers = {"Range": f"bytes={self._got}-", "If-Range": self._tag} if self._got else {}
        connection = HTTPConnection("127.0.0.1", self._port, timeout=DEADLINE)
        try:
            connection.request("GET", "/film.mp4", headers=headers)
            answer = connection.getresponse()
            assert answer.status == (206 if self._got else 200)
            self._tag = answer.getheader("ETag") or ""
            first = self._got == 0
            while chunk := answer.read(65536):
                self._digest.update(chunk)
                self._got += len(chunk)
                if first:  # wait until all have begun, and again until one server is dead
                    self._goes_on.wait(DEADLINE)
                    self._goes_on.wait(DEADLINE)
                    first = False
        finally:
            connection.close()


def test_the_same_film_has_the_same_tag_everywhere(scaled: Scaled) -> None:
    heads = [fetch(port, "/film.mp4", method="HEAD") for port in (*scaled.ports, scaled.port)]
    assert len({(head["etag"], head["last-modified"]) for head in heads}) == 1


def test_health_is_for_the_balancer_alone(scaled: Scaled) -> None:
    assert fetch(scaled.port, "/-/health").status == 403


def test_a_server_that_dies_costs_only_its_own_downloads_a_new_request(scaled: Scaled) -> None:
    goes_on = threading.Barrier(CLIENTS + 1)
    clients = [Client(scaled.port, goes_on) for _ in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        digests = [pool.submit(client.download) for client in clients]
        goes_on.wait(DEADLINE)
        scaled.servers[0].signal(SIGKILL)
        scaled.servers[0].popen.wait(DEADLINE)
        goes_on.wait(DEADLINE)
        # Who comes now is answered by the other.
        assert {fetch(scaled.port, "/film.mp4", method="HEAD").status for _ in range(20)} == {200}
        assert {each.result(DEADLINE) for each in digests} == {hashlib.sha256(FILM).hexdigest()}
    # The least busy is given the next, so each server had half of them.
    assert sorted(client.requests for client in clients) == [1, 1, 1, 2, 2, 2]
