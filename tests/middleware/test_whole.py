"""A GiB through every middleware at once: the right bytes, in as much memory as a little of it."""

from __future__ import annotations

import hashlib
import http.client
import re
import zlib
from pathlib import Path

import pytest

from tests.middleware.every import EVERY
from tests.middleware.whole import CHUNK
from tests.servers import DEADLINE, process

MIB = 1024 * 1024
COUNT = 1024 * MIB // len(CHUNK) + 1


def memory(process_id: int) -> int:
    """The memory that a process holds, in bytes."""
    status = Path(f"/proc/{process_id}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def fetched(port: int, count: int, process_id: int) -> tuple[str, int]:
    """Fetch so many chunks; gives the digest of their bytes, and the most memory that was held."""
    path = f"/{count}"
    headers = {"Accept-Encoding": "gzip"}
    for case in sorted(EVERY.values(), key=lambda case: "?" in case.outside("/")):
        path = case.outside(path)
        headers.update(case.headers)
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    client.request("GET", path, headers=headers)
    answer = client.getresponse()
    assert answer.status == 200
    encoded = answer.getheader("Content-Encoding") == "gzip"
    unpack = zlib.decompressobj(31)
    digest, most, pieces = hashlib.sha256(), 0, 0
    while block := answer.read(MIB // 4):
        digest.update(unpack.decompress(block) if encoded else block)
        pieces += 1
        most = max(most, memory(process_id)) if pieces % 8 == 1 else most
    client.close()
    return digest.hexdigest(), max(most, memory(process_id))


def expected(count: int) -> str:
    digest = hashlib.sha256()
    for number in range(count):
        digest.update(b"%d\n" % number)
        digest.update(CHUNK)
    return digest.hexdigest()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only here memory is told")
def test_a_gib_goes_through_every_middleware_in_constant_memory() -> None:
    with process(script=("-m", "tests.middleware.whole")) as run:
        port = run.port()
        digest, before = fetched(port, 64, run.popen.pid)
        assert digest == expected(64)
        digest, most = fetched(port, COUNT, run.popen.pid)
        assert digest == expected(COUNT)
        assert most - before < 10 * MIB
