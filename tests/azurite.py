"""A real Azure Blob Storage for tests: Azurite, Microsoft's own, in memory."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import itertools
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any, Final

from tests.ceph import settled_port
from tests.servers import DEADLINE, eventually
from wsgistream import Bucket

PROGRAM: Final = "azurite-blob"

#: The account that each such store has, and its key, which is no secret.
ACCOUNT: Final = "devstoreaccount1"
KEY: Final = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
_VERSION: Final = "2021-08-06"


@dataclass
class Azurite:
    """The store, and what is needed to speak to it."""

    port: int = field(default_factory=settled_port)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"

    @property
    def environ(self) -> Mapping[str, str]:
        """How any client of Azure is told of it."""
        return {
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": KEY,
            "AZURE_ENDPOINT": self.endpoint,
        }

    def make_container(self) -> str:
        """Make a container that nobody else has; gives its name."""
        name = f"container-{next(self._numbers)}"
        date = formatdate(usegmt=True)
        own = f"x-ms-date:{date}\nx-ms-version:{_VERSION}\n"
        text = "PUT" + "\n" * 12 + f"{own}/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
        signature = hmac.digest(base64.b64decode(KEY), text.encode(), hashlib.sha256)
        fields = {
            "x-ms-date": date,
            "x-ms-version": _VERSION,
            "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(signature).decode()}",
            "Content-Length": "0",
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            connection.request("PUT", f"/{ACCOUNT}/{name}?restype=container", headers=fields)
            answer = connection.getresponse()
            assert answer.status == 201, (answer.status, answer.read())
        finally:
            connection.close()
        return name

    def store(self, container: str, prefix: str = "", **options: Any) -> Bucket:
        """Give a container as a store, as its owner has it."""
        keys = {"account_name": ACCOUNT, "account_key": KEY, "endpoint": self.endpoint}
        return Bucket(f"az://{container}", prefix, **{"config": keys, **options})


def missing_program() -> str | None:
    """Name the program without which there is no such store; None: it is there."""
    return None if shutil.which(PROGRAM) else PROGRAM


@contextmanager
def azurite(folder: Path) -> Iterator[Azurite]:
    """Run such a store; it is killed in the end."""
    store = Azurite()
    place = ("--blobHost", "127.0.0.1", "--blobPort", str(store.port), "--inMemoryPersistence")
    # The library may be newer than the store, which then knows no such version.
    others = ("--skipApiVersionCheck", "--disableTelemetry", "--silent")
    with (folder / "azurite.log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, *place, *others], cwd=folder, stdout=log, stderr=log)
    try:
        assert eventually(lambda: _listens(store.port)), f"it does not start: {folder}"
        yield store
    finally:
        process.kill()
        process.wait(DEADLINE)


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0
