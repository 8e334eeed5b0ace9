"""Rows, apps: every way by which we send a table, the tools beside it, and Django."""

from __future__ import annotations

import csv
import json
import resource
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from bench.rows_database import MANY, find_program, shop_of, url_of
from wsgistream import QueryApp
from wsgistream.types import Environ, StartResponse, WSGIApp

_FORMATS: Final = ("ndjson", "csv", "arrow")

#: The whole table, ten of them, and one whose first column is the time at which a row was made.
_POSTGRESQL: Final = {
    "orders": "SELECT * FROM orders",
    "many": f"SELECT orders.* FROM orders, generate_series(1, {MANY})",
    "timed": "SELECT extract(epoch FROM clock_timestamp())::float8 AS at, orders.* FROM orders",
}
_SQLITE: Final = {
    "orders": "SELECT * FROM orders",
    "many": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE"
    f" i < {MANY}) SELECT orders.* FROM orders, n",
    "timed": "SELECT (julianday('now') - 2440587.5) * 86400 AS at, orders.* FROM orders",
}


def ours(root: str) -> WSGIApp:
    """Each way at a path of its own, as ``/copy/orders``; it connects only when it is asked."""
    folder = Path(root).parent
    apps = {**_of_postgresql(folder / "postgresql"), **_of_sqlite(shop_of(folder))}

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        _, way, name = environ["PATH_INFO"].split("/")
        return apps[way]({**environ, "PATH_INFO": f"/{name}"}, start_response)

    return app


def _of_postgresql(folder: Path) -> Mapping[str, WSGIApp]:
    def adbc() -> Any:
        return import_module("adbc_driver_postgresql.dbapi").connect(url_of(folder))

    def app(connect: Any, lane: str | None = None) -> WSGIApp:
        return QueryApp(connect, _POSTGRESQL, formats=_FORMATS, lane=lane)

    url = url_of(folder)
    engine = import_module("sqlalchemy").create_engine(url_of(folder, "postgresql+psycopg"))
    return {
        "copy": app(url, "copy"),
        "cursor": app(url, "cursor"),
        "engine": app(engine, "cursor"),
        "adbc": app(adbc),
    }


def _of_sqlite(path: Path) -> Mapping[str, WSGIApp]:
    def adbc() -> Any:
        return import_module("adbc_driver_sqlite.dbapi").connect(f"file:{path}?mode=ro")

    def app(connect: Any, *, by_arrow: bool = False) -> WSGIApp:
        return QueryApp(connect, _SQLITE, formats=_FORMATS, by_arrow=by_arrow)

    engine = import_module("sqlalchemy").create_engine(f"sqlite:///{path}")
    return {
        "sqlite": app(f"sqlite:///{path}"),
        "sqlite-engine": app(engine),
        "sqlite-adbc": app(adbc),
        "sqlite-arrow": app(adbc, by_arrow=True),
    }


def tools(root: str) -> WSGIApp:
    """Programs of the databases, whose output goes nowhere; the answer is how long it took."""
    folder = Path(root).parent

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        command = _COMMANDS[environ["PATH_INFO"][1:]](folder)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = time.monotonic()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        seconds = time.monotonic() - begin
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        computed = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        content = json.dumps([seconds, computed]).encode()
        start_response("200 OK", [("Content-Length", str(len(content)))])
        return [content]

    return app


def _psql(what: str, options: str) -> Callable[[Path], list[str]]:
    copy = rf"\copy ({what}) TO STDOUT{options}"
    return lambda folder: [
        *(str(find_program("psql")), "-qX", url_of(folder / "postgresql"), "-c", copy)
    ]


def _sqlite3(form: str) -> Callable[[Path], list[str]]:
    asked = _SQLITE["orders"]
    return lambda folder: ["sqlite3", "-readonly", "-header", form, str(shop_of(folder)), asked]


_COMMANDS: Final = {
    "psql/csv": _psql(_POSTGRESQL["orders"], " (FORMAT csv, HEADER)"),
    "psql/json": _psql("SELECT row_to_json(orders) FROM orders", ""),
    "psql/binary": _psql(_POSTGRESQL["orders"], " (FORMAT binary)"),
    "sqlite3/csv": _sqlite3("-csv"),
    "sqlite3/json": _sqlite3("-json"),
}


def django(root: str) -> WSGIApp:
    """As its documentation has it: a StreamingHttpResponse over ``QuerySet.iterator()``."""
    from django.conf import settings  # noqa: PLC0415
    from django.core.serializers.json import DjangoJSONEncoder  # noqa: PLC0415
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415
    from django.db import models  # noqa: PLC0415
    from django.http import StreamingHttpResponse  # noqa: PLC0415
    from django.urls import path  # noqa: PLC0415

    def lines(rows: Any) -> Iterator[str]:
        for row in rows.values().iterator():
            yield json.dumps(row, cls=DjangoJSONEncoder) + "\n"

    def fields(rows: Any) -> Iterator[str]:
        writer: Any = csv.writer(_Echo())
        for row in rows.values_list().iterator():
            yield writer.writerow(row)

    def stream(request: Any, database: str, form: str) -> Any:
        rows = Order._default_manager.using(database)
        return StreamingHttpResponse(lines(rows) if form == "json" else fields(rows))

    folder = Path(root).parent
    backend = "django.db.backends"
    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=(path("<str:database>/<str:form>", stream),),
        USE_TZ=False,
        DATABASES={
            "default": {},
            "sqlite": {"ENGINE": f"{backend}.sqlite3", "NAME": shop_of(folder)},
            "postgresql": {
                "ENGINE": f"{backend}.postgresql",
                "NAME": "postgres",
                "USER": "postgres",
                "HOST": str(folder / "postgresql"),
            },
        },
    )
    app: WSGIApp = get_wsgi_application()

    class Order(models.Model):  # type: ignore[misc]
        weight = models.FloatField()
        product = models.TextField()
        paid = models.BooleanField()
        ordered_at = models.DateTimeField()
        total = models.DecimalField(max_digits=12, decimal_places=2)
        details = models.JSONField()
        note = models.TextField(null=True)

        class Meta:
            app_label = "bench"
            db_table = "orders"

    return app


class _Echo:
    """A file for csv, whose writer then gives the line back."""

    def write(self, line: str) -> str:
        return line
