"""Layers: the middleware that is put around files, one at a time, each with something to do."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from wsgistream import (
    AccessLogMiddleware,
    BasicAuthMiddleware,
    CompressMiddleware,
    ConcurrencyLimitMiddleware,
    DirectoryApp,
    HeadersMiddleware,
    MetricsMiddleware,
    PrefixMiddleware,
    RangeMiddleware,
    SignedURLMiddleware,
    StreamingMiddleware,
    ThrottleMiddleware,
    sign,
)
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.waiting import is_quick
from wsgistream.wsgi.watching import Transfer

_KEY: Final = b"a key for the bench"
#: Of the password "pw"; it is computed once a minute, whatever the kind.
_HASH: Final = "{SHA}GpHWL3ymc5liWkNopqtdSjuqYHM="


def _asked_for(app: WSGIApp, path: str = "", **fields: str) -> WSGIApp:
    """Have an application asked below a path, and with these fields, whatever is asked for."""

    def asked(environ: Environ, start_response: StartResponse) -> Body:
        environ["PATH_INFO"] = path + environ["PATH_INFO"]
        environ.update(fields)
        return app(environ, start_response)

    asked.quick = is_quick(app)  # type: ignore[attr-defined]
    return asked


def _signed(app: WSGIApp) -> WSGIApp:
    mark = sign("/", _KEY, expires=86400, prefix=True).rstrip("/")
    return _asked_for(SignedURLMiddleware(app, keys=[_KEY]), mark)


def _known(app: WSGIApp) -> WSGIApp:
    known = BasicAuthMiddleware(app, users={"ann": _HASH})
    return _asked_for(known, HTTP_AUTHORIZATION="Basic YW5uOnB3")


def _log() -> logging.Logger:
    """A log that is written to nowhere, as lines."""
    logger = logging.Logger("bench", logging.INFO)
    logger.addHandler(logging.FileHandler(os.devnull, delay=True))
    return logger


def _look(transfer: Transfer, data: bytes) -> None:
    """Look at a chunk, and leave it as it is."""


#: What stands around the files; for those that touch no byte, these still go out by ``sendfile``.
LAYERS: Final[Mapping[str, Callable[[WSGIApp], WSGIApp]]] = {
    "Access log": partial(AccessLogMiddleware, logger=_log()),
    "Basic auth": _known,
    "Concurrency limit": partial(ConcurrencyLimitMiddleware, total=10_000, per_address=10_000),
    "Compress, nothing to do": CompressMiddleware,
    "Headers": partial(HeadersMiddleware, cors=["https://example.org"], security=True),
    "Metrics": MetricsMiddleware,
    "Prefix": lambda app: _asked_for(PrefixMiddleware(app, prefix="/files"), "/files"),
    "Range": RangeMiddleware,
    "Signed": _signed,
    "Streaming, start and finish": partial(StreamingMiddleware, start=id, finish=id),
    "Streaming, each chunk": partial(StreamingMiddleware, chunk=_look, changes=False),
    "Throttle, far below": partial(ThrottleMiddleware, per_address=1e12, total=1e12),
    "Throttle, 500 MB/s": partial(ThrottleMiddleware, total=500e6),
}


def layered(name: str, root: str) -> WSGIApp:
    """The files below a folder, behind a layer."""
    return LAYERS[name](DirectoryApp(root))
