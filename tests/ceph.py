"""A real object store: a Ceph of one node, in memory, whose gateway speaks S3."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import itertools
import os
import random
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.servers import DEADLINE, eventually
from wsgistream.sources.objects.bucket import Bucket

PROGRAMS = ("ceph-mon", "ceph-osd", "ceph", "radosgw", "radosgw-admin", "monmaptool")

ACCESS_KEY = "test"
SECRET_KEY = "testsecret"

CONFIGURATION = """
[global]
fsid = {fsid}
run dir = {folder}
admin socket = {folder}/$name.$pid.asok
log file = {folder}/$name.log
auth cluster required = none
auth service required = none
auth client required = none
mon host = v1:127.0.0.1:{monitor}
ms bind msgr2 = false
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon max pg per osd = 1000
[mon.a]
public addr = v1:127.0.0.1:{monitor}
mon data = {folder}/mon
mon initial members = a
mon data avail crit = 0
mon cluster log file = {folder}/cluster.log
[osd.0]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 4294967296
osd crush update on start = false
osd class update on start = false
osd class load list = *
osd class default list = *
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{gateway} tcp_nodelay=1
rgw data = {folder}/rgw
rgw dns name = localhost
rgw thread pool size = 64
rgw cache enabled = false
"""


def missing_program() -> str | None:
    """Name a program without which there is no such store; None: they are all there."""
    return next((program for program in PROGRAMS if shutil.which(program) is None), None)


def settled_port() -> int:
    """Find a free port below those that the system gives to clients, who may be many meanwhile."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as sock, suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port
    raise AssertionError("there is no free port")


@dataclass
class Ceph:
    """The store, and what is needed to speak to it."""

    folder: Path
    port: int = field(default_factory=settled_port)
    _gateway: subprocess.Popen[bytes] | None = None
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environ(self) -> Mapping[str, str]:
        """How any client of S3 is told of it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def make_bucket(self) -> str:
        """Make a bucket that nobody else has; gives its name."""
        name = f"bucket-{next(self._numbers)}"
        self.ask("PUT", f"/{name}")
        return name

    def put(self, bucket: str, key: str, data: bytes, **attributes: str) -> None:
        """Store an object; its attributes are fields such as ``content_type``."""
        fields = {name.replace("_", "-"): value for name, value in attributes.items()}
        self.ask("PUT", f"/{bucket}/{quote(key)}", data, fields)

    def store(self, bucket: str, prefix: str = "", **options: Any) -> Bucket:
        """Give a bucket as a store, as its owner has it."""
        keys = {"access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY}
        options = {"endpoint": self.endpoint, "region": "us-east-1", "config": keys, **options}
        return Bucket(f"s3://{bucket}", prefix, **options)

    def ask(
        self, method: str, target: str, data: bytes = b"", fields: Mapping[str, str] | None = None
    ) -> None:
        """Ask as the owner of all (AWS signature, version 2), without the library under test."""
        given = {"Date": formatdate(usegmt=True), **(fields or {})}
        kind = given.setdefault("content-type", "binary/octet-stream")
        own = sorted(f"{name}:{value}" for name, value in given.items() if name.startswith("x-amz"))
        text = "\n".join((method, "", kind, given["Date"], *own, target))
        signature = hmac.digest(SECRET_KEY.encode(), text.encode(), hashlib.sha1)
        given["Authorization"] = f"AWS {ACCESS_KEY}:{base64.b64encode(signature).decode()}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            connection.request(method, target, data, given)
            answer = connection.getresponse()
            assert answer.status < 300, (answer.status, answer.read())
        finally:
            connection.close()

    def run(self, *command: str) -> None:
        """Run a command of Ceph to its end; raises CalledProcessError where it fails."""
        with (self.folder / "commands.log").open("ab") as log:
            environ = {**os.environ, "CEPH_CONF": str(self.folder / "ceph.conf")}
            subprocess.run(command, check=True, env=environ, stdout=log, stderr=log, timeout=60)

    def administer(self, *command: str) -> None:
        """Run a command of the gateway's administrator."""
        self.run("radosgw-admin", "-n", "client.rgw", *command)

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a part of the store."""
        with (self.folder / "daemons.log").open("ab") as log:
            environ = {**os.environ, "CEPH_CONF": str(self.folder / "ceph.conf")}
            return subprocess.Popen([*command, "-f"], env=environ, stdout=log, stderr=log)

    def start_gateway(self) -> None:
        """Start what speaks S3, and wait until it answers."""
        self._gateway = self.start("radosgw", "-n", "client.rgw")
        assert eventually(self.answers), f"the gateway does not answer: {self.folder}"

    def stop_gateway(self) -> None:
        """Kill what speaks S3; what is stored stays."""
        if self._gateway is not None:
            kill(self._gateway)
            self._gateway = None

    def answers(self) -> bool:
        """Tell whether the gateway is there."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


def kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    process.wait(DEADLINE)


@contextmanager
def one_node(folder: Path) -> Iterator[Ceph]:
    """Run a monitor, a memory and a gateway; they are killed in the end."""
    monitor, fsid = settled_port(), str(uuid.uuid4())
    store = Ceph(folder)
    texts = {"folder": folder, "fsid": fsid, "monitor": monitor, "gateway": store.port}
    (folder / "ceph.conf").write_text(CONFIGURATION.format(**texts))
    for name in ("mon", "osd", "rgw"):
        (folder / name).mkdir()
    # Without a map that names its one address, the monitor would also claim port 3300.
    address, table = f"v1:127.0.0.1:{monitor}", str(folder / "monmap")
    store.run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[{address}]", table)
    store.run("ceph-mon", "-i", "a", "--mkfs", "--monmap", table, "--keyring", os.devnull)
    (folder / "mon/keyring").touch()
    with ExitStack() as running:
        running.callback(kill, store.start("ceph-mon", "-i", "a", "--public-addr", address))
        store.run("ceph", "osd", "create")
        store.run("ceph", "osd", "crush", "add", "osd.0", "1", "root=default", "host=h")
        store.run("ceph-osd", "-i", "0", "--mkfs")
        running.callback(kill, store.start("ceph-osd", "-i", "0"))
        user = ("--uid=test", "--display-name=test")
        keys = (f"--access-key={ACCESS_KEY}", f"--secret-key={SECRET_KEY}")
        store.administer("user", "create", *user, *keys)
        running.callback(store.stop_gateway)
        store.start_gateway()
        yield store
