"""Program: one application under one WSGI server; ``python -m bench.program ours hello . 8080``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import waitress

import wsgistream
from bench.apps import app_of
from bench.process import raise_descriptor_limit
from wsgistream.types import WSGIApp

_THREADS: Final = 4
# More than any scenario opens: whoever waits in the system's queue would not be measured.
_CONNECTIONS: Final = 12_000


def serve_ours(app: WSGIApp, port: int, workers: int = 1) -> None:
    """Serve by our own server until SIGTERM."""
    wsgistream.serve(
        app,
        listen=f"127.0.0.1:{port}",
        threads=_THREADS,
        workers=workers,
        grace=0,
        log_format=None,
        connection_limit=_CONNECTIONS,
    )


def serve_by_waitress(app: WSGIApp, port: int) -> None:
    """Serve by waitress as it comes."""
    waitress.serve(
        app,
        listen=f"127.0.0.1:{port}",
        threads=_THREADS,
        asyncore_use_poll=True,
        connection_limit=_CONNECTIONS,
    )


SERVERS: Final[Mapping[str, Callable[[WSGIApp, int], None]]] = {
    "ours": serve_ours,
    "two_workers": partial(serve_ours, workers=2),
    "waitress": serve_by_waitress,
}


def main(arguments: Sequence[str]) -> None:
    server, app, root, port = arguments
    raise_descriptor_limit()
    SERVERS[server](app_of(app, root), int(port))


if __name__ == "__main__":
    main(sys.argv[1:])
