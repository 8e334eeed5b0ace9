"""Credentials that expire, or are taken back, while a server runs."""

from __future__ import annotations

import socket
import uuid
from datetime import datetime, timedelta, timezone
from http.client import IncompleteRead
from typing import Any

import pytest

from tests.ceph import SECRET_KEY, Ceph
from tests.client import ask
from tests.servers import running
from tests.sources.objects.proxy import Fault, Proxy
from wsgistream import DirectoryApp
from wsgistream.types import WSGIApp

DATA = b"".join(b"%07d\n" % number for number in range(524288))  # 4 MiB
LARGE = DATA * 8  # more than all buffers on the way hold


@pytest.fixture(scope="module")
def bucket(ceph: Ceph) -> str:
    bucket = ceph.make_bucket()
    ceph.put(bucket, "large.mp4", LARGE)
    return bucket


class Keys:
    """A provider of keys, of which the newest alone are good."""

    def __init__(self, ceph: Ceph) -> None:
        self._ceph = ceph
        self.newest = ""
        self.given: list[str] = []
        self.change()

    def change(self) -> None:
        """Make a key, and take the one before it back."""
        old, self.newest = self.newest, uuid.uuid4().hex
        self._ceph.administer("key", "create", "--uid=test", *self._options(self.newest))
        if old:
            self._ceph.administer("key", "rm", *self._options(old))

    def _options(self, key: str) -> tuple[str, str]:
        return f"--access-key={key}", f"--secret-key={SECRET_KEY}"

    def __call__(self) -> dict[str, Any]:
        self.given.append(self.newest)
        return {**self.static(), "expires_at": datetime.now(timezone.utc) + timedelta(seconds=30)}

    def static(self) -> dict[str, str]:
        return {"access_key_id": self.newest, "secret_access_key": SECRET_KEY}


@pytest.fixture
def keys(ceph: Ceph) -> Keys:
    return Keys(ceph)


def changing(app: WSGIApp, keys: Keys) -> bytes:
    """Have a client read the head of an answer, change the keys, and read its body."""
    with running(app) as run, run.connect(window=8192) as client:
        client.ask("/large.mp4")
        assert client.socket.recv(1, socket.MSG_PEEK) == b"H"
        keys.change()
        return client.answer().body


def test_keys_are_asked_for_again_before_they_expire(ceph: Ceph, bucket: str, keys: Keys) -> None:
    app = DirectoryApp(ceph.store(bucket, config={}, credentials=keys))
    assert ask(app, "/large.mp4", method="HEAD").status == 200
    keys.change()
    assert ask(app, "/large.mp4", headers={"Range": "bytes=8-15"}).body == DATA[8:16]
    assert keys.given[0] != keys.given[-1] == keys.newest


def test_a_download_goes_on_with_new_keys(
    ceph: Ceph, store: Proxy, bucket: str, keys: Keys
) -> None:
    store.faults.append(Fault(stop=len(LARGE) // 2))
    made = ceph.store(bucket, config={}, credentials=keys, endpoint=store.endpoint)
    assert changing(DirectoryApp(made), keys) == LARGE
    assert len(store.requests) > 1


def test_without_new_keys_a_download_that_breaks_off_is_cut(
    ceph: Ceph, store: Proxy, bucket: str, keys: Keys
) -> None:
    store.faults.append(Fault(stop=len(LARGE) // 2))
    app = DirectoryApp(ceph.store(bucket, config=keys.static(), endpoint=store.endpoint))
    with pytest.raises(IncompleteRead) as cut:
        changing(app, keys)
    assert LARGE.startswith(cut.value.partial)
    # And what is asked for from now on is refused.
    answer = ask(app, "/large.mp4")
    assert answer.status == 403


def test_what_is_on_its_way_needs_no_more_keys(ceph: Ceph, bucket: str, keys: Keys) -> None:
    assert changing(DirectoryApp(ceph.store(bucket, config=keys.static())), keys) == LARGE
