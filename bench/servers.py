"""Servers: the contestants, what each needs, and how it is started."""

from __future__ import annotations

import getpass
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Final

from bench.model import Command, Contestant, Place
from bench.objects_store import BUCKET, environ_of, missing_store
from bench.process import ROOT
from bench.rows_database import find_program, shop_of

_PYTHON: Final = (sys.executable, "-m")


def _present() -> str | None:
    return None


def _needs(*modules: str) -> Callable[[], str | None]:
    def missing() -> str | None:
        absent = [name for name in modules if importlib.util.find_spec(name) is None]
        return f"{' and '.join(absent)} not installed" if absent else None

    return missing


def _program(server: str, app: str) -> Callable[[Place, int], Command]:
    def command(place: Place, port: int) -> Command:
        return Command([*_PYTHON, "bench.program", server, app, str(place.root), str(port)])

    return command


def _ours(*options: str) -> Callable[[Place, int], Command]:
    def command(place: Place, port: int) -> Command:
        return _serve(str(place.root), port, *options)

    return command


def _serve(what: str, port: int, *options: str) -> Command:
    arguments = ["wsgistream", "serve", what, "--quiet", "--grace=0"]
    return Command([*_PYTHON, *arguments, "--listen", f"127.0.0.1:{port}", *options])


@cache
def _no_workers() -> str | None:
    asked = [*_PYTHON, "wsgistream", "serve", "--help"]
    said = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    return None if "--workers" in said else "this version has no --workers"


def _find_nginx() -> str | None:
    # It is rarely on the path of those who are not root.
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def _no_nginx() -> str | None:
    return None if _find_nginx() else "nginx not installed"


def _nginx(place: Place, port: int) -> Command:
    """One worker, everything that makes it fast on, and nothing written but what it must."""
    folder = place.temporary / "nginx"
    folder.mkdir(exist_ok=True)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"    {kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    # Its workers of root would be nobody's, who cannot read the files.
    user = f"user {getpass.getuser()};\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\n"
        "worker_processes 1;\n"
        f"pid {folder}/pid;\n"
        f"error_log {folder}/error.log;\n"
        "events { worker_connections 1024; }\n"
        "http {\n"
        f"{temporary}"
        "    access_log off;\n"
        "    sendfile on;\n"
        "    tcp_nopush on;\n"
        "    keepalive_requests 1000000000;\n"
        "    default_type application/octet-stream;\n"
        f"    server {{ listen 127.0.0.1:{port}; root {place.root}; }}\n"
        "}\n"
    )
    name = str(_find_nginx())
    conf, log = f"{folder}/nginx.conf", f"{folder}/error.log"
    return Command([name, "-p", str(folder), "-e", log, "-c", conf])


def _gunicorn(place: Place, port: int) -> Command:
    return _gthread("wsgistream:create_app()", port, {"WSGISTREAM_ROOT": str(place.root)})


def _gthread(app: str, port: int, environment: Mapping[str, str] | None = None) -> Command:
    arguments = ["gunicorn", "--worker-class=gthread", "--threads=4", "--log-level=warning"]
    return Command([*_PYTHON, *arguments, f"--bind=127.0.0.1:{port}", app], environment or {})


def _uvicorn(app: str) -> Callable[[Place, int], Command]:
    def command(place: Place, port: int) -> Command:
        arguments = ["uvicorn", "--no-access-log", "--log-level=warning", f"--port={port}"]
        return Command(
            [*_PYTHON, *arguments, "--timeout-graceful-shutdown=1", f"bench.{app}"],
            {"BENCH_ROOT": str(place.root)},
        )

    return command


def _granian(place: Place, port: int) -> Command:
    arguments = ["granian", "--interface=wsgi", "--blocking-threads=4", "--log-level=warning"]
    return Command(
        [*_PYTHON, *arguments, f"--port={port}", "--factory", "wsgistream:create_app"],
        {"WSGISTREAM_ROOT": str(place.root)},
    )


OURS: Final = Contestant("ours", "wsgistream serve", _ours(), _present, is_ours=True)
ONE_WORKER: Final = Contestant(
    "ours", "files and pages on our server", _program("ours", "pages"), _present, is_ours=True
)
TWO_WORKERS: Final = Contestant(
    "two workers",
    "the same, by two processes",
    _program("two_workers", "pages"),
    _no_workers,
    is_ours=True,
)
PORTABLE: Final = Contestant(
    "portable", "our DirectoryApp on waitress", _program("waitress", "directory"), _present
)
NGINX: Final = Contestant("nginx", "nginx, one worker, sendfile", _nginx, _no_nginx)
FILE_WRAPPER: Final = Contestant(
    "file_wrapper", "wsgi.file_wrapper on waitress", _program("waitress", "file_wrapper"), _present
)
HELLO: Final = Contestant(
    "hello", "1 KiB from memory on waitress", _program("waitress", "hello"), _present
)
WEBOB: Final = Contestant(
    "webob", "webob.static on waitress", _program("waitress", "webob_static"), _present
)
WHITENOISE: Final = Contestant(
    "whitenoise", "WhiteNoise on waitress", _program("waitress", "whitenoise"), _needs("whitenoise")
)
GUNICORN: Final = Contestant(
    "gunicorn", "our DirectoryApp on gunicorn, gthread", _gunicorn, _needs("gunicorn")
)
UVICORN: Final = Contestant(
    "uvicorn", "Starlette on uvicorn", _uvicorn("asgi:app"), _needs("uvicorn", "starlette")
)
GRANIAN: Final = Contestant("granian", "our DirectoryApp on granian", _granian, _needs("granian"))

