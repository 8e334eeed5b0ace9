"""Real servers on real sockets, run in a thread for as long as a test needs them."""

from __future__ import annotations

import http.client
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from waitress import wasyncore
from waitress.server import create_server

from tests.client import Answer
from tests.servers import DEADLINE, running
from wsgistream.types import WSGIApp


@contextmanager
def _thread(target: Callable[[], object], stop: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop()
        thread.join(DEADLINE)
        assert not thread.is_alive(), "the server did not stop"


@contextmanager
def our_server(app: WSGIApp, **options: Any) -> Iterator[int]:
    """Run our server; gives its port."""
    with running(app, **options) as run:
        yield run.addresses[0][1]


@contextmanager
def stock_waitress(app: WSGIApp, **options: Any) -> Iterator[int]:
    """Run waitress as it comes; gives its port."""
    sockets: dict[int, Any] = {}
    settings = {"threads": 4, "log_socket_errors": False, **options}
    server = create_server(app, map=sockets, host="127.0.0.1", port=0, **settings)
    stopped = threading.Event()

    def run() -> None:
        while not stopped.is_set():
            wasyncore.loop(timeout=1, map=sockets, count=1)
        server.task_dispatcher.shutdown()
        wasyncore.close_all(sockets)

    def stop() -> None:
        stopped.set()
        server.pull_trigger()

    with _thread(run, stop):
        yield server.effective_port


@contextmanager
def wsgiref_server(app: WSGIApp) -> Iterator[int]:
    """Run the standard library's server, a thread a request; gives its port."""
    server = _WSGIServer(("127.0.0.1", 0), _QuietHandler)
    server.set_app(app)
    with server, _thread(lambda: server.serve_forever(0.05), server.shutdown):
        yield server.server_port


class _WSGIServer(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """A test has no log."""


SERVERS: Mapping[str, Callable[[WSGIApp], AbstractContextManager[int]]] = {
    "ours": our_server,
    "waitress": stock_waitress,
    "wsgiref": wsgiref_server,
}


def fetch(
    port: int, path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None
) -> Answer:
    """Ask a running server over a connection of its own; raises what http.client raises."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    try:
        connection.request(method, path, headers={"Connection": "close", **(headers or {})})
        response = connection.getresponse()
        return Answer(response.status, response.getheaders(), response.read())
    finally:
        connection.close()
