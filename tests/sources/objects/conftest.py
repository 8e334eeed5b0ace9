"""What the tests of object stores share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ceph import Ceph
from tests.sources.objects.proxy import Proxy, proxy
from wsgistream.sources.objects import single


@pytest.fixture
def store(ceph: Ceph) -> Iterator[Proxy]:
    """A real store behind a proxy."""
    with proxy(ceph.port) as made:
        yield made


@pytest.fixture(autouse=True)
def _no_connections_left() -> Iterator[None]:
    """Let no store of one test be that of the next, or keep its connections open."""
    yield
    single._bucket.cache_clear()
