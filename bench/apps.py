"""Apps: the WSGI applications that stand under test, ours and those that stand beside."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any, Final

import wsgistream
from bench.model import GIB, KIB
from wsgistream.types import Environ, StartResponse, WSGIApp
from wsgistream.wsgi.waiting import Pausable

_CHUNK: Final = 64 * KIB
# About 0.4 ms.
_STEPS: Final = 20_000
_HELLO: Final = b"hello, world\n".ljust(KIB, b".")


def directory(root: str) -> WSGIApp:
    return wsgistream.DirectoryApp(root)


def hello(root: str) -> WSGIApp:
    """Every answer is the first small file, from memory: the least that a server can have to do."""
    with open(os.path.join(root, "small-00.bin"), "rb") as file:
        content = file.read()
    return lambda environ, start_response: _small(start_response, content)


def pages(root: str) -> WSGIApp:
    """Files, and at ``/computed`` a page that keeps Python busy for a moment."""
    files = wsgistream.DirectoryApp(root)

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/computed":
            return files(environ, start_response)
        return _small(start_response, b"%d\n" % sum(map(abs, range(_STEPS))))

    app.quick = True  # type: ignore[attr-defined]
    return app


def _small(start_response: StartResponse, content: bytes) -> Iterable[bytes]:
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(content)))]
    start_response("200 OK", headers)
    return [content]


def file_wrapper(root: str) -> WSGIApp:
    """What PEP 3333 offers for files, used in the plainest way, with one range."""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        file = open(os.path.join(root, environ["PATH_INFO"][1:]), "rb")  # noqa: SIM115
        size = os.fstat(file.fileno()).st_size
        start, stop, status = 0, size, "200 OK"
        headers = [("Content-Type", "application/octet-stream"), ("Accept-Ranges", "bytes")]
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", environ.get("HTTP_RANGE", ""))
        if asked:
            start = int(asked[1])
            stop = min(int(asked[2] or size) + 1, size)
            status = "206 Partial Content"
            headers.append(("Content-Range", f"bytes {start}-{stop - 1}/{size}"))
            file.seek(start)
        start_response(status, [*headers, ("Content-Length", str(stop - start))])
        body: Iterable[bytes] = environ["wsgi.file_wrapper"](file, _CHUNK)
        return body

    return app


def webob_static(root: str) -> WSGIApp:
    app: WSGIApp = import_module("webob.static").DirectoryApp(root)
    return app


def whitenoise(root: str) -> WSGIApp:
    def nothing(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("404 Not Found", [("Content-Length", "0")])
        return []

    white_noise = import_module("whitenoise").WhiteNoise
    app: WSGIApp = white_noise(nothing, root=root, autorefresh=False)
    return app


def generator(root: str) -> WSGIApp:
    """A GiB that is made while it is sent; and something small beside it, at ``/hello``."""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/hello":
            return _small(start_response, _HELLO)
        headers = [("Content-Type", "application/octet-stream"), ("Content-Length", str(GIB))]
        start_response("200 OK", headers)
        return Pausable(_chunks())

    return app


def _chunks() -> Iterator[bytes]:
    for number in range(GIB // _CHUNK):
        yield number.to_bytes(8, "big") * (_CHUNK // 8)


def now() -> str:
    """Say when an event is made, by the clock that all processes share."""
    return str(time.monotonic_ns())


def events(root: str) -> WSGIApp:
    """Streams at ``/events``, an event to all by ``/publish``, and ``/hello``."""
    hub = wsgistream.MemoryHub()
    streams = wsgistream.EventsApp(hub, topics=["now"])

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/events":
            return streams(environ, start_response)
        if path == "/publish":
            return _small(start_response, hub.publish("now", now()).encode())
        return _small(start_response, _HELLO)

    return app


# What an application does not use is not loaded: the memory of its process is looked at.
_HERE: Final[Mapping[str, Callable[[str], Any]]] = {
    "directory": directory,
    "events": events,
    "file_wrapper": file_wrapper,
    "generator": generator,
    "hello": hello,
    "pages": pages,
    "webob_static": webob_static,
    "whitenoise": whitenoise,
}
_ELSEWHERE: Final = {
    "compress": ("compressed", "ours"),
    "compress_as_django": ("compressed", "ours_as_django"),
    "django": ("compressed", "django"),
    "objects_bare": ("objects_apps", "bare"),
    "objects_flask": ("objects_apps", "flask_of"),
    "rows": ("rows_apps", "ours"),
    "rows_django": ("rows_apps", "django"),
    "rows_tools": ("rows_apps", "tools"),
}
_BEHIND: Final = "behind "


def app_of(name: str, root: str) -> Any:
    """Make the application of a name; ``behind LAYER`` is a folder behind one middleware."""
    if name in _HERE:
        return _HERE[name](root)
    if name.startswith(_BEHIND):
        return import_module("bench.layers").layered(name.removeprefix(_BEHIND), root)
    module, make = _ELSEWHERE[name]
    return getattr(import_module(f"bench.{module}"), make)(root)
