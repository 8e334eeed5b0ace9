"""What a bucket is made of, and what it says of what cannot be."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.ceph import ACCESS_KEY, SECRET_KEY, Ceph
from tests.client import ask
from tests.servers import process
from tests.sources.objects.proxy import BUSY, Fault, Proxy
from wsgistream import Bucket, DirectoryApp, FileApp, create_app
from wsgistream.sources.file import etag_of_content
from wsgistream.sources.memory import Memory
from wsgistream.types import Entry, Source


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        pytest.param("bucket", {}, "such as s3://", id="no URL"),
        pytest.param("s4://bucket", {}, "There can be no object store", id="an unknown scheme"),
        pytest.param("s3://", {}, "There can be no object store", id="no bucket"),
        pytest.param("file:///srv", {}, "given by its path", id="a folder of this machine"),
        pytest.param("s3://b", {"config": {"x": "y"}}, "There can be no", id="an unknown option"),
        pytest.param("s3://b", {"timeout": 0}, "more than 0", id="no time"),
        pytest.param("s3://b", {"metadata_cache": -1}, "below 0", id="less than no memory"),
        pytest.param("s3://b", {"patience": -1}, "below 0", id="less than no patience"),
        pytest.param("s3://b", {"metadata_prefix": "a b"}, "header name", id="no name of a field"),
    ],
)
def test_there_is_no_bucket(url: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Bucket(url, **options)


class Shelves:
    """A store of a caller's own."""

    def find(self, path: tuple[str, ...], encodings: tuple[str, ...] = ()) -> Source | None:
        return Memory(b"mine") if path == ("a",) else None

    def list(self, path: tuple[str, ...]) -> list[Entry] | None:
        return None


def test_an_application_serves_any_store() -> None:
    app = DirectoryApp(Shelves(), listing=True)
    assert [ask(app, path).status for path in ("/a", "/b", "/")] == [200, 404, 404]
    assert not app.quick


@pytest.mark.parametrize(
    ("root", "options"),
    [
        pytest.param("memory://", {"follow_symlinks": True}, id="links of a bucket"),
        pytest.param("memory://", {"etag": None}, id="tags of a bucket"),
        pytest.param(Shelves(), {"hidden": True}, id="what a store hides"),
    ],
)
def test_a_store_has_options_of_its_own(root: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"[Ss]tore"):
        DirectoryApp(root, **options)


def test_an_object_has_a_tag_of_its_own() -> None:
    with pytest.raises(ValueError, match="entity-tag of its own"):
        FileApp("memory:///a", etag=etag_of_content)


def test_without_the_library_a_person_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(ImportError, match=r"pip install 'wsgistream\[objects\]'"):
        DirectoryApp("s3://bucket")
    with pytest.raises(ValueError, match=r"pip install 'wsgistream\[objects\]'"):
        create_app(root="s3://bucket")


def test_the_site_of_a_url_is_its_objects() -> None:
    assert ask(create_app(root="memory://", listing=False), "/a").status == 404
    with pytest.raises(ValueError, match="in front cannot send"):
        create_app(root="memory://", offload="apache")


# --- at the start --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bucket(ceph: Ceph) -> str:
    bucket = ceph.make_bucket()
    ceph.put(bucket, "films/a.txt", b"a film")
    return bucket


def test_the_command_serves_a_bucket(ceph: Ceph, bucket: str, tmp_path: Path) -> None:
    url = f"s3://{bucket}/films"
    checked = ("serve", url, "--listen", "127.0.0.1:0", "--check")
    with process(*checked, environ=ceph.environ, cwd=tmp_path) as run:
        assert f"They would serve {url} at http://" in run.said()
        assert run.end() == 0


