"""Clients are sent to the store itself, by links that hold for a while."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlsplit

import pytest
from obstore.store import AzureStore, MemoryStore, S3Store

from tests.ceph import Ceph
from tests.client import ask
from tests.servers import eventually
from tests.sources.objects.proxy import BUSY, Fault, Proxy
from wsgistream import Bucket, DirectoryApp, Memory, StoreRedirect
from wsgistream.sources.objects.binding import can_sign
from wsgistream.types import WSGIApp

NAME = "f\u00fclm &+%20?#.mp4"
PATH = "/f%C3%BClm%20&+%2520%3F%23.mp4"


@pytest.fixture(scope="module")
def bucket(ceph: Ceph) -> str:
    bucket = ceph.make_bucket()
    ceph.put(bucket, NAME, b"0123456789")
    return bucket


def served(ceph: Ceph, bucket: str, endpoint: str | None = None, **options: Any) -> WSGIApp:
    made = ceph.store(bucket, endpoint=endpoint or ceph.endpoint, patience=0)
    return DirectoryApp(made, responder=StoreRedirect(**options))


def followed(location: str, headers: dict[str, str]) -> tuple[int, bytes]:
    url = urlsplit(location)
    connection = http.client.HTTPConnection(url.netloc)
    try:
        connection.request("GET", f"{url.path}?{url.query}", headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_a_client_is_sent_to_the_store(ceph: Ceph, bucket: str) -> None:
    answer = ask(served(ceph, bucket, expires=60), PATH, headers={"Range": "bytes=2-4"})
    assert (answer.status, answer["cache-control"]) == (307, "no-store")
    assert "X-Amz-Expires=60" in answer["location"]
    assert followed(answer["location"], {"Range": "bytes=2-4"}) == (206, b"234")


def test_a_link_expires(ceph: Ceph, bucket: str) -> None:
    location = ask(served(ceph, bucket, expires=2), PATH)["location"]
    assert followed(location, {}) == (200, b"0123456789")
    assert eventually(lambda: followed(location, {})[0] == 403)


@pytest.mark.parametrize(
    ("options", "method", "headers", "status"),
    [
        pytest.param({}, "GET", {}, 307, id="all"),
        pytest.param({}, "HEAD", {}, 200, id="not the head, for which a link does not hold"),
        pytest.param({}, "GET", {"If-None-Match": "*"}, 304, id="not what the client has"),
        pytest.param({}, "GET", {"If-Match": '"x"'}, 412, id="not what it does not want"),
        pytest.param({}, "GET", {"Range": "bytes=99-"}, 416, id="not what there is not"),
        pytest.param({"minimum": 10}, "GET", {}, 307, id="what is large enough"),
        pytest.param({"minimum": 11}, "GET", {}, 200, id="not what is too small"),
        pytest.param({"only": lambda path: "mp4" in path}, "GET", {}, 307, id="what is meant"),
        pytest.param({"only": lambda path: False}, "GET", {}, 200, id="not what is not meant"),
    ],
)
def test_what_is_linked_to(
    ceph: Ceph,
    bucket: str,
    options: dict[str, Any],
    method: str,
    headers: dict[str, str],
    status: int,
) -> None:
    answer = ask(served(ceph, bucket, **options), PATH, method=method, headers=headers)
    assert (answer.status, "location" in answer) == (status, status == 307)
    assert status != 200 or method == "HEAD" or answer.body == b"0123456789"


def test_a_link_reads_no_byte(ceph: Ceph, store: Proxy, bucket: str) -> None:
    assert ask(served(ceph, bucket, store.endpoint), PATH).status == 307
    assert store.requests == ["HEAD"]
    store.always = Fault(answer=BUSY)
    assert ask(served(ceph, bucket, store.endpoint), PATH).status == 503


def test_what_has_no_links_is_answered_as_without() -> None:
    bucket = Bucket("memory://")
    assert ask(DirectoryApp(bucket, responder=StoreRedirect()), "/a").status == 404

    def app(environ: Any, start_response: Any) -> Any:
        return StoreRedirect()(environ, start_response, Memory(b"here"))

    assert ask(app).body == b"here"


@pytest.mark.parametrize(
    ("store", "key", "expected"),
    [
        pytest.param(S3Store("box"), "a b", True, id="of S3"),
        pytest.param(AzureStore("box", account_name="x"), "a/b.txt", True, id="of Azure"),
        pytest.param(
            AzureStore("box", account_name="x"), "a b", False, id="none of Azure with escapes"
        ),
        pytest.param(
            AzureStore("box", account_name="x", prefix="a b"), "c", False, id="nor below such"
        ),
        pytest.param(MemoryStore(), "a", False, id="none of memory"),
    ],
)
def test_there_are_links(store: Any, key: str, expected: bool) -> None:
    assert can_sign(store, key) is expected


@pytest.mark.parametrize("options", [{"expires": 0}, {"expires": 700_000}, {"minimum": -1}])
def test_options_that_cannot_be_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="A link holds"):
        StoreRedirect(**options)
