"""A folder of ten thousand objects is listed page by page, whole and in order."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import obstore
import pytest

from tests.ceph import Ceph
from tests.live import fetch
from tests.servers import process
from tests.sources.objects.proxy import Proxy

#: Of which a store names 1,000 in an answer.
NAMES = [f"{number:05} & more?.txt" for number in range(10_000)]
AT_ONCE = 64


@pytest.fixture(scope="module")
def bucket(ceph: Ceph) -> str:
    bucket = ceph.make_bucket()
    store = ceph.store(bucket).store

    async def put(names: list[str]) -> None:
        for name in names:
            await obstore.put_async(store, f"many/{name}", b"")

    async def put_all() -> None:
        await asyncio.gather(*(put(NAMES[first::AT_ONCE]) for first in range(AT_ONCE)))

    asyncio.run(put_all())
    ceph.put(bucket, "many/sub/a.txt", b"a")
    ceph.put(bucket, "many.txt", b"beside the folder")
    return bucket


def most_memory(pid: int) -> int:
    """Kibibytes that a process has held at the most."""
    found = re.search(r"VmHWM:\s*(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1])


def test_ten_thousand_objects_are_listed(ceph: Ceph, store: Proxy, bucket: str) -> None:
    command = ("serve", f"s3://{bucket}", "--listen", "127.0.0.1:0", "--quiet")
    with process(*command, environ={**ceph.environ, "AWS_ENDPOINT_URL": store.endpoint}) as run:
        port = run.port()
        assert fetch(port, "/many/sub/", headers={"Accept": "application/json"}).status == 200
        before = most_memory(run.popen.pid)
        store.requests.clear()

        listed = fetch(port, "/many/", headers={"Accept": "application/json"})
        entries = json.loads(listed.body)["entries"]
        assert [entry["name"] for entry in entries] == ["sub", *NAMES]
        # The index that there might be, and eleven pages.
        assert store.requests == ["GET", *["LIST"] * 11]

        page = fetch(port, "/many/").body.decode()
        links = re.findall(r'href="\./(\d{5}[^"]*)"', page)
        assert links == [f"{number:05}%20&amp;%20more%3F.txt" for number in range(10_000)]
        assert most_memory(run.popen.pid) - before < 32 * 1024

        href = entries[-1]["href"]
        assert fetch(port, f"/many/{href.removeprefix('./')}").status == 200
