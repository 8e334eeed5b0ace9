"""Files that nginx, Apache and lighttpd send for us: the right one, as it was asked for."""

from __future__ import annotations

import gzip
import http.client
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest

from tests.client import Answer
from tests.fronts.fronts import apache, lighttpd, nginx
from tests.servers import DEADLINE, running
from wsgistream import DirectoryApp, XAccelRedirect, XSendfile
from wsgistream.types import Body, Environ, StartResponse

BIG: Final = bytes(range(256)) * 4096
STYLE: Final = b".a { color: red; margin: 0 auto; }\n" * 40

NAMES: Final[dict[str, bytes]] = {
    "a plain name": b"plain.txt",
    "a percent sign": b"100%.txt",
    "an escape that is none": b"a%20b.txt",
    "a space": b"a b.txt",
    "a space at the end": b"end ",
    "a plus sign": b"a+b.txt",
    "a question mark": b"what?.txt",
    "a number sign": b"a#b.txt",
    "quotes": b"\"double\" and 'single'.txt",
    "a semicolon": b"a;b.txt",
    "an ampersand and an equals sign": b"a&b=c.txt",
    "a colon": b"a:b.txt",
    "a backslash": b"a\\b.txt",
    "a tab": b"a\tb.txt",
    "a line end": b"a\nb.txt",
    "Cyrillic": "кириллица.txt".encode(),
    "an emoji": "😀.txt".encode(),
    "bytes that are no text": b"\xff\xfe.txt",
}


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


@pytest.fixture(scope="module")
def media() -> Iterator[Path]:
    """Files that a front server of another user may read."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        root = os.fsencode(folder)
        for name in NAMES.values():
            Path(os.fsdecode(os.path.join(root, name))).write_bytes(b"This is " + name)
        (Path(folder) / "sub").mkdir()
        (Path(folder) / "sub" / "big.bin").write_bytes(BIG)
        (Path(folder) / "style.css").write_bytes(STYLE)
        (Path(folder) / "style.css.gz").write_bytes(gzip.compress(STYLE, mtime=0))
        yield Path(folder)


@pytest.fixture(scope="module", params=["nginx", "apache", "lighttpd"])
def front(request: pytest.FixtureRequest, media: Path) -> Iterator[Front]:
    start, responder = {
        "nginx": (nginx, XAccelRedirect({media: "/internal/"})),
        "apache": (apache, XSendfile()),
        "lighttpd": (lighttpd, XSendfile(quoted=True)),
    }[request.param]
    told: list[dict[str, str]] = []
    app = DirectoryApp(
        media,
        responder=responder,
        cache_control="max-age=60",
        download=lambda name: name == "plain.txt",
    )

    def noting(environ: Environ, start_response: StartResponse) -> Body:
        def begin(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            told.append({name.lower(): value for name, value in headers})
            return start_response(status, headers, *rest)

        return app(environ, begin)

    with (
        tempfile.TemporaryDirectory() as folder,
        running(noting) as run,
        start(Path(folder), media, run.addresses[0][1]) as port,
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


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        pytest.param({}, 200, BIG, id="the whole"),
        pytest.param({"Range": "bytes=0-0"}, 206, BIG[:1], id="the first byte"),
        pytest.param({"Range": "bytes=-10"}, 206, BIG[-10:], id="the last bytes"),
        pytest.param({"Range": "bytes=1000-"}, 206, BIG[1000:], id="an open range"),
        pytest.param({"Range": "bytes=99999999-"}, 416, None, id="a range beyond the end"),
        pytest.param({"Range": "bytes=0-9", "If-Range": '"x"'}, 200, BIG, id="another tag"),
        pytest.param({"If-Match": '"x"'}, 412, None, id="a failed precondition"),
        pytest.param({"If-None-Match": '"x"'}, 200, BIG, id="another tag that is known"),
    ],
)
def test_a_request_is_answered(
    front: Front, asked: dict[str, str], status: int, body: bytes | None
) -> None:
    answer = front.ask(b"sub/big.bin", **asked)
    assert answer.status == status
    assert body is None or answer.body == body


def test_the_tag_that_a_client_was_given_is_good(front: Front) -> None:
    tag = front.ask(b"sub/big.bin")["etag"]
    assert front.ask(b"sub/big.bin", **{"If-None-Match": tag}).status == 304
    ranged = front.ask(b"sub/big.bin", **{"If-Range": tag, "Range": "bytes=5-9"})
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
        *(() if front.name == "nginx" else ("etag",)),
    ):
        assert answer[name] == told[name]
    assert answer["content-disposition"].startswith("attachment")


def test_a_sibling_says_its_coding(front: Front) -> None:
    plain = front.ask(b"style.css")
    packed = front.ask(b"style.css", **{"Accept-Encoding": "gzip"})
    assert (plain.body, gzip.decompress(packed.body)) == (STYLE, STYLE)
    assert packed["content-encoding"] == "gzip"
    assert plain["vary"] == packed["vary"] == "Accept-Encoding"
    assert plain["etag"] != packed["etag"]


def test_the_files_were_left_to_the_front(front: Front) -> None:
    front.told.clear()
    assert front.ask(b"sub/big.bin").body == BIG
    (told,) = front.told
    assert told["content-length"] == "0"
    assert "x-accel-redirect" in told or "x-sendfile" in told


def test_what_is_not_there_is_not_found(front: Front) -> None:
    assert front.ask(b"nothing").status == 404
    assert front.ask(b"../offload").status in (400, 404)


def test_no_client_can_ask_for_a_file_by_a_header(front: Front) -> None:
    asked = {"X-Accel-Redirect": "/internal/plain.txt", "X-Sendfile": "/etc/passwd"}
    asked |= {"X-Sendfile-Type": "X-Accel-Redirect", "X-Accel-Mapping": "/=/internal/"}
    answer = front.ask(b"sub/big.bin", **asked)
    assert (answer.status, answer.body) == (200, BIG)


def test_the_internal_location_is_internal(front: Front) -> None:
    assert front.ask(b"internal/plain.txt").status == 404
