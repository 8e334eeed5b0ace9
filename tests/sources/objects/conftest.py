"""What the tests of object stores share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ceph import Ceph
from tests.sources.objects.proxy import Proxy, proxy


@pytest.fixture
def store(ceph: Ceph) -> Iterator[Proxy]:
    """A real store behind a proxy."""
    with proxy(ceph.port) as made:
        yield made
