"""Front servers, started with the configurations of the documentation."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.servers import DEADLINE, ROOT, eventually

DEPLOY: Final = ROOT / "docs" / "deploy"
_MODULES: Final = Path("/usr/lib/apache2/modules")


def configuration(name: str, replacements: Mapping[str, str]) -> str:
    """Read a configuration of the documentation, with the places and the ports of a test."""
    text = (DEPLOY / name).read_text("utf-8")
    for documented, here in replacements.items():
        assert documented in text, f"{name} has no {documented}"
        text = text.replace(documented, here)
    return text


def program(name: str) -> str:
    """Find a server; a test of one that is not there is skipped."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def own_user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


@contextmanager
def nginx(folder: Path, media: Path, backend: int, port: int) -> Iterator[None]:
    server = configuration(
        "nginx-offload.conf",
        {
            "listen 80": f"listen 127.0.0.1:{port}",
            "127.0.0.1:8080": f"127.0.0.1:{backend}",
            "/srv/media/": f"{media}/",
        },
    )
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    # Its workers of root would be nobody's, who cannot read the files.
    user = f"user {own_user()};\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}{server}}}\n"
    )
    command = [program("nginx"), "-p", f"{folder}", "-e", f"{folder}/error.log"]
    with running_front([*command, "-c", f"{folder}/nginx.conf"], folder, port):
        yield


@contextmanager
def apache(folder: Path, media: Path, backend: int, port: int) -> Iterator[None]:
    command = program("apache2")
    if not (_MODULES / "mod_xsendfile.so").exists():
        pytest.skip("Apache's mod_xsendfile is not installed")
    host = configuration(
        "apache-offload.conf",
        {
            "*:80": f"127.0.0.1:{port}",
            "127.0.0.1:8080": f"127.0.0.1:{backend}",
            "/srv/media": str(media),
        },
    )
    modules = ("mpm_event", "authz_core", "proxy", "proxy_http", "xsendfile")
    load = "".join(f"LoadModule {name}_module {_MODULES}/mod_{name}.so\n" for name in modules)
    # It refuses to be root's; the folder of a test is root's alone.
    user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
    (folder / "apache.conf").write_text(
        f"ServerName localhost\nListen 127.0.0.1:{port}\nPidFile {folder}/pid\n"
        f"ErrorLog {folder}/error.log\n{user}{load}DocumentRoot {folder}\n{host}"
    )
    with running_front([command, "-X", "-f", f"{folder}/apache.conf"], folder, port):
        yield


@contextmanager
def lighttpd(folder: Path, media: Path, backend: int, port: int) -> Iterator[None]:
    server = configuration(
        "lighttpd-offload.conf",
        {
            "server.port = 80\n": f'server.port = {port}\nserver.bind = "127.0.0.1"\n',
            "8080": str(backend),
            '/srv/media" )': f'{media}" )',
        },
    )
    (folder / "lighttpd.conf").write_text(
        f'server.document-root = "{folder}"\nserver.errorlog = "{folder}/error.log"\n{server}'
    )
    with running_front([program("lighttpd"), "-D", "-f", f"{folder}/lighttpd.conf"], folder, port):
        yield


@contextmanager
def running_front(command: list[str], folder: Path, port: int) -> Iterator[None]:
    with (folder / "output.log").open("wb") as output:
        # Where Caddy keeps what it is to remember.
        own = {f"XDG_{what}_HOME": str(folder) for what in ("CONFIG", "DATA")}
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | own)
    try:
        assert eventually(lambda: process.poll() is not None or _listens(port)), "it does not start"
        assert process.poll() is None, _said(folder)
        yield
    finally:
        process.terminate()
        process.wait(DEADLINE)


def _said(folder: Path) -> str:
    logs = (folder / name for name in ("output.log", "error.log"))
    return "\n".join(log.read_text(errors="replace") for log in logs if log.exists())


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0
