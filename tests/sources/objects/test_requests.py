"""What a request costs: one request to the store, wherever one can be enough."""

from __future__ import annotations

import pytest

from tests.ceph import Ceph
from tests.client import ask
from tests.sources.objects.proxy import Proxy
from wsgistream import DirectoryApp
from wsgistream.types import WSGIApp

#: Bytes that no two places have alike.
DATA = b"".join(b"%07d\n" % number for number in range(131072))  # 1 MiB
FAR = 600_000
TAG = "stands for the tag of the object"


@pytest.fixture(scope="module")
def bucket(ceph: Ceph) -> str:
    bucket = ceph.make_bucket()
    ceph.put(bucket, "film.mp4", DATA)
    ceph.put(bucket, "empty", b"")
    for name in ("index.html", "style.css", "style.css.gz", "sub/a.bin"):
        ceph.put(bucket, name, name.encode())
    return bucket


@pytest.fixture
def app(ceph: Ceph, store: Proxy, bucket: str) -> WSGIApp:
    return DirectoryApp(ceph.store(bucket, endpoint=store.endpoint), listing=True)


@pytest.mark.parametrize(
    ("path", "headers", "status", "requests"),
    [
        pytest.param("/film.mp4", {}, 200, ["GET"], id="the whole"),
        pytest.param("/film.mp4", {"Range": "bytes=5-9"}, 206, ["GET 5-9"], id="a range"),
        pytest.param("/film.mp4", {"Range": "bytes=5-"}, 206, ["GET 5-"], id="an open range"),
        pytest.param("/film.mp4", {"Range": "bytes=0-"}, 206, ["GET"], id="from the beginning"),
        pytest.param("/film.mp4", {"Range": "bytes=-5"}, 206, ["GET -5"], id="a suffix"),
        pytest.param(
            "/film.mp4", {"Range": "bytes=5-9999999"}, 206, ["GET 5-9999999"], id="beyond the end"
        ),
        pytest.param(
            "/film.mp4",
            {"Range": "bytes=9999999-"},
            416,
            ["GET 9999999-", "HEAD"],
            id="an unsatisfiable range",
        ),
        pytest.param("/film.mp4", {"Range": "bytes=-0"}, 416, ["HEAD"], id="an empty suffix"),
        pytest.param("/film.mp4", {"Range": "lines=1-2"}, 200, ["GET"], id="another unit"),
        pytest.param(
            "/film.mp4", {"Range": "bytes=5-9", "If-Range": TAG}, 206, ["GET 5-9"], id="If-Range"
        ),
        pytest.param(
            "/film.mp4",
            {"Range": "bytes=5-9", "If-Range": '"another"'},
            200,
            ["GET 5-9", "GET if-match"],
            id="an If-Range that does not hold",
        ),
        pytest.param(
            "/film.mp4",
            {"Range": "bytes=0-9,1000-1009"},
            206,
            ["HEAD", "GET 0-1009 if-match"],
            id="ranges that are near",
        ),
        pytest.param(
            "/film.mp4",
            {"Range": f"bytes={FAR}-{FAR + 9},0-9,100-109"},
            206,
            ["HEAD", f"GET {FAR}-{FAR + 9} if-match", "GET 0-109 if-match"],
            id="ranges that are far apart",
        ),
        pytest.param("/film.mp4", {"If-None-Match": TAG}, 304, ["HEAD"], id="not modified"),
        pytest.param("/film.mp4", {"If-Match": '"x"'}, 412, ["HEAD"], id="a failed precondition"),
        pytest.param(
            "/film.mp4",
            {"If-None-Match": '"x"'},
            200,
            ["HEAD", "GET if-match"],
            id="modified since",
        ),
        pytest.param(
            "/film.mp4",
            {"If-None-Match": '"x"', "Range": "bytes=5-9"},
            206,
            ["HEAD", "GET 5-9 if-match"],
            id="modified since, and a range",
        ),
        pytest.param("/empty", {}, 200, ["GET"], id="an empty object"),
        pytest.param("/empty", {"Range": "bytes=0-"}, 200, ["GET"], id="all of an empty object"),
        pytest.param(
            "/empty", {"Range": "bytes=0-5"}, 200, ["GET 0-5", "HEAD"], id="a range of nothing"
        ),
        pytest.param("/style.css", {}, 200, ["GET"], id="text for who takes it plain"),
        pytest.param(
            "/style.css",
            {"Accept-Encoding": "br, gzip"},
            200,
            ["GET", "GET", "HEAD"],
            id="the second sibling there may be",
        ),
        pytest.param(
            "/film.mp4", {"Accept-Encoding": "br, gzip"}, 200, ["GET"], id="no sibling of a film"
        ),
        pytest.param("/", {}, 200, ["GET"], id="an index"),
        pytest.param("/sub/", {}, 200, ["GET", "LIST"], id="a listing"),
        pytest.param("/sub", {}, 301, ["GET", "GET", "LIST"], id="a folder without its slash"),
        pytest.param("/missing", {}, 404, ["GET", "GET", "LIST"], id="what is not there"),
        pytest.param("/.hidden", {}, 404, [], id="what is hidden"),
        pytest.param("/a//b", {}, 404, [], id="what can be no key"),
    ],
)
def test_a_request_costs(
    app: WSGIApp,
    store: Proxy,
    path: str,
    headers: dict[str, str],
    status: int,
    requests: list[str],
) -> None:
    if TAG in headers.values():
        tag = ask(app, path, method="HEAD")["etag"]
        headers = {name: tag if value == TAG else value for name, value in headers.items()}
        store.requests.clear()
    answer = ask(app, path, headers=headers)
    assert (answer.status, store.requests) == (status, requests)


@pytest.mark.parametrize(
    ("path", "requests"),
    [
        pytest.param("/film.mp4", ["HEAD"], id="an object"),
        pytest.param("/missing", ["HEAD", "HEAD", "LIST"], id="what is not there"),
    ],
)
def test_head_reads_no_byte(app: WSGIApp, store: Proxy, path: str, requests: list[str]) -> None:
    ask(app, path, method="HEAD", headers={"Range": "bytes=5-9"})
    assert store.requests == requests


def test_ranges_that_are_near_are_cut_from_what_is_read_at_once(app: WSGIApp) -> None:
    answer = ask(app, "/film.mp4", headers={"Range": "bytes=0-9,300000-300009,100000-100009"})
    boundary = answer["content-type"].partition("boundary=")[2].encode()
    parts = answer.body.split(b"--" + boundary)[1:-1]
    contents = [part.partition(b"\r\n\r\n")[2][:-2] for part in parts]
    assert contents == [DATA[0:10], DATA[300000:300010], DATA[100000:100010]]