OUR_GENERATOR: Final = Contestant(
    "ours",
    "a Pausable generator on our server",
    _program("ours", "generator"),
    _present,
    is_ours=True,
)
WAITRESS_GENERATOR: Final = Contestant(
    "waitress", "the same generator on waitress", _program("waitress", "generator"), _present
)
OUR_EVENTS: Final = Contestant(
    "ours",
    "a Wakeable stream each on our server",
    _program("ours", "events"),
    _present,
    is_ours=True,
)

# Which uvicorn takes by itself where they are.
_FASTER: Final = "" if _needs("uvloop", "httptools")() else ", with uvloop and httptools"
SSE_STARLETTE: Final = Contestant(
    "sse-starlette",
    f"EventSourceResponse on uvicorn{_FASTER}",
    _uvicorn("sse:app"),
    _needs("uvicorn", "sse_starlette"),
)

OUR_GZIP: Final = Contestant(
    "ours, gzip",
    "CompressMiddleware on our server",
    _program("ours", "compress"),
    _present,
    is_ours=True,
)
OUR_GZIP_AS_DJANGO: Final = Contestant(
    "ours, gzip 6",
    "the same at the level of Django",
    _program("ours", "compress_as_django"),
    _present,
    is_ours=True,
)
OUR_ZSTD: Final = replace(OUR_GZIP, name="ours, zstd", missing=_needs("zstandard"))
OUR_BROTLI: Final = replace(OUR_GZIP, name="ours, br", missing=_needs("brotli"))
OUR_PLAIN: Final = replace(OUR_GZIP, name="ours, as it is")
DJANGO_GZIP: Final = Contestant(
    "django",
    "Django's GZipMiddleware on our server",
    _program("ours", "django"),
    _needs("django"),
)
STARLETTE_GZIP: Final = Contestant(
    "starlette",
    "Starlette's GZipMiddleware on uvicorn",
    _uvicorn("asgi:compressed"),
    _needs("uvicorn", "starlette"),
)


def _datasette(place: Place, port: int) -> Command:
    arguments = ["datasette", "serve", "-i", str(shop_of(place.temporary)), "--setting"]
    return Command([*_PYTHON, *arguments, "max_csv_mb", "0", f"--port={port}"])


def _no_psql() -> str | None:
    programs = all(map(find_program, ("postgres", "initdb", "psql")))
    return _needs("psycopg")() if programs else "PostgreSQL not installed"


OUR_ROWS: Final = Contestant(
    "ours",
    "QueryApp on our server",
    _program("ours", "rows"),
    _needs("adbc_driver_postgresql", "adbc_driver_sqlite", "msgspec", "pyarrow", "sqlalchemy"),
    is_ours=True,
)
PSQL: Final = Contestant("psql", r"\copy, to /dev/null", _program("ours", "rows_tools"), _no_psql)
SQLITE3: Final = Contestant(
    "sqlite3",
    "the shell, to /dev/null",
    _program("ours", "rows_tools"),
    lambda: None if shutil.which("sqlite3") else "sqlite3 not installed",
)
DJANGO_ROWS: Final = Contestant(
    "django",
    "StreamingHttpResponse over QuerySet.iterator() on our server",
    _program("ours", "rows_django"),
    _needs("django"),
)
DATASETTE: Final = Contestant(
    "datasette", "?_stream=1 of Datasette", _datasette, _needs("datasette")
)


def _of_objects(command: Callable[[Place, int], Command]) -> Callable[[Place, int], Command]:
    """Start it where the store can be found."""

    def told(place: Place, port: int) -> Command:
        made = command(place, port)
        return replace(made, environment={**made.environment, **environ_of(place.temporary)})

    return told


def _our_objects(place: Place, port: int) -> Command:
    url = f"s3://{environ_of(place.temporary)[BUCKET]}"
    return _serve(url, port)


def _flask_objects(place: Place, port: int) -> Command:
    return _gthread("bench.objects_apps:flask()", port)


def _no_flask() -> str | None:
    return _needs("boto3", "flask", "gunicorn")() or missing_store()


OUR_OBJECTS: Final = Contestant(
    "ours", "wsgistream serve s3://", _of_objects(_our_objects), missing_store, is_ours=True
)
BARE_OBJECTS: Final = replace(
    OUR_OBJECTS,
    name="bare",
    what="obstore alone, which sends nothing",
    command=_of_objects(_program("ours", "objects_bare")),
)
FLASK_GUNICORN_OBJECTS: Final = Contestant(
    "flask, gunicorn",
    "a Flask view over boto3's StreamingBody on gunicorn, gthread",
    _of_objects(_flask_objects),
    _no_flask,
)
FLASK_WAITRESS_OBJECTS: Final = replace(
    FLASK_GUNICORN_OBJECTS,
    name="flask, waitress",
    what="the same on waitress",
    command=_of_objects(_program("waitress", "objects_flask")),
)

BARE: Final = Contestant(
    "bare", "our DirectoryApp on our server", _program("ours", "directory"), _present, is_ours=True
)


def behind(layer: str) -> Contestant:
    """The same files behind a middleware."""
    return Contestant(layer, f"behind {layer}", _program("ours", f"behind {layer}"), _present)
