"""Events over two servers and a Redis, each killed: nobody lacks one or has it twice."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

from bench.counted import Found, compare
from tests.redis import needs_redis
from tests.servers import ROOT


def has_namespaces() -> bool:
    """Tell whether hosts of their own can be made here."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("ip", "unshare"))):
        return False
    tried = subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True)
    return tried.returncode == 0


@needs_redis
@pytest.mark.skipif(not has_namespaces(), reason="only root, with ip and unshare, makes networks")
def test_who_was_interrupted_has_had_every_event_once_and_in_order() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "bench.counted", "--events", "4000"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=200,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    last = ran.stdout.splitlines()[-1]
    assert last.startswith("4000 events published in ")
    assert last.endswith(": 0 lost, 0 doubled, 0 times told of a gap; orders: 1")
    # Each server that is killed interrupts two at least, and both of them all four.
    found = re.search(r"; 4 viewers, (\d+) times interrupted", last)
    assert found is not None
    assert int(found[1]) >= 8


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        pytest.param(["abc", "abc"], Found(0, 0, 1), id="all of it"),
        pytest.param(["abxc", "abxc"], Found(0, 0, 1), id="what was perhaps published, too"),
        pytest.param(["abc", "ac"], Found(1, 0, 2), id="lost"),
        pytest.param(["abbc", "abbc"], Found(0, 2, 1), id="doubled"),
        pytest.param(["abc", "acb"], Found(0, 0, 2), id="in another order"),
    ],
)
def test_what_is_lost_or_doubled_is_seen(seen: list[str], found: Found) -> None:
    assert compare(set("abc"), seen) == found
