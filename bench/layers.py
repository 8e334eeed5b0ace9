"""Layers: the middleware that is put around files, one at a time, each with something to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from wsgistream import DirectoryApp, PrefixMiddleware, RangeMiddleware, StreamingMiddleware
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.waiting import is_quick
from wsgistream.wsgi.watching import Transfer


def _below(app: WSGIApp) -> WSGIApp:
    """Have an application asked below a path, whatever path is asked for."""

    def asked(environ: Environ, start_response: StartResponse) -> Body:
        environ["PATH_INFO"] = f"/files{environ['PATH_INFO']}"
        return app(environ, start_response)

    asked.quick = is_quick(app)  # type: ignore[attr-defined]
    return asked


def _look(transfer: Transfer, data: bytes) -> None:
    """Look at a chunk, and leave it as it is."""


#: What stands around the files; for those that touch no byte, these still go out by ``sendfile``.
LAYERS: Final[Mapping[str, Callable[[WSGIApp], WSGIApp]]] = {
    "Prefix": lambda app: _below(PrefixMiddleware(app, prefix="/files")),
    "Range": RangeMiddleware,
    "Streaming, start and finish": partial(StreamingMiddleware, start=id, finish=id),
    "Streaming, each chunk": partial(StreamingMiddleware, chunk=_look, changes=False),
}


def layered(name: str, root: str) -> WSGIApp:
    """The files below a folder, behind a layer."""
    return LAYERS[name](DirectoryApp(root))
