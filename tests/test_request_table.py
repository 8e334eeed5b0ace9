"""One table of requests, asked of the application itself and over three servers.

Whether the files are in a folder or in a real object store, the answers are the same.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import IncompleteRead
from pathlib import Path
from typing import Any

import pytest

from tests.ceph import Ceph
from tests.client import Answer, ask
from tests.live import SERVERS, fetch
from wsgistream import DirectoryApp, StreamingResponse
from wsgistream.types import Body, Environ, StartResponse, Store

BIG = bytes(range(256)) * 4096 * 3  # 3 MiB: more than any server takes at once
STYLE = b".a { color: red; margin: 0 auto; }\n" * 40
Ask = Callable[..., Answer]


def views(environ: Environ, start_response: StartResponse) -> Body:
    """What is no file: a stream of unknown length, one that fails, one that ends too early."""
    response: Any = {
        "/stream": partial(StreamingResponse, (b"chunk %d " % n for n in range(1000))),
        "/failing": partial(StreamingResponse, failing()),
        "/short": partial(StreamingResponse, iter([b"too", b"short"]), content_length=100),
    }.get(environ["PATH_INFO"])
    if response is None:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"no such view"]
    answer: Body = response()(environ, start_response)
    return answer


def failing() -> Iterator[bytes]:
    yield b"x" * 100_000
    raise OSError("the disk is gone")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    (root / "sub").mkdir()
    for name, content in {
        "small.txt": b"0123456789",
        "empty": b"",
        "big.bin": BIG,
        "style.css": STYLE,
        "style.css.gz": gzip.compress(STYLE, mtime=0),
        "sub/index.html": b"<h1>sub</h1>",
    }.items():
        (root / name).write_bytes(content)
        os.utime(root / name, (1_600_000_000, 1_600_000_000))
    return root


@pytest.fixture(scope="module", params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, root: Path) -> Path | Store:
    if request.param == "folder":
        return root
    ceph: Ceph = request.getfixturevalue("ceph")
    bucket = ceph.make_bucket()
    for file in sorted(root.rglob("*.*")):
        ceph.put(bucket, str(file.relative_to(root)), file.read_bytes())
    ceph.put(bucket, "empty", b"")
    return ceph.store(bucket)


@pytest.fixture(scope="module", params=["direct", *SERVERS])
def get(request: pytest.FixtureRequest, place: Path | Store) -> Iterator[Ask]:
    app = DirectoryApp(place, app=views)
    if request.param == "direct":
        yield partial(ask, app)
        return
    with SERVERS[request.param](app) as port:
        yield partial(fetch, port)


TABLE = [
    pytest.param("/small.txt", {}, 200, b"0123456789", id="a small file"),
    pytest.param("/empty", {}, 200, b"", id="an empty file"),
    pytest.param("/big.bin", {}, 200, BIG, id="a large file"),
    pytest.param("/big.bin", {"Range": "bytes=0-0"}, 206, BIG[:1], id="the first byte"),
    pytest.param("/big.bin", {"Range": "bytes=-1"}, 206, BIG[-1:], id="the last byte"),
    pytest.param("/big.bin", {"Range": "bytes=100-"}, 206, BIG[100:], id="an open range"),
    pytest.param(
        "/big.bin", {"Range": "bytes=500000-2500000"}, 206, BIG[500000:2500001], id="a large range"
    ),
    pytest.param("/small.txt", {"Range": "bytes=10-"}, 416, None, id="an unsatisfiable range"),
    pytest.param("/empty", {"Range": "bytes=0-"}, 200, b"", id="a range of nothing"),
    pytest.param("/small.txt", {"If-None-Match": "*"}, 304, b"", id="not modified"),
    pytest.param("/small.txt", {"If-Match": '"x"'}, 412, None, id="a failed precondition"),
    pytest.param("/style.css", {}, 200, STYLE, id="a file with siblings"),
    pytest.param(
        "/style.css",
        {"Accept-Encoding": "gzip"},
        200,
        gzip.compress(STYLE, mtime=0),
        id="its sibling",
    ),
    pytest.param("/sub/", {}, 200, b"<h1>sub</h1>", id="an index"),
    pytest.param("/sub", {}, 301, None, id="a folder without its slash"),
    pytest.param("/missing", {}, 404, b"no such view", id="what is not there"),
    pytest.param(
        "/stream", {}, 200, b"".join(b"chunk %d " % n for n in range(1000)), id="unknown length"
    ),
]


@pytest.mark.parametrize(("path", "headers", "status", "body"), TABLE)
def test_get(get: Ask, path: str, headers: dict[str, str], status: int, body: bytes | None) -> None:
    answer = get(path, headers=headers)
    assert answer.status == status
    assert body is None or answer.body == body


@pytest.mark.parametrize(
    ("path", "headers", "status", "body"),
    # The views are of this test: they have no HEAD.
    [case for case in TABLE if case.values[0] not in ("/missing", "/stream")],
)
def test_head_has_the_headers_of_get_and_no_body(
    get: Ask, path: str, headers: dict[str, str], status: int, body: bytes | None
) -> None:
    plain = {name: value for name, value in headers.items() if name != "Range"}
    head, whole = get(path, method="HEAD", headers=headers), get(path, headers=plain)
    assert (head.status, head.body) == (whole.status, b"")
    for name in ("content-type", "content-length", "etag", "last-modified", "accept-ranges"):
        assert (name in head) == (name in whole)
        assert name not in head or head[name] == whole[name]


def test_several_ranges_are_given_in_parts_of_exactly_the_length_announced(get: Ask) -> None:
    answer = get("/big.bin", headers={"Range": "bytes=2000000-2299999,0-9,-5"})
    assert answer.status == 206
    assert answer["content-length"] == str(len(answer.body))
    boundary = answer["content-type"].partition("boundary=")[2].encode()
    head, *parts, end = answer.body.split(b"--" + boundary)
    contents = [part.partition(b"\r\n\r\n")[2][:-2] for part in parts]
    assert contents == [BIG[2000000:2300000], BIG[:10], BIG[-5:]]
    assert (head, end) == (b"", b"--\r\n")


def test_many_clients_at_once_each_have_their_own_bytes(get: Ask) -> None:
    starts = range(0, 3_000_000, 150_000)

    def part(start: int) -> bool:
        answer = get("/big.bin", headers={"Range": f"bytes={start}-{start + 140_000}"})
        return answer.body == BIG[start : start + 140_001]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(part, starts))


def test_a_failure_in_mid_stream_can_be_seen(get: Ask, request: pytest.FixtureRequest) -> None:
    # wsgiref speaks HTTP/1.0, where without a length a cut looks like an end.
    hidden = "wsgiref" in request.node.name
    for path in ["/short"] if hidden else ["/short", "/failing"]:
        with pytest.raises((IncompleteRead, OSError)):
            get(path)
