"""An application that only answers signed links, and what they look like to players."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from tests.client import Answer, ask, make_environ
from tests.live import SERVERS, fetch, our_server, stock_waitress
from tests.middleware.contract import MiddlewareContract, answering
from tests.test_media import needs, run
from wsgistream import DirectoryApp, PrefixMiddleware, SignedURLMiddleware, sign
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.waiting import WouldBlock

KEY, OLD = b"the key of today", b"the key of yesterday"
NOW = 1_000_000.5


def clock() -> float:
    return NOW


def signed(url: str, **options: Any) -> str:
    return sign(url, KEY, **{"expires": 60, "clock": clock, **options})


def where(environ: Environ, start_response: StartResponse) -> Body:
    """Tells where it is mounted, and what it is asked for there."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    seen = (environ[name] for name in ("SCRIPT_NAME", "PATH_INFO", "QUERY_STRING"))
    return ["|".join(seen).encode("latin-1")]


def guarded(app: WSGIApp = where, **options: Any) -> SignedURLMiddleware:
    return SignedURLMiddleware(app, **{"keys": [KEY, OLD], "clock": clock, **options})


class Both:
    """Signs each request for the method it comes with, and passes it on."""

    def __init__(self, app: WSGIApp, *, prefix: bool) -> None:
        self.app = guarded(app)
        self.quick = self.app.quick
        self.prefix = prefix

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        method = environ["REQUEST_METHOD"].replace("HEAD", "GET")
        url = signed(environ["PATH_INFO"], method=method, prefix=self.prefix)
        path, _, query = url.partition("?")
        return self.app({**environ, "PATH_INFO": path, "QUERY_STRING": query}, start_response)


class TestContractOfAFile(MiddlewareContract):
    def make(self, app: WSGIApp) -> WSGIApp:
        return Both(app, prefix=False)


class TestContractOfAFolder(MiddlewareContract):
    def make(self, app: WSGIApp) -> WSGIApp:
        return Both(app, prefix=True)


@pytest.mark.parametrize(
    ("url", "script_name", "seen"),
    [
        pytest.param(signed("/v/a"), "", "|/v/a|", id="a file"),
        pytest.param(signed("/v/a?b=c"), "", "|/v/a|b=c", id="its query"),
        pytest.param(signed("/a?signature=1"), "", "|/a|signature=1", id="a query with our name"),
        pytest.param(signed("/x/v/a").removeprefix("/x"), "/x", "/x|/v/a|", id="a mount"),
        pytest.param(signed("/é"), "", "|/é|", id="letters of other scripts"),
    ],
)
def test_the_application_sees_the_file_without_the_signature(
    url: str, script_name: str, seen: str
) -> None:
    answer = ask(guarded(), url, script_name=script_name)
    assert (answer.status, answer.body.decode()) == (200, seen)


def test_the_application_sees_a_folder_at_an_address_that_has_the_signature() -> None:
    """So that what it redirects to, or links to, is still signed."""
    url = signed("/x/hls/a?b", prefix=True, mount="/x")
    mark = url.removeprefix("/x").removesuffix("/hls/a?b")
    answer = ask(guarded(), url.removeprefix("/x"), script_name="/x")
    assert answer.body.decode() == f"/x{mark}|/hls/a|b"


def test_the_environ_of_the_server_is_left_as_it_was() -> None:
    for url in (signed("/v/a"), signed("/v/a", prefix=True)):
        environ = make_environ(url)
        before = dict(environ)
        guarded()(environ, lambda *_: lambda data: None)
        assert environ == before


REFUSED = {
    "no signature": "/v/a",
    "a changed one": signed("/v/a")[:-1] + "_",
    "one of another key": sign("/v/a", b"a key of nobody else", expires=60, clock=clock),
    "one that has expired": signed("/v/a", clock=lambda: NOW - 61),
    "one for another method": signed("/v/a", method="PUT"),
    "one for another path": signed("/v/b").replace("/b", "/a"),
    "one with a parameter more": signed("/v/a") + "&b=c",
    "no signature in the path": "/~1000060.1.x/v/a",
    "a changed one in the path": signed("/v/a", prefix=True).replace("~1000061", "~1000062"),
    "an expired one in the path": signed("/v/a", prefix=True, clock=lambda: NOW - 61),
    "one for another folder": signed("/v/w/a", prefix=True).replace("/w/", "/x/"),
    "a path that leads out of it": signed("/v/w/a", prefix=True) + "/../../b",
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED.keys())
def test_all_that_is_refused_is_told_the_same(url: str, method: str) -> None:
    def never(environ: Environ, start_response: StartResponse) -> Body:
        raise AssertionError("it was let through")

    answer = ask(guarded(never), url, method=method)
    sentence = b"This link does not hold, or no longer does.\n"
    assert answer == Answer(
        403,
        [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(sentence))),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
        ],
        sentence if method == "GET" else b"",
        [sentence] if method == "GET" else [],
    )


