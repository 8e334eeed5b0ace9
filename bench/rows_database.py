"""Rows, database: a table of orders in PostgreSQL and in a SQLite file, each as large as asked."""

from __future__ import annotations

import getpass
import json
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from glob import glob
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from bench.model import Place, Settings
from bench.process import Failed
from examples.make_shop import make_shop, orders

#: Ten times the table, made by the database itself.
MANY: Final = 10

_TABLE: Final = """CREATE UNLOGGED TABLE orders (
    id integer PRIMARY KEY, weight double precision NOT NULL, product text NOT NULL,
    paid boolean NOT NULL, ordered_at timestamp NOT NULL, total numeric(12, 2) NOT NULL,
    details jsonb NOT NULL, note text
)"""
_SECONDS_TO_START: Final = 20.0


def shop_of(folder: Path) -> Path:
    return folder / "shop.db"


def url_of(folder: Path, scheme: str = "postgresql") -> str:
    return f"{scheme}://postgres@/postgres?host={folder}"


def find_program(name: str) -> str | None:
    """Find a program of PostgreSQL, which Debian keeps beside the path."""
    folders = sorted(glob("/usr/lib/postgresql/*/bin"), reverse=True)
    return shutil.which(name, path=os.pathsep.join([*folders, os.environ.get("PATH", "")]))


@contextmanager
def shop(place: Place, settings: Settings) -> Iterator[None]:
    """Have a SQLite file."""
    make_shop(str(shop_of(place.temporary)), settings.rows)
    yield


@contextmanager
def postgresql(place: Place, settings: Settings) -> Iterator[None]:
    """Have a PostgreSQL; without its programs there is none, and its contestants are left out."""
    program, init = find_program("postgres"), find_program("initdb")
    if program is None or init is None:
        yield
        return
    folder = place.temporary / "postgresql"
    folder.mkdir()
    user = "postgres" if os.geteuid() == 0 else getpass.getuser()  # it refuses root
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        place.temporary.chmod(0o711)
    data = ["-D", f"{folder}/data"]
    make = [init, *data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"]
    subprocess.run(make, user=user, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    options = ["-k", f"{folder}", "--listen_addresses=", "--fsync=off", "--shared_buffers=512MB"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, *data, *options], user=user, cwd=folder, stdout=log, stderr=log
        )
        try:
            with closing(_connected(folder)) as connection:
                _fill(connection, settings.rows)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
            shutil.rmtree(folder)


def _connected(folder: Path) -> Any:
    psycopg = import_module("psycopg")
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline:
        with suppress(psycopg.OperationalError):
            return psycopg.connect(url_of(folder), autocommit=True)
        time.sleep(0.05)
    raise Failed("PostgreSQL did not start.")


def _fill(connection: Any, count: int) -> None:
    connection.execute(_TABLE)
    with connection.cursor() as cursor, cursor.copy("COPY orders FROM STDIN") as copy:
        for row in orders(count):
            copy.write_row((*row[:6], json.dumps(row.details), row.note))
    connection.execute("VACUUM ANALYZE orders")
