"""Compressed answers as real servers send them, and as real clients read them."""

from __future__ import annotations

import hashlib
import html
import queue
import shutil
import subprocess
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path

import pytest

from tests.live import SERVERS, fetch, our_server, stock_waitress
from tests.middleware.contract import answering
from tests.rules.test_coding import DECODERS
from tests.server.bodies import Feed
from tests.servers import DEADLINE, Connection, running
from wsgistream import CompressMiddleware
from wsgistream.types import Body, Environ, StartResponse, WSGIApp

CODINGS = tuple(DECODERS)
TEXT = b"".join(b"%d bottles of %d\n" % (number, number**2) for number in range(20_000))
PIECES = [TEXT[start : start + 4000] for start in range(0, len(TEXT), 4000)]


def each_coding(environ: Environ, start_response: StartResponse) -> Body:
    """``/CODING/…``: the text, events or a page, all in that coding."""
    coding = environ["PATH_INFO"].split("/")[1]
    return CompressMiddleware(_contents, codings=[coding])(environ, start_response)


def _contents(environ: Environ, start_response: StartResponse) -> Body:
    kind, body = _CONTENTS[environ["PATH_INFO"].rpartition("/")[2]]
    start_response("200 OK", [("Content-Type", kind)])
    return body()


# In a browser: the bytes of each, and an event of those that stream, as the page then shows them.
_PAGE = b"""<!doctype html><meta charset="utf-8"><title>page</title><p id="said"></p><script>
const say = text => document.getElementById("said").append(text + " ");
const hex = bytes => [...new Uint8Array(bytes)].map(b => b.toString(16).padStart(2, "0")).join("");
(async () => {
  for (const coding of ["gzip", "br", "zstd"]) {
    const answer = await fetch(`/${coding}/text`);
    const digest = await crypto.subtle.digest("SHA-256", await answer.arrayBuffer());
    say(`${coding}:${answer.headers.get("Content-Encoding")}:${hex(digest)}`);
  }
  for (const coding of ["gzip", "zstd"]) {
    const source = new EventSource(`/${coding}/events`);
    say(`${coding}:${await new Promise(done => source.onmessage = event => done(event.data))}`);
    source.close();
  }
  say("end");
})();
</script>"""

_CONTENTS: dict[str, tuple[str, Callable[[], Body]]] = {
    "text": ("text/plain", lambda: iter(PIECES)),
    "page": ("text/html", lambda: [_PAGE]),
    "events": ("text/event-stream", lambda: Feed(b"data: an event\n\n")),
}


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("coding", CODINGS)
def test_the_bytes_are_the_same_by_any_server(server: str, coding: str) -> None:
    with SERVERS[server](each_coding) as port:
        answer = fetch(port, f"/{coding}/text", headers={"Accept-Encoding": coding})
    assert answer["content-encoding"] == coding
    assert DECODERS[coding]()(answer.body) == TEXT


def test_a_client_of_old_has_them_up_to_the_end_of_the_connection() -> None:
    with running(each_coding) as run, run.connect() as client:
        client.send(b"GET /br/text HTTP/1.0\r\nAccept-Encoding: br\r\n\r\n")
        head, _, body = client.rest().partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert DECODERS["br"]()(body) == TEXT


@pytest.mark.parametrize("coding", CODINGS)
def test_curl_decodes(coding: str, tmp_path: Path) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    feature = {"gzip": "libz", "br": "brotli", "zstd": "zstd"}[coding]
    known = subprocess.run([curl, "--version"], capture_output=True, text=True, check=True).stdout
    if feature not in known.split():
        pytest.skip(f"this curl was built without {feature}")
    out = tmp_path / "out"
    with our_server(each_coding) as port:
        asked = [
            curl,
            "-sS",
            "--compressed",
            "-D-",
            "-o",
            str(out),
            f"127.0.0.1:{port}/{coding}/text",
        ]
        head = subprocess.run(asked, capture_output=True, text=True, timeout=DEADLINE, check=True)
    assert f"content-encoding: {coding}" in head.stdout.lower()
    assert out.read_bytes() == TEXT


@pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not installed")
def test_chromium_decodes(tmp_path: Path) -> None:
    with our_server(each_coding) as port:
        dumped = subprocess.run(
            [
                "chromium",
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                f"--user-data-dir={tmp_path}",
                f"--timeout={DEADLINE * 1000}",
                "--virtual-time-budget=5000",
                "--dump-dom",
                f"http://localhost:{port}/gzip/page",
            ],
            capture_output=True,
            text=True,
            timeout=DEADLINE * 3,
            check=True,
        )
    _, _, said = html.unescape(dumped.stdout).partition('<p id="said">')
    digest = hashlib.sha256(TEXT).hexdigest()
    assert said.partition("</p>")[0].split(" ")[:3] == [
        f"{coding}:{coding}:{digest}" for coding in ("gzip", "br", "zstd")
    ]
    assert "gzip:an event zstd:an event end" in said


# Live streams.


def one_chunk(client: Connection) -> bytes:
    size = int(_until(client, b"\r\n"), 16)
    data = client.read(size)
    assert client.read(2) == b"\r\n"
    return data


def _until(client: Connection, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        data += client.read(1)
    return data


def generated(events: queue.Queue[bytes | None]) -> Iterator[bytes]:
    while (event := events.get()) is not None:
        yield event


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
@pytest.mark.parametrize("how", ["an idle stream by ours", "a generator by waitress"])
def test_each_event_arrives_before_the_next_is_made(how: str, coding: str) -> None:
    feed, events = Feed(), queue.Queue[bytes | None]()
    by_ours = how == "an idle stream by ours"
    give: Callable[[bytes | None], object] = feed.give if by_ours else events.put

    def app(environ: Environ, start_response: StartResponse) -> Body:
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        return feed if by_ours else generated(events)

    made: WSGIApp = CompressMiddleware(app)
    decode = DECODERS[coding]()
    with (our_server if by_ours else stock_waitress)(made) as port:
        with Connection(("127.0.0.1", int(port))) as client:
            client.ask("/", "GET", f"Accept-Encoding: {coding}")
            if by_ours:
                _until(client, b"\r\n\r\n")  # before there is any event
            for number in range(20):
                event = b"data: %d\n\n" % number
                give(event)
                if number == 0 and not by_ours:
                    _until(client, b"\r\n\r\n")
                assert decode(one_chunk(client)) == event
            give(None)
            assert decode(one_chunk(client)) == b""
            assert client.read(5) == b"0\r\n\r\n"


def test_the_heartbeat_of_a_silent_stream_arrives() -> None:
    feed = Feed(b"some")
    feed.heartbeat = 0.01
    decode = DECODERS["gzip"]()
    with running(CompressMiddleware(answering(feed))) as run, run.connect() as client:
        client.ask("/", "GET", "Accept-Encoding: gzip")
        _until(client, b"\r\n\r\n")
        assert [decode(one_chunk(client)) for _ in range(2)] == [b"some", b":\n"]


@pytest.mark.parametrize("coding", CODINGS)
def test_who_fails_in_mid_stream_is_seen_to(coding: str) -> None:
    def failing() -> Iterator[bytes]:
        yield from PIECES
        raise LookupError

    app = CompressMiddleware(answering(failing()))
    with our_server(app) as port:
        connection = HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        connection.request("GET", "/", headers={"Accept-Encoding": coding})
        with pytest.raises(IncompleteRead):
            connection.getresponse().read()
        connection.close()


@pytest.mark.parametrize("size", [1000, 1_000_000])
def test_an_application_of_the_loop_is_asked_once(size: int) -> None:
    asked: list[Environ] = []

    def app(environ: Environ, start_response: StartResponse) -> Body:
        asked.append(environ)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [bytes(size)]

    app.quick = True  # type: ignore[attr-defined]
    with our_server(CompressMiddleware(app)) as port:
        answer = fetch(port, "/", headers={"Accept-Encoding": "zstd"})
    assert (DECODERS["zstd"]()(answer.body), len(asked)) == (bytes(size), 1)
    assert ("content-length" in answer) is (size == 1000)
