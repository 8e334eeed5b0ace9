"""Databases, real and small: each is started once for a session of tests, by a user that may."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path
from typing import IO, Any

import psycopg
import pymysql
import pytest

from examples.make_shop import make_shop, orders, stored
from tests.ports import kept_port
from tests.servers import DEADLINE, eventually

#: Rows of the table that every database has.
ROWS = 2000

_TABLE = """CREATE TABLE orders (
    id integer PRIMARY KEY, weight double precision NOT NULL, product text NOT NULL,
    paid boolean NOT NULL, ordered_at timestamp NOT NULL, total numeric(12, 2) NOT NULL,
    details jsonb NOT NULL, note text
)"""


def _program(name: str) -> str:
    """Find a program of a database; a test of one that is not there is skipped."""
    folders = sorted(glob("/usr/lib/postgresql/*/bin"), key=_version, reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*folders, os.environ["PATH"], "/usr/sbin"]))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def _version(folder: str) -> int:
    return int("".join(re.findall(r"\d+", folder)) or 0)


@dataclass
class Database:
    """A server of a database that runs in the foreground, in a folder of its own."""

    command: Sequence[str]
    folder: Path
    user: str | None
    """Whose it is; None: ours."""
    log: IO[bytes]
    end: signal.Signals
    """What ends it without waiting for its clients."""
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        self.process = self.run(*self.command)

    def run(self, *command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command, cwd=self.folder, user=self.user, stdout=self.log, stderr=self.log
        )

    def do(self, *command: str) -> None:
        """Run to its end what makes the database."""
        assert self.run(*command).wait(60) == 0, self.said()

    def stop(self) -> None:
        """End it; it can be started again."""
        self.process.send_signal(self.end)
        self.process.wait(DEADLINE)

    def said(self) -> str:
        return Path(self.log.name).read_text(errors="replace")


@contextmanager
def _folder(owner: str) -> Iterator[tuple[Path, str | None, IO[bytes]]]:
    """Make a folder for the data, of a user that is not root, and a log."""
    user = owner if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="database-", dir="/tmp") as name:
        folder = Path(name)
        if user is not None:
            entry = pwd.getpwnam(user)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        with (folder / "server.log").open("wb") as log:
            yield folder, user, log


class PostgreSQL(Database):
    """A server of PostgreSQL."""

    port: int

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def socket_url(self) -> str:
        return f"postgresql://postgres@/postgres?host={self.folder}&port={self.port}"

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url, **options)

    def ask(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Ask by a connection of its own, and outside of any transaction."""
        with closing(self.connect(autocommit=True)) as connection:
            return connection.execute(query, parameters).fetchall()

    def busy(self) -> list[tuple[Any, ...]]:
        """The clients that are connected, but this one: what each has last asked, and its state."""
        return self.ask(
            "SELECT query, state FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )

    def is_idle(self) -> bool:
        """Wait until no client is connected: each has been let go."""
        return eventually(lambda: not self.busy())

    def kill_clients(self) -> int:
        """Kill the backends of all clients but this one; gives how many there were."""
        killed = self.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return len(killed)

    def is_up(self) -> bool:
        with suppress(psycopg.OperationalError):
            self.connect(connect_timeout=5).close()
            return True
        return False

    def restart(self) -> None:
        self.stop()
        self.start()
        assert eventually(self.is_up), self.said()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL with the table of orders; each test leaves it as it was."""
    program = _program("postgres")
    with _folder("postgres") as (folder, user, log), kept_port() as port:
        data = folder / "data"
        command = [program, "-D", f"{data}", "-k", f"{folder}", "-p", f"{port}"]
        settings = ("fsync=off", "listen_addresses=127.0.0.1", "max_connections=30")
        server = PostgreSQL(
            [*command, *(f"--{s}" for s in settings)], folder, user, log, signal.SIGINT
        )
        server.port = port
        make = ("-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync")
        server.do(_program("initdb"), "-D", f"{data}", *make)
        server.start()
        try:
            assert eventually(server.is_up), server.said()
            _fill(server)
            yield server
        finally:
            server.stop()


def _fill(server: PostgreSQL) -> None:
    with closing(server.connect()) as connection:
        connection.execute(_TABLE)
        with connection.cursor() as cursor, cursor.copy("COPY orders FROM STDIN") as copy:
            for row in orders(ROWS):
                details = psycopg.types.json.Jsonb(row.details)
                copy.write_row((*row[:6], details, row.note))
        connection.commit()


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the table of orders."""
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    make_shop(str(path), ROWS)
    return path


class MariaDB(Database):
    """A server of MariaDB."""

    @property
    def url(self) -> str:
        return f"mariadb+pymysql://root@localhost/shop?unix_socket={self.folder}/socket&charset=utf8mb4"

    def connect(self) -> Any:
        return pymysql.connect(
            unix_socket=f"{self.folder}/socket", user="root", autocommit=True, charset="utf8mb4"
        )

    def ask(self, query: str) -> Sequence[Any]:
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            found: Sequence[Any] = cursor.fetchall()
            return found

    def is_idle(self) -> bool:
        """Wait until no other client is connected."""
        query = (
            "SELECT id FROM information_schema.processlist"
            " WHERE user = 'root' AND id <> connection_id()"
        )
        return eventually(lambda: not self.ask(query))

    def is_up(self) -> bool:
        # Its client leaves a socket behind where it cannot connect.
        with socket.socket(socket.AF_UNIX) as sock:
            return sock.connect_ex(f"{self.folder}/socket") == 0


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """A MariaDB with the table of orders."""
    program = _program("mariadbd")
    with _folder("mysql") as (folder, user, log):
        data = f"--datadir={folder}/data"
        (folder / "data").mkdir()
        if user is not None:
            shutil.chown(folder / "data", user)
        own = ["--no-defaults", data]
        files = [f"--socket={folder}/socket", f"--pid-file={folder}/pid", f"--tmpdir={folder}"]
        small = ["--skip-networking", "--innodb-buffer-pool-size=16M", "--skip-grant-tables"]
        server = MariaDB([program, *own, *files, *small], folder, user, log, signal.SIGTERM)
        install = ("--auth-root-authentication-method=normal", "--skip-test-db")
        server.do(_program("mariadb-install-db"), *own, *install)
        server.start()
        try:
            assert eventually(server.is_up), server.said()
            _fill_mariadb(server)
            yield server
        finally:
            server.stop()


def _fill_mariadb(server: MariaDB) -> None:
    with closing(server.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE shop CHARACTER SET utf8mb4")
        cursor.execute("USE shop")
        cursor.execute(
            "CREATE TABLE orders (id integer PRIMARY KEY, weight double, product text,"
            " paid boolean, ordered_at datetime(6), total decimal(12, 2), details json, note text)"
        )
        insert = "INSERT INTO orders VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
        cursor.executemany(insert, stored(orders(ROWS)))
