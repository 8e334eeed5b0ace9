"""Rows: a table of a database over HTTP, beside what the database's own tools write to nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from bench.model import MIB, Column, Contestant, Figures, Scenario, Target, Trial
from bench.numbers import difference, scaled
from bench.rows_client import ask_tool, stream
from bench.rows_database import MANY, postgresql, shop
from bench.servers import DATASETTE, DJANGO_ROWS, OUR_ROWS, PSQL, SQLITE3

_OURS: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "postgresql": {
        "copy": ("csv", "ndjson"),
        "cursor": ("ndjson", "csv"),
        "engine": ("ndjson", "csv"),
        "adbc": ("arrow",),
    },
    "sqlite": {
        "sqlite": ("ndjson", "csv"),
        "sqlite-engine": ("ndjson", "csv"),
        "sqlite-adbc": ("ndjson", "csv", "arrow"),
        "sqlite-arrow": ("csv",),
    },
}
_SAID: Final = {
    "copy": "COPY",
    "cursor": "a cursor of psycopg",
    "engine": "SQLAlchemy",
    "adbc": "ADBC",
    "sqlite": "sqlite3",
    "sqlite-engine": "SQLAlchemy",
    "sqlite-adbc": "ADBC",
    "sqlite-arrow": "ADBC, written by Arrow itself,",
}


def _ways(database: str, most: int | None = None) -> list[Contestant]:
    """Each way by which we send, in all its formats or so many of them."""
    return [
        replace(OUR_ROWS, name=f"{way}, {form}", what=f"QueryApp by {_SAID[way]} on our server")
        for way, forms in _OURS[database].items()
        for form in forms[:most]
    ]


def _tools(tool: Contestant, *forms: str) -> list[Contestant]:
    return [replace(tool, name=f"{tool.name}, {form}") for form in forms]


def _measure(trial: Trial, *, database: str) -> Figures:
    trial.server.pin(None)  # for the database, and a tool, take what core they like
    family, _, form = trial.contestant.partition(", ")
    port, crew = trial.server.port, trial.crew
    if family in (PSQL.name, SQLITE3.name):
        seconds, computed = crew.start_anywhere(ask_tool, port, f"/{family}/{form}").result()
        return {"seconds": seconds, "cpu": computed}
    target = {
        DJANGO_ROWS.name: f"/{database}/{form}",
        DATASETTE.name: "/shop/orders.csv?_stream=1",
    }.get(family, f"/{family}/orders?format={form}")
    delay = None
    if family in _SAID:
        first = f"/{family}/timed?format={form}&limit=1000"
        delay = crew.start_anywhere(stream, port, first).result().delay
    before = trial.server.cpu()
    got = crew.start_anywhere(stream, port, target).result()
    return {
        "seconds": got.seconds,
        "cpu": difference(trial.server.cpu(), before),
        "size": got.size / 1e6,
        "delay": scaled(delay, 1e3),
    }


def _measure_memory(trial: Trial) -> Figures:
    trial.server.pin(None)
    way, _, form = trial.contestant.partition(", ")
    found: dict[str, float | None] = {}
    # What is imported with the first rows is no part of what grows with them.
    trial.crew.start_anywhere(stream, trial.server.port, _rows(way, form, "timed", 1000)).result()
    before = trial.server.memory()
    for key, name in (("once", "orders"), ("many", "many")):
        target = _rows(way, form, name)
        trial.crew.start_anywhere(stream, trial.server.port, target).result()
        after = trial.server.memory()
        found[key] = after and before and (after.peak - before.now) / MIB
    return found


def _rows(way: str, form: str, name: str, limit: int | None = None) -> str:
    return f"/{way}/{name}?format={form}" + ("" if limit is None else f"&limit={limit}")


def _seconds(ours: str, other: str, at_most: float) -> Target:
    said = f"seconds, {ours} over {other}"
    return Target(said, (ours, "seconds"), at_most=at_most, over=(other, "seconds"))


def _delays(database: str) -> list[Target]:
    return [
        Target(f"first byte, {way}, {form}", (f"{way}, {form}", "delay"), at_most=100.0, unit=" ms")
        for way, forms in _OURS[database].items()
        for form in forms
        if form != "arrow"
    ]


_COLUMNS: Final = (
    Column("seconds", "seconds", 2, plotted=True),
    Column("cpu", "its CPU, s", 2),
    Column("size", "MB"),
    Column("delay", "first byte after the first row, ms", 1),
)
_NOTE: Final = (
    "What a tool writes goes to /dev/null; all else goes over HTTP to a client that reads it to"
    " its end. Nothing is pinned, and the CPU is that of the tool, or of the server; the"
    " database's own is in none."
)

_AROUND: Final = {"postgresql": postgresql, "sqlite": shop}


def _beside(
    name: str,
    database: str,
    *,
    what: str,
    tools: Sequence[Contestant],
    peers: Sequence[Contestant],
    targets: Sequence[Target],
) -> Scenario:
    """Make a scenario of all our ways to send a table, between its tools and others."""
    return Scenario(
        name=name,
        what=what,
        contestants=(*tools, *_ways(database), *peers),
        measure=partial(_measure, database=database),
        columns=_COLUMNS,
        targets=(*targets, *_delays(database)),
        around=_AROUND[database],
        note=_NOTE,
    )


ROWS: Final = _beside(
    "rows",
    "postgresql",
    what="A table of PostgreSQL, of 2,000,000 rows with 8 columns of several types",
    tools=_tools(PSQL, "csv", "json", "binary"),
    peers=_tools(DJANGO_ROWS, "json", "csv"),
    targets=(
        _seconds("copy, csv", "psql, csv", 1.15),
        _seconds("copy, ndjson", "psql, json", 1.15),
        _seconds("adbc, arrow", "psql, binary", 2.0),
        _seconds("cursor, ndjson", "psql, json", 2.2),
        _seconds("engine, ndjson", "psql, json", 4.5),
        _seconds("engine, csv", "psql, csv", 4.5),
    ),
)
ROWS_SQLITE: Final = _beside(
    "rows_sqlite",
    "sqlite",
    what="The same table of SQLite",
    tools=_tools(SQLITE3, "csv", "json"),
    peers=(*_tools(DJANGO_ROWS, "json", "csv"), *_tools(DATASETTE, "csv")),
    targets=(
        _seconds("sqlite, ndjson", "sqlite3, json", 0.9),
        _seconds("sqlite-adbc, ndjson", "sqlite3, json", 0.9),
        _seconds("sqlite, csv", "sqlite3, csv", 3.0),
        _seconds("sqlite-arrow, csv", "sqlite3, csv", 1.0),
        _seconds("sqlite-adbc, csv", "sqlite3, csv", 1.0),
    ),
)


def _memory(name: str, database: str) -> Scenario:
    ways = _ways(database, 1)
    return Scenario(
        name=name,
        what=f"What our server grows by, at most, while it sends that table, and {MANY} times it",
        contestants=ways,
        measure=_measure_memory,
        columns=(
            Column("once", "peak RSS more by, MiB", 1),
            Column("many", f"after {MANY} times as many, MiB", 1, plotted=True),
        ),
        targets=[
            Target(f"growth, {each.name}", (each.name, "many"), at_most=64.0, unit=" MiB", digits=1)
            for each in ways
        ],
        around=_AROUND[database],
    )


ROWS_MEMORY: Final = _memory("rows_memory", "postgresql")
ROWS_SQLITE_MEMORY: Final = _memory("rows_sqlite_memory", "sqlite")
