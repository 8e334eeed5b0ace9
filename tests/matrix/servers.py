"""Servers: what the matrix is about, each started as its file in the documentation says."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.model import Command
from bench.process import started
from tests.matrix.cases import Case
from tests.ports import kept_port
from tests.servers import ROOT, Connection, eventually

CONFIGURATIONS: Final = ROOT / "docs" / "deploy" / "servers"
_APACHE_MODULES: Final = Path("/usr/lib/apache2/modules")


@dataclass(frozen=True)
class Served:
    """A server of the matrix, and how it is started."""

    name: str
    #: The file in ``docs/deploy/servers`` in which the command stands.
    file: str
    command: str
    #: The module of Python that it is; empty: the standard library's, or Apache's.
    module: str = ""

    @property
    def identity(self) -> str:
        return re.sub(r"\W+", "-", self.name)

    def version(self) -> str:
        if self.file.endswith(".conf"):
            asked = ["dpkg-query", "--show", "libapache2-mod-wsgi-py3"]
            said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
            return said.split()[1].partition("-")[0]
        if self.file == "serve_wsgiref.py":
            return f"of Python {sys.version.split()[0]}"
        package = "gunicorn" if self.name.startswith("gunicorn") else self.module or self.name
        return importlib.metadata.version(package)

    def missing(self) -> str | None:
        """Say why it cannot be started here, if it cannot."""
        if self.file.endswith(".conf"):
            if _program("apache2") is None:
                return "apache2 is not installed"
            if not (_APACHE_MODULES / "mod_wsgi.so").exists():
                return "libapache2-mod-wsgi-py3 is not installed"
        elif self.module and importlib.util.find_spec(self.module) is None:
            return f"{self.module} is not installed: pip install 'wsgistream[matrix]'"
        return None


SERVERS: Final = (
    Served("wsgistream", "serve_wsgistream.py", "python serve_wsgistream.py"),
    Served("waitress", "serve_waitress.py", "python serve_waitress.py"),
    Served(
        "gunicorn gthread",
        "gunicorn.conf.py",
        "gunicorn --config gunicorn.conf.py media:app",
        "gunicorn",
    ),
    Served(
        "gunicorn gevent",
        "gunicorn.conf.py",
        "gunicorn --config gunicorn.conf.py --worker-class gevent media:app",
        "gevent",
    ),
    Served(
        "gunicorn sync",
        "gunicorn.conf.py",
        "gunicorn --config gunicorn.conf.py --worker-class sync --threads 1 media:app",
        "gunicorn",
    ),
    Served("uWSGI", "uwsgi.ini", "uwsgi --ini uwsgi.ini", "pyuwsgi"),
    Served(
        "mod_wsgi embedded", "mod_wsgi_embedded.conf", "a2enmod wsgi; a2ensite mod_wsgi_embedded"
    ),
    Served("mod_wsgi daemon", "mod_wsgi_daemon.conf", "a2enmod wsgi; a2ensite mod_wsgi_daemon"),
    Served("granian", "granian.sh", "sh granian.sh", "granian"),
    Served("cheroot", "serve_cheroot.py", "python serve_cheroot.py", "cheroot"),
    Served("gevent", "serve_gevent.py", "python serve_gevent.py", "gevent"),
    Served("bjoern", "serve_bjoern.py", "python serve_bjoern.py", "bjoern"),
    Served("werkzeug", "serve_werkzeug.py", "python serve_werkzeug.py", "werkzeug"),
    Served("wsgiref", "serve_wsgiref.py", "python serve_wsgiref.py"),
    Served(
        "uvicorn",
        "media_asgi.py",
        "uvicorn media_asgi:app --host 127.0.0.1 --port 8000",
        "uvicorn",
    ),
    Served(
        "hypercorn", "media_asgi.py", "hypercorn media_asgi:app --bind 127.0.0.1:8000", "hypercorn"
    ),
    Served("daphne", "media_asgi.py", "daphne -b 127.0.0.1 -p 8000 media_asgi:app", "daphne"),
)


@dataclass(frozen=True)
class Log:
    """What the program under test wrote of all that it opened and closed."""

    path: Path

    def events(self, name: str) -> list[str]:
        """What happened to what was opened under a name, in order."""
        lines = (line.split() for line in self.path.read_text().splitlines())
        return [event for opened, event in lines if opened == name]

    def names(self) -> set[str]:
        return {line.split()[0] for line in self.path.read_text().splitlines()}

    def opened(self, name: str) -> None:
        """Wait until something is opened under a name."""
        assert eventually(lambda: self.events(name))

    def closed_once(self, name: str) -> bool:
        """Wait until what was opened is closed; tell whether that was so once."""
        eventually(lambda: "closed" in self.events(name))
        return self.events(name) == ["opened", "closed"]


@dataclass(frozen=True)
class Matrix:
    """A server that runs."""

    pid: int
    port: int
    log: Log
    #: Where the application is mounted.
    prefix: str = ""

    def at(self, case: Case) -> str:
        """The path of what is asked for."""
        return self.prefix + case.target

    def connect(self) -> Connection:
        return Connection(("127.0.0.1", self.port))


@contextmanager
def run(served: Served, root: Path) -> Iterator[Matrix]:
    """Start a server as documented, with another application and another port; end it at last."""
    # Apache's user is another one, to whom the folders of pytest are closed.
    with tempfile.TemporaryDirectory(prefix="matrix-") as name, kept_port() as port:
        folder = Path(name)
        folder.chmod(0o755)
        log = folder / "log"
        log.touch()
        log.chmod(0o666)
        command = _command(served, folder, port)
        environment = {
            "MATRIX_ROOT": str(root),
            "MATRIX_LOG": str(log),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        with started(Command(command, environment), port, None, folder / "output") as server:
            running = Matrix(server.pid, port, Log(log))
            with running.connect() as connection:
                connection.ask("/small.txt", "GET", "Connection: close")
                assert connection.answer().status == 200, (folder / "output").read_text()
            yield running


def _command(served: Served, folder: Path, port: int) -> list[str]:
    for file in CONFIGURATIONS.iterdir():
        text = file.read_text().replace("8000", str(port)).replace("/srv", str(folder))
        # So long each cut is waited for.
        text = text.replace("KeepAliveTimeout 2", "KeepAliveTimeout 200ms")
        (folder / file.name).write_text(text)
    # The packages of this Python are those of Apache's too: what is imported of them is Python.
    places = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    path = f"[{str(ROOT)!r}, *sys.path, *{places}]"
    (folder / "media.py").write_text(
        f"import sys\nsys.path[:] = {path}\nfrom tests.matrix.program import app\n"
    )
    words = served.command.replace("8000", str(port)).split()
    if served.file.endswith(".conf"):
        words = _apache(folder, folder / served.file, port)
    elif words[0] == "uwsgi" and _program("uwsgi") is None:
        words[0] = "pyuwsgi"
    # Whether the tests are measured is no matter of the servers, whom it would make slow.
    measured = (f"--unset=COVERAGE_PROCESS_{what}" for what in ("CONFIG", "START"))
    return ["env", *measured, f"--chdir={folder}", *words]


def _apache(folder: Path, host: Path, port: int) -> list[str]:
    """Write what Debian's own configuration has around a host."""
    modules = ("mpm_event", "authz_core", "alias", "wsgi")
    load = "".join(
        f"LoadModule {name}_module {_APACHE_MODULES}/mod_{name}.so\n" for name in modules
    )
    user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
    (folder / "apache.conf").write_text(
        f"ServerName localhost\nListen 127.0.0.1:{port}\nPidFile {folder}/pid\n"
        f"ErrorLog {folder}/error.log\n{user}{load}WSGISocketPrefix {folder}/wsgi\n"
        f"Include {host}\n"
    )
    return [str(_program("apache2")), "-D", "FOREGROUND", "-f", f"{folder}/apache.conf"]


def _program(name: str) -> str | None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"
    return shutil.which(name, path=path)
