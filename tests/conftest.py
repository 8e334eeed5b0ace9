"""What the tests of servers share."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.ceph import Ceph, missing_program, one_node
from tests.databases import mariadb, postgresql, shop
from tests.servers import eventually

__all__ = ["mariadb", "postgresql", "shop"]


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ceph]:
    """Run a real object store, once for all who ask for it."""
    missing = missing_program()
    if missing is not None:
        pytest.skip(f"{missing} is not installed")
    with one_node(tmp_path_factory.mktemp("ceph")) as store:
        yield store


@pytest.fixture
def nothing_left() -> Callable[[], bool]:
    """Tell whether the descriptors and the threads are those of the beginning, or soon will be."""

    def held() -> tuple[int, int]:
        # Listing the folder holds one descriptor more, each time.
        return len(os.listdir("/proc/self/fd")), threading.active_count()

    before = held()
    return lambda: eventually(lambda: held() == before)


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Callable[[], bool]:
    """Tell whether nothing was logged as a fault; that a request waits for a thread is none."""
    return lambda: (
        not [
            record
            for record in caplog.records
            if record.levelname != "INFO" and record.name != "waitress.queue"
        ]
    )
