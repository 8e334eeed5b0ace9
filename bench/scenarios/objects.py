"""Objects: a large object of a store over HTTP, beside its bare client and a view over boto3."""

from __future__ import annotations

from typing import Final

from bench.clients import download, sip
from bench.model import GIB, KIB, MIB, Column, Figures, Place, Scenario, Target, Trial
from bench.numbers import difference, median, ratio, scaled
from bench.objects_apps import RANGE
from bench.objects_client import ask_bare, first_bytes, ranges, whole
from bench.objects_store import store
from bench.servers import (
    BARE_OBJECTS,
    FLASK_GUNICORN_OBJECTS,
    FLASK_WAITRESS_OBJECTS,
    OUR_OBJECTS,
)

_TIMES: Final = 3
_MANY: Final = 4
_RATE: Final = 256.0 * KIB
# Of what one reads; what grows may grow slowly.
_TIMES_AS_LONG: Final = 5


def _measure(trial: Trial) -> Figures:
    port, size, count = trial.server.port, trial.place.big_size, trial.settings.ranges
    run = trial.crew.run_beside
    before = trial.server.cpu()
    if trial.contestant == BARE_OBJECTS.name:
        took = run(ask_bare, port, f"/whole/{_TIMES}")
        computed = difference(trial.server.cpu(), before)
        each, many = (run(ask_bare, port, f"/ranges/{count}/{by}") for by in (1, _MANY))
        first = run(ask_bare, port, f"/first/{count // 10}")
    else:
        took = run(whole, port, Place.big, size, _TIMES)
        computed = difference(trial.server.cpu(), before)
        each, many = (run(ranges, port, Place.big, size, count, by) for by in (1, _MANY))
        first = run(first_bytes, port, Place.big, size, count // 10)
    return {
        "speed": _TIMES * size / took / 1e6,
        "cpu": ratio(computed, _TIMES * size / GIB),
        "ranges": count * RANGE / each / 1e6,
        "ranges_many": count * RANGE / many / 1e6,
        "first": scaled(median(first), 1e3),
    }


def _measure_memory(trial: Trial) -> Figures:
    settings, port, run = trial.settings, trial.server.port, trial.crew.run_beside
    # What is imported with the first answer is no part of what grows with many.
    run(download, port, Place.big, 1, settings.warm_seconds)
    before = trial.server.memory()
    seconds = _TIMES_AS_LONG * settings.seconds
    got = run(sip, port, Place.big, settings.slow_clients, _RATE, seconds)
    after = trial.server.memory()
    return {
        "taken": got.size / MIB,
        "before": before and before.now / MIB,
        "grown": difference(after and after.peak / MIB, before and before.now / MIB),
    }


def _over(
    what: str,
    key: str,
    other: str,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Target:
    said = f"{what}, ours over {other}"
    return Target(said, (OUR_OBJECTS.name, key), at_least, at_most, over=(other, key))


_SPEEDS: Final = (
    ("MB/s, the whole", "speed"),
    ("MB/s, ranges", "ranges"),
    (f"MB/s, {_MANY} ranges at once", "ranges_many"),
)

OBJECTS: Final = Scenario(
    name="objects",
    what=f"An object of 1 GiB in a Ceph, and 1,000 ranges of 1 MiB of it, by one and by {_MANY}",
    contestants=(OUR_OBJECTS, BARE_OBJECTS, FLASK_GUNICORN_OBJECTS, FLASK_WAITRESS_OBJECTS),
    measure=_measure,
    columns=(
        Column("speed", "MB/s, the whole", plotted=True),
        Column("cpu", "its CPU, s/GiB", 2),
        Column("ranges", "MB/s, ranges"),
        Column("ranges_many", f"MB/s, {_MANY} ranges at once"),
        Column("first", "first byte, ms", 2),
    ),
    targets=(
        *(_over(what, key, "bare", at_least=0.95) for what, key in _SPEEDS),
        _over("first byte", "first", "bare", at_most=1.2),
        *(
            _over(what, key, other, at_least=1.5)
            for other in ("flask, gunicorn", "flask, waitress")
            for what, key in _SPEEDS
        ),
    ),
    checked=(Place.big,),
    around=store,
    note=(
        "The store has a core of its own, which it keeps busy; contestants and their clients share"
        " the other. The bare client is obstore in one process, which sends nothing to anybody."
    ),
)
OBJECTS_MEMORY: Final = Scenario(
    name="objects_memory",
    what="100 clients that take 256 KiB/s each of that object",
    contestants=(OUR_OBJECTS,),
    measure=_measure_memory,
    columns=(
        Column("taken", "MiB taken"),
        Column("before", "RSS before, MiB", 1),
        Column("grown", "larger by, at most, MiB", 1, plotted=True),
    ),
    targets=(Target("growth", (OUR_OBJECTS.name, "grown"), at_most=32.0, unit=" MiB", digits=1),),
    around=store,
)
