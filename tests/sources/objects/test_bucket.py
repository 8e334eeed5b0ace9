"""A bucket of a real store, and one in memory, are stores like any other."""

from __future__ import annotations

import obstore
import pytest

from tests.ceph import Ceph
from tests.sources.contract import DATA, FILES, SourceContract, StoreContract
from wsgistream.sources.objects.bucket import Bucket
from wsgistream.types import Source


@pytest.fixture(scope="module")
def filled(ceph: Ceph) -> str:
    """The name of a bucket that holds what each store under test holds, below a prefix."""
    bucket = ceph.make_bucket()
    for name, data in FILES.items():
        ceph.put(bucket, f"be/low/{name}", data)
    ceph.put(bucket, "secret.txt", b"beside the prefix")
    return bucket


def in_memory(**options: bool) -> Bucket:
    bucket = Bucket("memory://", **options)
    for name, data in FILES.items():
        obstore.put(bucket.store, name, data)
    return bucket


class TestBucket(StoreContract):
    @pytest.fixture(autouse=True)
    def _store(self, ceph: Ceph, filled: str) -> None:
        self.store = ceph.store(filled, "be/low")
        self.store_with_hidden = ceph.store(f"{filled}/be", "/low/", hidden=True)


class TestMemory(StoreContract):
    @pytest.fixture(autouse=True)
    def _store(self) -> None:
        self.store = in_memory()
        self.store_with_hidden = in_memory(hidden=True)


class TestSourceOfABucket(SourceContract):
    @pytest.fixture(autouse=True)
    def _store(self, ceph: Ceph, filled: str) -> None:
        self.bucket = ceph.store(filled, "be/low")

    def make(self) -> Source:
        source = self.bucket.find(("data.bin",))
        assert source is not None
        return source


class TestSourceOfABucketThatKnowsTheRequest(TestSourceOfABucket):
    def make(self) -> Source:
        source = self.bucket.for_request({"REQUEST_METHOD": "GET"}).find(("data.bin",))
        assert source is not None
        assert source.meta.size == len(DATA)
        return source


class TestSourceInMemory(SourceContract):
    def make(self) -> Source:
        source = in_memory().find(("data.bin",))
        assert source is not None
        return source


def test_a_folder_may_hold_no_more_than_what_marks_it(ceph: Ceph) -> None:
    bucket = ceph.make_bucket()
    ceph.put(bucket, "marked/", b"")
    store = ceph.store(bucket)
    assert [entry.name for entry in store.list(()) or ()] == ["marked"]
    assert list(store.list(("marked",)) or ("none",)) == []
    assert store.find(("marked",)) is None
