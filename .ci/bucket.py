"""A bucket of a real object store that holds a folder's files, for as long as this program runs."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import obstore

from tests.ceph import Ceph, one_node

#: Bytes from which on a file is sent in parts.
LARGE = 64 << 20


def files(root: Path) -> Iterator[tuple[str, Path]]:
    """Give each file below a folder that can be an object: no links, nothing that is special."""
    for path in root.rglob("*"):
        key = str(path.relative_to(root))
        with suppress(UnicodeEncodeError):  # a name that is no UTF-8 can be no key
            key.encode()
            if path.is_file() and not path.is_symlink():
                yield key, path


def fill(store: Ceph, bucket: str, root: Path) -> None:
    def put(key: str, path: Path) -> None:
        if path.stat().st_size < LARGE:
            store.put(bucket, key, path.read_bytes())
        else:
            obstore.put(store.store(bucket).store, key, path, chunk_size=LARGE)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda file: put(*file), files(root)))


def main(root: Path, folder: Path) -> None:
    """Write what a program needs to reach the bucket to ``folder/environ``, and stay."""
    folder.mkdir()
    with one_node(folder) as store:
        # A file of gigabytes of zeros is kept as the little that it says.
        place = ("--rgw-zone=default", "--placement-id=default-placement")
        store.administer("zone", "placement", "modify", *place, "--compression=lz4")
        store.stop_gateway()
        store.start_gateway()
        bucket = store.make_bucket()
        fill(store, bucket, root)
        environ = {**store.environ, "WSGISTREAM_ROOT": f"s3://{bucket}"}
        lines = "".join(f"{name}={value}\n" for name, value in environ.items())
        (folder / "environ.new").write_text(lines)
        (folder / "environ.new").rename(folder / "environ")
        signal.sigwait({signal.SIGTERM})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main(*map(Path, sys.argv[1:]))
