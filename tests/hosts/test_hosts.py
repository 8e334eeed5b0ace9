"""In every host an answer of ours is what it is elsewhere: ranges, conditions, cuts and closes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from http.client import IncompleteRead
from pathlib import Path
from typing import Any

import cherrypy
import pytest

from tests.client import Answer, make_environ
from tests.hosts.hosts import HOSTS, Host
from tests.live import fetch, our_server
from tests.servers import DEADLINE, Connection, running
from tests.watched import WatchedBody
from wsgistream import File, FileResponse, StreamingResponse, as_django, as_webob, reply_to
from wsgistream.types import Body, Environ, StartResponse
from wsgistream.wsgi.files import FileWrapper

CONTENT = os.urandom(300_000)


def no_app(environ: Environ, start_response: StartResponse) -> Body:
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"no"]


@pytest.fixture(params=HOSTS)
def host(request: pytest.FixtureRequest) -> Host:
    return HOSTS[request.param]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file.bin"
    path.write_bytes(CONTENT)
    return path


Ask = Callable[..., Answer]


@pytest.fixture
def get(host: Host, path: Path) -> Iterator[Ask]:
    with our_server(host(lambda: FileResponse(path), no_app)) as port:
        yield lambda **options: fetch(port, "/view", **options)


class TestFiles:
    def test_ranges(self, get: Ask) -> None:
        assert get().body == CONTENT
        part = get(headers={"Range": "bytes=1000-250000"})
        assert (part.status, part.body) == (206, CONTENT[1000:250_001])
        assert part["content-range"] == "bytes 1000-250000/300000"
        several = get(headers={"Range": "bytes=0-0,1000-1000"})
        assert (several.status, several["content-length"]) == (206, str(len(several.body)))
        assert get(headers={"Range": "bytes=300000-"}).status == 416

    def test_conditions(self, get: Ask) -> None:
        etag = get()["etag"]
        same = get(headers={"If-None-Match": etag})
        assert (same.status, same.body, same["etag"]) == (304, b"", etag)
        assert "content-type" not in same
        assert get(headers={"If-Match": '"other"'}).status == 412
        other = get(headers={"Range": "bytes=0-1", "If-Range": '"other"'})
        assert (other.status, other.body) == (200, CONTENT)

    def test_head(self, get: Ask) -> None:
        head, whole = get(method="HEAD"), get()
        assert (head.status, head.body) == (200, b"")
        for name in ("content-type", "content-length", "etag", "last-modified", "accept-ranges"):
            assert head[name] == whole[name]

    def test_a_missing_file(self, host: Host, tmp_path: Path) -> None:
        with our_server(host(lambda: FileResponse(tmp_path / "none"), no_app)) as port:
            assert fetch(port, "/view").status == 404


class Watched(WatchedBody):
    """A body that tells when it is closed."""

    def __init__(self, chunks: Any) -> None:
        super().__init__(chunks)
        self.ended = threading.Event()

    def close(self) -> None:
        super().close()
        self.ended.set()


def endless() -> Iterator[bytes]:
    while True:
        yield b"x" * 10_000


def failing() -> Iterator[bytes]:
    yield b"x" * 100_000
    raise OSError("the disk is gone")


@pytest.mark.parametrize("length", [None, 200_000], ids=["of unknown length", "of known length"])
def test_a_failure_in_mid_stream_is_seen(host: Host, length: int | None) -> None:
    body = Watched(failing())
    app = host(lambda: StreamingResponse(body, content_length=length), no_app)
    with our_server(app) as port, pytest.raises(IncompleteRead):
        fetch(port, "/view")
    assert body.closed == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_body_is_closed_once(host: Host, method: str) -> None:
    body = Watched([b"a", b"b"])
    with our_server(host(lambda: StreamingResponse(body), no_app)) as port:
        answer = fetch(port, "/view", method=method)
        assert body.ended.wait(DEADLINE)
    assert answer.body == (b"ab" if method == "GET" else b"")
    assert body.closed == 1


def test_a_body_is_closed_once_when_the_client_leaves(host: Host) -> None:
    body = Watched(endless())
    with running(host(lambda: StreamingResponse(body), no_app)) as run:
        with Connection(run.addresses[0]) as client:
            client.ask("/view")
            assert client.read(100)
        assert body.ended.wait(DEADLINE)
    assert body.closed == 1


def where(environ: Environ, start_response: StartResponse) -> Body:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['SCRIPT_NAME']} {environ['PATH_INFO']}".encode("latin-1")]


def test_what_is_mounted_knows_where(host: Host) -> None:
    # CherryPy looks for whole paths: there, what is below /outer is mounted as /outer/media.
    outer = "" if host is HOSTS["CherryPy"] else "/outer"
    with our_server(host(no_app, where), url_prefix=outer) as port:
        answer = fetch(port, f"{outer}/media/a%20b/%C3%A9")
    assert (answer.status, answer.body) == (200, f"{outer}/media /a b/é".encode())


def test_cherrypy_is_told_the_whole_path() -> None:
    tree = cherrypy._cptree.Tree()
    tree.graft(where, "/outer/media")
    with our_server(tree, url_prefix="/outer") as port:
        assert fetch(port, "/outer/media/a").body == b"/outer/media /a"


class TestAdapters:
    def test_a_source_is_an_answer(self, path: Path) -> None:
        environ = make_environ(headers={"Range": "bytes=1-3"})
        reply = reply_to(environ, File(path))
        assert (reply.status, b"".join(reply.body)) == ("206 Partial Content", CONTENT[1:4])

    def test_a_file_stays_a_file_in_webob(self, path: Path) -> None:
        import webob

        wrapped: list[Any] = []

        def wrapper(file: Any, size: int) -> FileWrapper:
            wrapped.append(file)
            return FileWrapper(file, size)

        request = webob.Request(make_environ(**{"wsgi.file_wrapper": wrapper}))
        response = as_webob(File(path), request)
        assert response.app_iter.file is wrapped[0]
        assert response.status == "200 OK"
        assert response.content_length == len(CONTENT)
        response.app_iter.close()

    def test_an_answer_of_nothing_gets_no_content_type(self, path: Path) -> None:
        import webob

        request = webob.Request(make_environ(headers={"If-None-Match": "*"}))
        response = as_webob(File(path), request)
        assert (response.status_code, response.content_type) == (304, None)

    def test_django_gets_every_field(self, path: Path) -> None:
        from django.core.handlers.wsgi import WSGIRequest

        def app(environ: Environ, start_response: StartResponse) -> Body:
            cookies = [("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; HttpOnly")]
            start_response("404 Gone Fishing", [("Vary", "A"), *cookies, ("Vary", "B")])
            return [environ["PATH_INFO"].encode("latin-1")]

        response = as_django(app, WSGIRequest(make_environ("/é")))
        assert (response.status_code, response.reason_phrase) == (404, "Gone Fishing")
        assert dict(response.headers) == {"Vary": "A, B"}
        cookies = [each.OutputString() for each in response.cookies.values()]
        assert cookies == ["a=1; Path=/", "b=2; HttpOnly"]
        assert b"".join(response) == "/é".encode()
