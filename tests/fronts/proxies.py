"""Proxies: front servers before our own, each started as the first line of its file says."""

from __future__ import annotations

import os
import shlex
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

from bench.model import Command
from bench.process import started
from tests.client import Answer
from tests.fronts.fronts import configuration, own_user, program, running_front
from tests.live import fetch
from tests.matrix.servers import Log, Matrix
from tests.ports import kept_port
from tests.servers import DEADLINE, ROOT

PREFIX: Final = "/media"

#: From where a client asks: of the machine itself, and not as the proxy asks.
CLIENT: Final = "127.0.0.2"


@dataclass(frozen=True)
class Place:
    """Where a proxy of a test is, and what it is in front of."""

    folder: Path
    backend: int
    port: int
    #: By TLS; of Varnish, from who ends it.
    secure: int

    @property
    def certificate(self) -> Path:
        return self.folder / "media.pem"


@dataclass(frozen=True)
class Proxy:
    """A proxy, and what the tests have for what its documentation says."""

    name: str
    file: str
    replacements: Callable[[Place], Mapping[str, str]]


def _of_nginx(place: Place) -> Mapping[str, str]:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"    {kind}_temp_path {place.folder}/{kind};\n" for kind in kinds)
    return {
        "user www-data;\n": f"user {own_user()};\n" if os.geteuid() == 0 else "",
        "/run/nginx.pid": f"{place.folder}/nginx.pid",
        "/var/log/nginx": str(place.folder),
        "http {\n": f"http {{\n{temporary}",
        "listen 80;": f"listen 127.0.0.1:{place.port};",
        "listen 443 ": f"listen 127.0.0.1:{place.secure} ",
        "/etc/ssl/media.pem": str(place.certificate),
    }


def _of_haproxy(place: Place) -> Mapping[str, str]:
    return {
        "    user haproxy\n    group haproxy\n": "",
        "/dev/log": f"{place.folder}/log",
        "bind :80\n": f"bind 127.0.0.1:{place.port}\n",
        "bind :443 ": f"bind 127.0.0.1:{place.secure} ",
        "/etc/ssl/media.pem": str(place.certificate),
    }


def _of_caddy(place: Place) -> Mapping[str, str]:
    return {
        "\tadmin unix//run/caddy/admin.sock\n": (
            f"\tadmin unix/{place.folder}/admin.sock\n"
            f"\thttp_port {place.port}\n\thttps_port {place.secure}\n"
        ),
        "http://:80 {\n": f"http://:{place.port} {{\n\tbind 127.0.0.1\n",
        "https://:443 {\n": f"https://:{place.secure} {{\n\tbind 127.0.0.1\n",
        "/etc/ssl/media.pem": str(place.certificate),
    }


def _of_varnish(place: Place) -> Mapping[str, str]:
    return {
        "varnishd -F": f"varnishd -F -n {place.folder}/varnish",
        "-a :80": f"-a 127.0.0.1:{place.port}",
        "127.0.0.1:8443": f"127.0.0.1:{place.secure}",
    }


PROXIES: Final = (
    Proxy("nginx", "nginx.conf", _of_nginx),
    Proxy("HAProxy", "haproxy.cfg", _of_haproxy),
    Proxy("Caddy", "Caddyfile", _of_caddy),
    Proxy("Varnish", "varnish.vcl", _of_varnish),
)


@dataclass(frozen=True)
class Front(Matrix):
    """A proxy that runs, and our server behind it."""

    name: str = ""
    backend: int = 0
    secure: int = 0

    def get(self, target: str, method: str = "GET", **headers: str) -> Answer:
        """Ask by a connection of its own."""
        return fetch(self.port, target, method=method, headers=headers)

    def ask(self, target: str, scheme: str, headers: Mapping[str, str]) -> Answer:
        """Ask from another address than the proxy's own."""
        if scheme == "http":
            return ask(self.port, target, headers)
        # What speaks to Varnish has ended TLS before, and says so.
        return ask(self.secure, target, headers, _proxied if self.name == "Varnish" else _encrypted)


def ask(
    port: int,
    target: str,
    headers: Mapping[str, str],
    begun: Callable[[socket.socket], socket.socket] = lambda sock: sock,
) -> Answer:
    """Ask from the address of a client; ``begun`` is what is done with the connection first."""
    client = HTTPConnection("127.0.0.1", port, DEADLINE, (CLIENT, 0))
    client.connect()
    client.sock = begun(client.sock)
    try:
        client.request("GET", target, headers={"Connection": "close", **headers})
        answer = client.getresponse()
        return Answer(answer.status, answer.getheaders(), answer.read())
    finally:
        client.close()


def _encrypted(sock: socket.socket) -> socket.socket:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(sock, server_hostname="localhost")


def _proxied(sock: socket.socket) -> socket.socket:
    sock.sendall(f"PROXY TCP4 {CLIENT} 127.0.0.1 50000 443\r\n".encode())
    return sock


@contextmanager
def run(proxy: Proxy, root: Path) -> Iterator[Front]:
    """Start our server and a proxy before it, as documented; end both at last."""
    # Varnish's user is another one, to whom the folders of pytest are closed.
    with tempfile.TemporaryDirectory(prefix="proxy-") as name, ExitStack() as ports:
        folder = Path(name)
        folder.chmod(0o755)
        place = Place(folder, *(ports.enter_context(kept_port()) for _ in range(3)))
        with _backend(place, root) as pid, _started(proxy, place):
            front = Front(
                pid,
                place.port,
                Log(folder / "log"),
                PREFIX,
                name=proxy.name,
                backend=place.backend,
                secure=place.secure,
            )
            assert front.get("/media/small.txt").status == 200
            yield front


@contextmanager
def _backend(place: Place, root: Path) -> Iterator[int]:
    replacements = {
        "from wsgistream import DirectoryApp, ": (
            f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
            "from tests.fronts.program import app\nfrom wsgistream import "
        ),
        'app = DirectoryApp("/srv/media", listing=True)\n': "",
        "8080": str(place.backend),
    }
    (place.folder / "serve.py").write_text(configuration("serve.py", replacements))
    (place.folder / "log").touch()
    environment = {"MATRIX_ROOT": str(root), "MATRIX_LOG": f"{place.folder}/log"}
    # Whether the tests are measured is no matter of the server, which it would make slow.
    measured = [f"--unset=COVERAGE_PROCESS_{what}" for what in ("CONFIG", "START")]
    command = ["env", *measured, sys.executable, f"{place.folder}/serve.py"]
    output = place.folder / "backend.log"
    with started(Command(command, environment), place.backend, None, output) as server:
        yield server.pid


@contextmanager
def _started(proxy: Proxy, place: Place) -> Iterator[None]:
    replacements = {"8080": str(place.backend), **proxy.replacements(place)}
    text = configuration(proxy.file, replacements)
    (place.folder / proxy.file).write_text(text)
    if str(place.certificate) in text:
        _certify(place.certificate)
    command = text.partition("\n")[0].removeprefix("# ")
    name, *arguments = shlex.split(command)
    arguments = [
        f"{place.folder}/{proxy.file}" if word.endswith(f"/{proxy.file}") else word
        for word in arguments
    ]
    with running_front([program(name), *arguments], place.folder, place.port):
        yield


def _certify(path: Path) -> None:
    """Write a certificate of nobody's and its key."""
    asked = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
    asked += (
        f"-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout {path} -out {path}.crt"
    )
    subprocess.run([program("openssl"), *asked.split()], check=True, capture_output=True)
    with path.open("a") as file:
        file.write(Path(f"{path}.crt").read_text())
