"""Files that nginx, Apache and lighttpd send for us: the right one, as it was asked for."""

from __future__ import annotations

import gzip
import http.client
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final
from urllib.parse import quote

import pytest

from tests.client import Answer
from tests.fronts.files import NAMES, STYLE
from tests.fronts.fronts import apache, lighttpd, nginx
from tests.matrix.cases import BIG, FILES, Case
from tests.matrix.test_servers import check, each, goes_on_or_ends
from tests.ports import kept_port
from tests.servers import DEADLINE, Connection, running
from wsgistream import DirectoryApp, StreamingResponse, XAccelRedirect, XSendfile
from wsgistream.types import Body, Environ, StartResponse

#: What streams say, by their names; nothing is the end of one.
_NEWS: Final[dict[str, SimpleQueue[bytes]]] = defaultdict(SimpleQueue)


def stream(environ: Environ, start_response: StartResponse) -> Body:
    options: Any = {
        "/events": {"content_type": "text/event-stream"},
        "/lines": {"content_type": "text/plain"},
        "/known": {"content_length": len(b"firstsecond.")},
    }.get(environ["PATH_INFO"])
    if options is None:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"There is no such stream."]
    news = iter(_NEWS[environ["PATH_INFO"]].get, b"")
    return StreamingResponse(news, **options)(environ, start_response)


@dataclass
class Front:
    """A front server that runs, and the names of the headers that its backend sent."""

    name: str
    port: int
    told: list[dict[str, str]]

    def ask(self, path: bytes, method: str = "GET", **headers: str) -> Answer:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            client.request(method, "/" + quote(path), headers=headers)
            answer = client.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())
        finally:
            client.close()

    def connect(self) -> Connection:
        return Connection(("127.0.0.1", self.port))


@pytest.fixture(scope="module", params=["nginx offload", "Apache offload", "lighttpd offload"])
def front(request: pytest.FixtureRequest, media: Path) -> Iterator[Front]:
    start, responder = {
        "nginx offload": (nginx, XAccelRedirect({media: "/internal/"})),
        "Apache offload": (apache, XSendfile()),
        "lighttpd offload": (lighttpd, XSendfile(quoted=True)),
    }[request.param]
    told: list[dict[str, str]] = []
    app = DirectoryApp(
        media,
        responder=responder,
        cache_control="max-age=60",
        download=lambda name: name == "plain.txt",
        app=stream,
    )

    def noting(environ: Environ, start_response: StartResponse) -> Body:
        def begin(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            told.append({name.lower(): value for name, value in headers})
            return start_response(status, headers, *rest)

        return app(environ, begin)

    with (
        tempfile.TemporaryDirectory() as folder,
        running(noting) as run,
        kept_port() as port,
        start(Path(folder), media, run.addresses[0][1], port),
    ):
        os.chmod(folder, 0o755)
        yield Front(request.param, port, told)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_the_right_file_is_sent_whatever_it_is_called(front: Front, name: bytes) -> None:
    answer = front.ask(name)
    assert (answer.status, answer.body) == (200, b"This is " + name)
    head = front.ask(name, "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head["content-length"] == str(len(answer.body))
    for header in ("x-accel-redirect", "x-sendfile"):
        assert header not in answer


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@each(*FILES)
def test_files(front: Front, case: Case, method: str) -> None:
    with front.connect() as client:
        client.ask(case.target, method, *case.headers)
        answer = client.answer(method)
        goes_on_or_ends(client, answer, "/small.txt")
    check(answer, case, method)


@pytest.mark.parametrize("path", ["/events", "/lines", "/known"])
def test_a_stream_leaves_as_it_is_made(front: Front, path: str) -> None:
    _NEWS[path].put(b"first")
    with front.connect() as client:
        client.ask(path)
        # What is not made yet cannot have come with it.
        assert b"second" not in client.until(b"first")
        _NEWS[path].put(b"second")
        client.until(b"second")
        for last in (b".", b""):
            _NEWS[path].put(last)
        client.until(b".")


def test_the_tag_that_a_client_was_given_is_good(front: Front) -> None:
    tag = front.ask(b"big.bin")["etag"]
    assert front.ask(b"big.bin", **{"If-None-Match": tag}).status == 304
    ranged = front.ask(b"big.bin", **{"If-Range": tag, "Range": "bytes=5-9"})
    assert (ranged.status, ranged.body) == (206, BIG[5:10])
    # nginx gives tags of its own, the others pass on ours.
    assert (front.told[0].get("etag") is not None, "etag" in front.told[-1]) == (True, True)


def test_the_headers_are_ours(front: Front) -> None:
    answer = front.ask(b"plain.txt")
    told = next(headers for headers in reversed(front.told) if "content-disposition" in headers)
    for name in (
        "content-type",
        "content-disposition",
        "cache-control",
        "last-modified",
        "x-content-type-options",
        *(() if front.name == "nginx offload" else ("etag",)),
    ):
        assert answer[name] == told[name]
    assert answer["content-disposition"].startswith("attachment")


def test_a_sibling_says_its_coding(front: Front) -> None:
    plain = front.ask(b"sub/style.css")
    packed = front.ask(b"sub/style.css", **{"Accept-Encoding": "gzip"})
    assert (plain.body, gzip.decompress(packed.body)) == (STYLE, STYLE)
    assert packed["content-encoding"] == "gzip"
    assert plain["vary"] == packed["vary"] == "Accept-Encoding"
    assert plain["etag"] != packed["etag"]


def test_the_files_were_left_to_the_front(front: Front) -> None:
    front.told.clear()
    assert front.ask(b"big.bin").body == BIG
    (told,) = front.told
    assert told["content-length"] == "0"
    assert "x-accel-redirect" in told or "x-sendfile" in told


def test_what_is_not_there_is_not_found(front: Front) -> None:
    assert front.ask(b"nothing").status == 404
    assert front.ask(b"../offload").status in (400, 404)


def test_no_client_can_ask_for_a_file_by_a_header(front: Front) -> None:
    asked = {"X-Accel-Redirect": "/internal/plain.txt", "X-Sendfile": "/etc/passwd"}
    asked |= {"X-Sendfile-Type": "X-Accel-Redirect", "X-Accel-Mapping": "/=/internal/"}
    answer = front.ask(b"big.bin", **asked)
    assert (answer.status, answer.body) == (200, BIG)


def test_the_internal_location_is_internal(front: Front) -> None:
    assert front.ask(b"internal/plain.txt").status == 404