def test_any_of_the_keys_verifies() -> None:
    url = sign("/a", OLD, expires=60, clock=clock)
    assert ask(guarded(), url).status == 200
    assert ask(guarded(keys=[KEY]), url).status == 403
    assert ask(guarded(keys=[OLD.decode(), KEY.decode()]), url).status == 200


def test_a_preflight_is_allowed_what_it_asks_for() -> None:
    headers = {"Origin": "https://h.example", "Access-Control-Request-Method": "GET"}
    for prefix in (False, True):
        url = signed("/v/a", prefix=prefix)
        assert ask(guarded(), url, method="OPTIONS", headers=headers).status == 200


@pytest.mark.parametrize(
    ("expires", "last"),
    [
        pytest.param(60, 1_000_061, id="seconds, and the second that has begun"),
        pytest.param(0.5, 1_000_001, id="a part of a second"),
        pytest.param(timedelta(minutes=1), 1_000_061, id="a timedelta"),
        pytest.param(
            datetime.fromtimestamp(NOW + 60, timezone(timedelta(hours=5))), 1_000_061, id="a moment"
        ),
    ],
)
def test_a_link_holds_until_then(expires: Any, last: int) -> None:
    url = sign("/a", KEY, expires=expires, clock=clock)
    assert f"signature={last}." in url
    assert ask(guarded(clock=lambda: last - 0.1), url).status == 200
    assert ask(guarded(clock=lambda: last), url).status == 403