@pytest.mark.parametrize(
    ("url", "environ", "said", "workers"),
    [
        pytest.param("s3://nowhere", {}, "404 NoSuchBucket", 1, id="no such bucket"),
        pytest.param(
            "s3://{}", {"AWS_SECRET_ACCESS_KEY": "x"}, "403 SignatureDoesNotMatch", 1, id="a secret"
        ),
        pytest.param("s3://{}", {"AWS_ACCESS_KEY_ID": "x"}, "403 InvalidAccess", 1, id="a key"),
        pytest.param(
            "s3://{}", {"AWS_ACCESS_KEY_ID": "x"}, "403 InvalidAccess", 2, id="of each worker"
        ),
        pytest.param(
            "s3://{}", {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "sending", 1, id="no store"
        ),
    ],
)
def test_the_command_says_what_is_wrong_in_one_sentence(
    ceph: Ceph, bucket: str, url: str, environ: dict[str, str], said: str, workers: int
) -> None:
    place = url.format(bucket)
    options = ("--listen", "127.0.0.1:0", "--workers", str(workers))
    with process("serve", place, *options, environ={**ceph.environ, **environ}) as run:
        line = run.said()
        assert line.startswith(f"wsgistream: {place} cannot be served: ")
        assert said in line
        assert run.end() == 2
        assert run.rest() == ([], [])


def test_who_may_not_list_can_be_served_without_lists(ceph: Ceph, bucket: str) -> None:
    nobody = ceph.store(bucket, anonymous=True, config={})
    nobody.check(listing=False)
    with pytest.raises(ValueError, match="403 AccessDenied"):
        nobody.check()


def test_a_key_that_cannot_be_named_is_no_reason_not_to_begin(ceph: Ceph) -> None:
    odd = ceph.make_bucket()
    ceph.put(odd, "a//b", b"x")
    store = ceph.store(odd)
    store.check()
    app = DirectoryApp(store, listing=True)
    assert [ask(app, path).status for path in ("/a//b", "/a/", "/")] == [404, 502, 200]


@pytest.mark.parametrize("path", ["/" + "k" * 1025, "/" + "k" * 200_000, "/\u20ac" * 300])
def test_what_is_too_long_for_a_key_is_not_asked_for(
    ceph: Ceph, store: Proxy, bucket: str, path: str
) -> None:
    app = DirectoryApp(ceph.store(bucket, endpoint=store.endpoint), listing=True)
    for each in (path, f"{path}/"):
        assert ask(app, each).status == 404
    assert store.requests == []


def test_what_has_no_lists_is_not_asked_for_one(store: Proxy) -> None:
    Bucket(f"{store.endpoint}/files").check()
    assert store.requests == []


def test_a_server_of_files_is_a_store(ceph: Ceph) -> None:
    public = ceph.make_bucket()
    ceph.put(public, "films/a b.txt", b"0123456789", x_amz_acl="public-read")
    url = f"{ceph.endpoint}/{public}/films"
    app = DirectoryApp(url)
    assert ask(app, "/a%20b.txt", headers={"Range": "bytes=2-4"}).body == b"234"
    assert ask(app, "/a%20b.txt", headers={"If-None-Match": "*"}).status == 304
    assert ask(FileApp(f"{url}/a%20b.txt"), "/").body == b"0123456789"


def test_anybody_s_objects_need_no_keys(ceph: Ceph) -> None:
    public = ceph.make_bucket()
    ceph.put(public, "a.txt", b"0123456789", x_amz_acl="public-read")
    app = DirectoryApp(ceph.store(public, anonymous=True, config={}))
    assert ask(app, "/a.txt").body == b"0123456789"


@pytest.fixture
def profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    keys = f"aws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
    file.write_text(f"[other]\naws_access_key_id = x\naws_secret_access_key = x\n[mine]\n{keys}")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)


