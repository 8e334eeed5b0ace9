"""Any server of files is a store, by TLS too, and one with lists if it speaks WebDAV."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.client import ask
from tests.fronts.fronts import program, running_front
from tests.live import fetch
from tests.ports import kept_port
from tests.servers import process, running
from wsgistream import Bucket, DirectoryApp, FileApp

_MODULES: Final = Path("/usr/lib/apache2/modules")

CONFIGURATION = """
ServerName localhost
Listen 127.0.0.1:{port} https
PidFile {folder}/pid
ErrorLog {folder}/error.log
{modules}
DocumentRoot {folder}
SSLEngine on
SSLCertificateFile {folder}/certificate.pem
SSLCertificateKeyFile {folder}/key.pem
DavLockDB {folder}/lock
<Location "/our files">
Dav On
</Location>
"""


def certify(folder: Path) -> None:
    """Write a certificate that is good for who trusts it, and its key."""
    asked = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    named = "-subj /CN=localhost -addext subjectAltName=DNS:localhost"
    kind = "-addext basicConstraints=critical,CA:FALSE"
    written = f"-keyout {folder}/key.pem -out {folder}/certificate.pem"
    command = [program("openssl"), *f"{asked} {named} {kind} {written}".split()]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, Path]]:
    """Run Apache with TLS and WebDAV; gives its URL, and the certificate to be trusted."""
    command = program("apache2")
    with tempfile.TemporaryDirectory() as name, kept_port() as port:
        folder = Path(name)
        folder.chmod(0o755)  # Apache is another user where this is root
        files = folder / "our files"
        (files / "sub" / "deep").mkdir(parents=True)
        (files / "a b.txt").write_bytes(b"0123456789")
        (files / "sub" / "c.bin").write_bytes(b"c")
        for path in (files / "a b.txt", files / "sub" / "c.bin"):
            os.utime(path, (1_600_000_000, 1_600_000_000))  # the tag of what is new is weak
        certify(folder)
        wanted = ("mpm_event", "authz_core", "ssl", "socache_shmcb", "dav", "dav_fs")
        modules = "".join(f"LoadModule {each}_module {_MODULES}/mod_{each}.so\n" for each in wanted)
        if os.geteuid() == 0:
            modules += "User www-data\nGroup www-data\n"
        text = CONFIGURATION.format(port=port, folder=folder, modules=modules)
        (folder / "apache.conf").write_text(text)
        with running_front([command, "-X", "-f", f"{folder}/apache.conf"], folder, port):
            yield f"https://localhost:{port}/our%20files", folder / "certificate.pem"


@pytest.fixture
def url(served: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> str:
    url, certificate = served
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return url


@pytest.mark.parametrize(
    ("headers", "status", "body"),
    [
        pytest.param({}, 200, b"0123456789", id="the whole"),
        pytest.param({"Range": "bytes=2-4"}, 206, b"234", id="a range"),
        pytest.param({"Range": "bytes=-3"}, 206, b"789", id="a suffix"),
        pytest.param({"If-None-Match": "*"}, 304, b"", id="not modified"),
        pytest.param({"If-None-Match": '"x"'}, 200, b"0123456789", id="modified"),
    ],
)
def test_a_file_of_a_server_with_tls_is_answered(
    url: str, headers: dict[str, str], status: int, body: bytes
) -> None:
    for app, path in ((DirectoryApp(url), "/a%20b.txt"), (FileApp(f"{url}/a%20b.txt"), "/")):
        answer = ask(app, path, headers=headers)
        assert (answer.status, answer.body) == (status, body)
        assert answer["etag"].startswith('"a-')


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("/", ["sub", "a b.txt"], id="a folder"),
        pytest.param("/sub/", ["deep", "c.bin"], id="a folder in it"),
        pytest.param("/missing/", None, id="what is not there"),
        pytest.param("/a%20b.txt/", None, id="a file"),
    ],
)
@pytest.mark.parametrize("above", ["", "/our%20files"])
def test_a_server_that_speaks_webdav_has_lists(
    url: str, above: str, path: str, expected: list[str] | None
) -> None:
    app = DirectoryApp(url if not above else url.removesuffix(above), listing=True)
    answer = ask(app, f"{above}{path}", headers={"Accept": "application/json"})
    assert answer.status == (404 if expected is None else 200)
    if expected is not None:
        assert [entry["name"] for entry in json.loads(answer.body)["entries"]] == expected


def test_one_that_does_not_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"0123456789")
    with running(DirectoryApp(tmp_path)) as run:
        app = DirectoryApp("http://{}:{}".format(*run.addresses[0]), listing=True)
        assert [ask(app, path).status for path in ("/a.txt", "/", "/b.txt")] == [200, 404, 404]


@pytest.mark.usefixtures("served")
def test_a_server_that_nobody_vouches_for_is_not_believed(served: tuple[str, Path]) -> None:
    url, _ = served
    assert ask(DirectoryApp(Bucket(url, patience=0)), "/a%20b.txt").status == 502


def test_the_command_serves_what_a_server_has(url: str) -> None:
    with process("serve", url, "--listen", "127.0.0.1:0", "--quiet") as run:
        port = run.port()
        assert fetch(port, "/a%20b.txt", headers={"Range": "bytes=2-4"}).body == b"234"
        assert b"a b.txt" in fetch(port, "/").body