@pytest.mark.parametrize(
    ("options", "kind", "sentence"),
    [
        pytest.param({"expires": 0}, ValueError, "expires after now: 0 is no", id="now"),
        pytest.param({"expires": -1}, ValueError, "expires after now", id="a second ago"),
        pytest.param({"expires": float("nan")}, ValueError, "expires after now", id="no number"),
        pytest.param({"expires": float("inf")}, ValueError, "expires after now", id="never"),
        pytest.param({"expires": timedelta(-1)}, ValueError, "expires after now", id="yesterday"),
        pytest.param({"expires": datetime(1990, 1, 1)}, ValueError, "needs a time zone", id="zone"),
        pytest.param(
            {"expires": datetime(1970, 1, 2, tzinfo=timezone.utc)},
            ValueError,
            "expires after now",
            id="a moment that is over",
        ),
        pytest.param({"expires": timedelta.max}, ValueError, "expires after 1970", id="too late"),
        pytest.param({"expires": "1h"}, TypeError, "at a datetime, not '1h'", id="a text"),
        pytest.param({"key": b"short"}, ValueError, "16 bytes or more", id="a short key"),
        pytest.param({"url": "a"}, ValueError, "A URL to sign is a path", id="no path"),
    ],
)
def test_what_cannot_be_signed_is_refused(
    options: dict[str, Any], kind: type[Exception], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        sign(**{"url": "/a", "key": KEY, "expires": 60, "clock": clock, **options})


@pytest.mark.parametrize(
    ("keys", "kind"),
    [([], ValueError), ([b"short"], ValueError), (KEY, TypeError), ("a key in a text", TypeError)],
)
def test_keys_that_are_none_are_refused(keys: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"key"):
        guarded(keys=keys)


def test_a_quick_application_stays_quick(tmp_path: Path) -> None:
    assert guarded(DirectoryApp(tmp_path)).quick
    assert not guarded(where).quick


def test_an_application_that_needs_a_thread_says_so() -> None:
    def blocking(environ: Environ, start_response: StartResponse) -> Body:
        raise WouldBlock

    with pytest.raises(WouldBlock):
        ask(guarded(blocking), signed("/a"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hls" / "720").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "big.bin").write_bytes(bytes(range(256)) * 1024)
    master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n720/index.m3u8?v=1\n"
    (tmp_path / "hls" / "master.m3u8").write_text(master)
    playlist = (
        '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MAP:URI="../init.mp4"\n'
        "#EXTINF:1,\na.ts\n#EXTINF:1,\n./b%20c.ts\n#EXT-X-ENDLIST\n"
    )
    (tmp_path / "hls" / "720" / "index.m3u8").write_text(playlist)
    (tmp_path / "hls" / "init.mp4").write_text("init")
    (tmp_path / "hls" / "720" / "a.ts").write_text("first")
    (tmp_path / "hls" / "720" / "b c.ts").write_text("second")
    return tmp_path


def open_folder(root: Path) -> WSGIApp:
    return SignedURLMiddleware(DirectoryApp(root), keys=[KEY])


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS.keys())
def test_a_playlist_and_all_that_it_names_is_played(
    folder: Path, server: Callable[[WSGIApp], AbstractContextManager[int]]
) -> None:
    """As a player does it, which knows nothing but how a relative address is resolved."""
    with server(open_folder(folder)) as port:

        def play(url: str) -> dict[str, bytes]:
            parts = urlsplit(url)
            query = f"?{parts.query}" if parts.query else ""
            answer = fetch(port, parts.path + query)
            assert answer.status == 200, url
            if not parts.path.endswith(".m3u8"):
                return {parts.path.rpartition("/")[2]: answer.body}
            found: dict[str, bytes] = {}
            named = re.findall(r'^[^#\s].*|(?<=URI=").*(?=")', answer.body.decode(), re.M)
            for name in named:
                found |= play(urljoin(url, name))
            return found

        url = sign(f"http://127.0.0.1:{port}/hls/master.m3u8", KEY, expires=60, prefix=True)
        assert play(url) == {"init.mp4": b"init", "a.ts": b"first", "b%20c.ts": b"second"}
        assert fetch(port, urlsplit(urljoin(url, "../secret.txt")).path).status == 403
        assert fetch(port, "/hls/720/a.ts").status == 403


def test_the_slash_that_a_folder_wants_is_still_signed(folder: Path) -> None:
    mark = signed("/hls/x", prefix=True).removesuffix("/hls/x")
    below = PrefixMiddleware(DirectoryApp(folder / "hls", listing=True), prefix="/hls")
    for app in (DirectoryApp(folder, listing=True), below):
        answer = ask(guarded(app), f"{mark}/hls/720")
        assert (answer.status, answer["Location"]) == (301, f"{mark}/hls/720/")


@needs("curl")
@pytest.mark.parametrize("server", [our_server, stock_waitress])
@pytest.mark.parametrize("prefix", [False, True])
def test_curl_fetches_a_signed_file_and_a_part_of_it(
    folder: Path, server: Callable[[WSGIApp], AbstractContextManager[int]], prefix: bool
) -> None:
    with server(open_folder(folder)) as port:
        url = sign(f"http://127.0.0.1:{port}/big.bin", KEY, expires=60, prefix=prefix)
        code = ("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{size_download}")
        assert run(*code, url) == f"200 {256 * 1024}"
        assert run(*code, "-r", "1000-1999", url) == "206 1000"
        assert run(*code, "-I", url) == "200 0"
        assert run(*code, "-X", "POST", url) == "403 44"
        assert run(*code, url.replace("big", "bag")) == ("404 28" if prefix else "403 44")
        assert run(*code, f"http://127.0.0.1:{port}/big.bin") == "403 44"


@needs("ffmpeg", "ffprobe")
def test_ffmpeg_plays_a_signed_playlist(tmp_path: Path) -> None:
    (tmp_path / "hls" / "low").mkdir(parents=True)
    source = ("-f", "lavfi", "-i", "testsrc2=duration=3:size=160x120:rate=10")
    playlist = tmp_path / "hls" / "low" / "index.m3u8"
    codec = ("-c:v", "mpeg2video", "-g", 10, "-f", "hls", "-hls_time", 1, "-hls_list_size", 0)
    run("ffmpeg", "-v", "error", *source, *codec, playlist)
    assert len(list(playlist.parent.glob("*.ts"))) == 3
    master = tmp_path / "hls" / "master.m3u8"
    master.write_text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100000\nlow/index.m3u8\n")
    with our_server(open_folder(tmp_path)) as port:
        url = sign(f"http://127.0.0.1:{port}/hls/master.m3u8", KEY, expires=60, prefix=True)
        count = ("ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0")
        entries = ("-show_entries", "stream=nb_read_frames", "-of", "csv=p=0")
        assert set(run(*count, *entries, url).split()) == {"30,"}


def test_the_body_is_the_one_of_the_application() -> None:
    """What a server may send by itself, such as a file, is handed on as it is."""
    body = [b"x"]
    for url in (signed("/a"), signed("/a", prefix=True)):
        assert guarded(answering(body))(make_environ(url), lambda *_: lambda data: None) is body
