"""What was said of objects a moment ago: no longer, and of no more, than is wanted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ceph import Ceph
from tests.client import ask
from tests.clock import Clock
from tests.sources.objects.proxy import Proxy
from wsgistream import DirectoryApp
from wsgistream.sources.objects import known as known_module
from wsgistream.sources.objects.known import Head, Known


def head(size: int) -> Head:
    return Head({"size": size}, {})


def is_missing(known: Known, key: str) -> bool:
    try:
        known.check(key)
    except FileNotFoundError:
        return True
    return False


def test_it_is_known_for_a_time() -> None:
    clock = Clock()
    known = Known(10, clock=clock)
    known.keep("there", head(1))
    known.keep("missing", None)
    clock.now = 9
    assert known.head("there") == head(1)
    assert [is_missing(known, key) for key in ("there", "missing", "other")] == [False, True, False]
    clock.now = 10
    assert known.head("there") is None
    assert not is_missing(known, "missing")


def test_the_newest_counts_and_can_be_forgotten() -> None:
    known = Known(10, clock=Clock())
    known.keep("a", None)
    known.keep("a", head(2))
    assert known.head("a") == head(2)
    known.forget("a")
    known.forget("a")
    assert known.head("a") is None


def test_the_oldest_goes_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_module, "MOST", 2)
    known = Known(10, clock=Clock())
    for number, key in enumerate("abac"):
        known.keep(key, head(number))
    assert [known.head(key) for key in "abc"] == [head(2), None, head(3)]


def test_nothing_is_known_if_that_is_not_wanted() -> None:
    known = Known(0, clock=Clock())
    known.keep("a", head(1))
    assert known.head("a") is None


@pytest.fixture
def bucket(ceph: Ceph) -> str:
    bucket = ceph.make_bucket()
    ceph.put(bucket, "a.css", b"first")
    return bucket


def cached(ceph: Ceph, store: Proxy, bucket: str, **options: Any) -> DirectoryApp:
    made = ceph.store(bucket, endpoint=store.endpoint, metadata_cache=60, **options)
    return DirectoryApp(made, index=())


def test_what_is_known_is_not_asked_for(ceph: Ceph, store: Proxy, bucket: str) -> None:
    app = cached(ceph, store, bucket)
    packed = {"Accept-Encoding": "gzip"}
    assert ask(app, "/a.css", headers=packed).body == b"first"
    assert store.requests == ["GET", "GET"]
    store.requests.clear()
    assert ask(app, "/a.css", method="HEAD", headers=packed)["content-length"] == "5"
    assert ask(app, "/a.css", headers={"If-None-Match": "*"}).status == 304
    assert ask(app, "/a.css.gz").status == 404
    assert store.requests == []
    assert ask(app, "/a.css", headers=packed).body == b"first"
    assert store.requests == ["GET"]


def test_what_has_changed_since_is_not_taken_for_what_is_known(
    ceph: Ceph, store: Proxy, bucket: str
) -> None:
    app = cached(ceph, store, bucket)
    assert ask(app, "/a.css", method="HEAD").status == 200
    ceph.put(bucket, "a.css", b"second")
    changed = {"If-None-Match": '"x"'}
    answer = ask(app, "/a.css", headers=changed)
    assert (answer.status, answer["retry-after"]) == (503, "1")
    assert ask(app, "/a.css", headers=changed).body == b"second"
