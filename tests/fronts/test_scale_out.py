"""Two hosts with a server each before one object store, and a balancer in front: one may die."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from signal import SIGKILL

import pytest

from tests.ceph import Ceph
from tests.fronts.fronts import DEPLOY, program, running_front
from tests.live import fetch
from tests.namespaces import inside, network
from tests.processes import CLIENTS as LOAD
from tests.processes import load
from tests.servers import DEADLINE, Process, process
from tests.sources.objects.proxy import proxy

#: Bytes of which no buffer on the way holds the most, and no two places have alike.
FILM = b"".join(b"%07d\n" % number for number in range(4_000_000))
CLIENTS = 6

#: Where the balancer is, as it is documented.
PORT = 80


@dataclass
class Scaled:
    """What runs: the servers behind the balancer, and where they are."""

    servers: list[Process]
    addresses: list[tuple[str, int]]


@pytest.fixture
def scaled(ceph: Ceph, tmp_path: Path) -> Iterator[Scaled]:
    """Run all as it is documented, each server on a host of its own; this is the balancer's."""
    bucket = ceph.make_bucket()
    ceph.put(bucket, "film.mp4", FILM)
    ceph.put(bucket, "index.html", b"hello")
    with ExitStack() as running:
        switch, *hosts = running.enter_context(network(2))
        with inside(switch):
            listener = socket.create_server(("10.0.0.254", 7480))
        running.enter_context(proxy(ceph.port, listener))
        environ = {**ceph.environ, "AWS_ENDPOINT_URL": "http://10.0.0.254:7480"}
        addresses = [("10.0.0.1", 8080), ("10.0.0.2", 8080)]
        servers = []
        for host, (name, port) in zip(hosts, addresses, strict=True):
            command = ("serve", f"s3://{bucket}", "--listen", f"{name}:{port}", "--health")
            with inside(host):
                server = running.enter_context(process(*command, "--quiet", environ=environ))
            assert server.port() == port
            servers.append(server)
        running.enter_context(inside(switch))
        balancer = [program("haproxy"), "-db", "-f", str(DEPLOY / "scale-out/haproxy.cfg")]
        running.enter_context(running_front(balancer, tmp_path, PORT))
        yield Scaled(servers, addresses)


class Client:
    """Downloads the film, and goes on where it was cut, if it is the same film."""

    def __init__(self, goes_on: threading.Barrier) -> None:
        self.requests = 0
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
        connection = HTTPConnection("127.0.0.1", PORT, timeout=DEADLINE)
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


def seen(host: str, port: int) -> Mapping[str, str]:
    """What tells a client that it is the same film, asked for at one address."""
    connection = HTTPConnection(host, port, timeout=DEADLINE)
    try:
        connection.request("HEAD", "/film.mp4")
        answer = connection.getresponse()
        return {name: answer.headers[name] for name in ("ETag", "Last-Modified", "Content-Length")}
    finally:
        connection.close()


def test_the_same_film_has_the_same_tag_everywhere(scaled: Scaled) -> None:
    one, two, balanced = (seen(*each) for each in (*scaled.addresses, ("10.0.0.254", PORT)))
    assert one == two == balanced


def test_health_is_for_the_balancer_alone(scaled: Scaled) -> None:
    assert fetch(PORT, "/-/health").status == 403


def test_a_server_that_dies_costs_only_its_own_downloads_a_new_request(scaled: Scaled) -> None:
    goes_on = threading.Barrier(CLIENTS + 1)
    clients = [Client(goes_on) for _ in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool, load(("127.0.0.1", PORT)) as others:
        digests = [pool.submit(client.download) for client in clients]
        goes_on.wait(DEADLINE)
        scaled.servers[0].signal(SIGKILL)
        scaled.servers[0].popen.wait(DEADLINE)
        goes_on.wait(DEADLINE)
        # Who comes now is answered by the other.
        assert {fetch(PORT, "/film.mp4", method="HEAD").status for _ in range(20)} == {200}
        assert {each.result(DEADLINE) for each in digests} == {hashlib.sha256(FILM).hexdigest()}
        assert others.goes_on()
    # The least busy is given the next, so each server had some of them.
    requests = [client.requests for client in clients]
    assert set(requests) == {1, 2}
    # Of those who ask for little, each had at the most the one request open that was lost.
    assert others.answers == {"hello"}
    assert len(others.failures) <= LOAD