@pytest.mark.usefixtures("profile")
def test_a_profile_says_who_asks(ceph: Ceph, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def status(**options: Any) -> int:
        app = DirectoryApp(ceph.store(bucket, **options))
        return ask(app, "/films/a.txt").status

    assert status(config={}) == 200
    monkeypatch.setenv("AWS_PROFILE", "other")
    assert status(config={}) == 403
    assert status() == 200  # keys that are given count more
    monkeypatch.setenv("AWS_PROFILE", "none")
    with pytest.raises(ValueError, match="AWS_PROFILE"):
        status(config={})
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.delitem(sys.modules, "obstore.auth.boto3")
    with pytest.raises(ImportError, match="pip install boto3"):
        status(config={})


def test_keys_can_be_asked_for(ceph: Ceph, bucket: str) -> None:
    def keys() -> dict[str, Any]:
        asked.append(True)
        return {
            "access_key_id": ACCESS_KEY,
            "secret_access_key": SECRET_KEY,
            "expires_at": None,
        }

    asked: list[bool] = []
    app = DirectoryApp(ceph.store(bucket, config={}, credentials=keys))
    assert [ask(app, "/films/a.txt").status for _ in range(2)] == [200, 200]
    assert asked


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param(b"400 Bad Request", 502, id="a token that has expired"),
        pytest.param(b"401 Unauthorized", 403, id="no word of who asks"),
        pytest.param(b"404 Not Found", 404, id="nothing there"),
        pytest.param(b"405 Method Not Allowed", 404, id="a method that nobody knows"),
        pytest.param(b"408 Request Timeout", 504, id="too slow"),
        pytest.param(b"429 Too Many Requests", 503, id="too many"),
        pytest.param(b"500 Internal Server Error", 502, id="a fault"),
        pytest.param(b"504 Gateway Timeout", 504, id="a slow store behind it"),
    ],
)
def test_what_the_store_says_is_said_in_our_words(
    ceph: Ceph, store: Proxy, bucket: str, status: bytes, expected: int
) -> None:
    code = b"<Error><Code>Odd</Code><Key>films</Key></Error>"
    length = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(code)
    store.always = Fault(answer=b"HTTP/1.1 %s\r\n%s%s" % (status, length, code))
    app = DirectoryApp(ceph.store(bucket, endpoint=store.endpoint, patience=0))
    answer = ask(app, "/films/a.bin")
    assert answer.status == expected
    assert not {b"Odd", b"films/", bucket.encode()} & set(answer.body.split())


def test_an_answer_without_what_is_needed_is_no_answer(
    ceph: Ceph, store: Proxy, bucket: str
) -> None:
    store.always = Fault(answer=b"HTTP/1.1 200 OK\r\n\r\nof some length")
    app = DirectoryApp(ceph.store(bucket, endpoint=store.endpoint))
    assert ask(app, "/films/a.bin").status == 502


def test_what_has_no_date_is_told_without(store: Proxy) -> None:
    store.always = Fault(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab")
    answer = ask(DirectoryApp(f"{store.endpoint}/files"), "/a.bin")
    assert (answer.body, "last-modified" in answer, "etag" in answer) == (b"ab", False, False)


def test_another_version_with_a_weak_tag_is_seen(store: Proxy) -> None:
    """Which If-Match cannot do: a weak tag matches nothing."""
    head = (
        b"HTTP/1.1 200 OK\r\nLast-Modified: Mon, 23 Nov 2026 06:00:00 GMT\r\nContent-Length: 2\r\n"
    )
    store.faults.extend(Fault(answer=b'%sETag: W/"%d"\r\n\r\nab' % (head, n)) for n in range(2))
    app = DirectoryApp(f"{store.endpoint}/files")
    assert ask(app, "/a.bin", headers={"If-Match": "*"}).status == 503
    assert store.requests == ["HEAD", "GET"]


def test_a_sibling_is_let_go_where_the_plain_object_cannot_be_had(
    ceph: Ceph, store: Proxy, bucket: str
) -> None:
    ceph.put(bucket, "b.css", b"plain")
    ceph.put(bucket, "b.css.gz", b"packed")
    store.faults.extend([Fault(), Fault(answer=BUSY)])
    made = ceph.store(bucket, endpoint=store.endpoint, patience=0)
    assert ask(DirectoryApp(made), "/b.css", headers={"Accept-Encoding": "gzip"}).status == 503


def test_a_sibling_that_may_not_be_read_is_passed_over(ceph: Ceph) -> None:
    public = ceph.make_bucket()
    ceph.put(public, "a.css", b"plain", x_amz_acl="public-read")
    ceph.put(public, "a.css.gz", b"packed")
    app = DirectoryApp(ceph.store(public, anonymous=True, config={}))
    answer = ask(app, "/a.css", headers={"Accept-Encoding": "br, gzip"})
    assert (answer.status, answer.body, answer["vary"]) == (200, b"plain", "Accept-Encoding")


def test_a_sibling_that_is_older_is_passed_over(ceph: Ceph, bucket: str) -> None:
    ceph.put(bucket, "c.css.gz", b"packed")
    made = ceph.store(bucket)

    def dates() -> list[int | None]:
        ceph.put(bucket, "c.css", b"plain")
        found = [made.find((name,)) for name in ("c.css.gz", "c.css")]
        return [each.meta.modified for each in found if each is not None]

    sibling, plain = dates()
    while plain == sibling:  # a store's dates have whole seconds
        sibling, plain = dates()
    assert ask(DirectoryApp(made), "/c.css", headers={"Accept-Encoding": "gzip"}).body == b"plain"
