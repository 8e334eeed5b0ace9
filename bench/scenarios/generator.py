"""Generator: a hundred who hardly take what is made for them, and whether others are answered."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

from bench.clients import latencies, sip
from bench.model import KIB, MIB, Column, Figures, Place, Scenario, Target, Trial
from bench.numbers import percentile, scaled
from bench.servers import NGINX, OUR_GENERATOR, OURS, UVICORN, WAITRESS_GENERATOR

_RATE: Final = 1.0 * KIB
_PAUSE: Final = 0.005

_FILE: Final = replace(OURS, name="ours, a file")
_NGINX_FILE: Final = replace(NGINX, name="nginx, a file")


def _measure(trial: Trial) -> Figures:
    of_files = trial.contestant in (_FILE.name, _NGINX_FILE.name)
    large, small = (Place.big, Place.small[0]) if of_files else ("/generator", "/hello")
    settings, server = trial.settings, trial.server
    # Each of the slow ones has begun before the others come: with half a second to spare.
    warm = 1.0 + settings.warm_seconds
    # The last of the others may be waited for beyond the end.
    until = warm + settings.seconds + 3.0
    job = trial.crew.start(sip, server.port, large, settings.slow_clients, _RATE, until)
    time.sleep(warm)
    found = trial.crew.run(latencies, server.port, small, settings.seconds, _PAUSE)
    memory, deleted = server.memory(), server.deleted_files()
    job.result()
    return {
        "p50": scaled(percentile(found, 0.5), 1e3),
        "p99": scaled(percentile(found, 0.99), 1e3),
        "memory": memory and memory.now / MIB,
        "peak": memory and memory.peak / MIB,
        "deleted": deleted,
    }


GENERATOR: Final = Scenario(
    name="generator",
    what="100 clients that take 1 KiB/s of 1 GiB, made in chunks of 64 KiB by a generator or from"
    " a file; and others that ask for 1 KiB every 5 ms",
    contestants=(OUR_GENERATOR, WAITRESS_GENERATOR, UVICORN, _FILE, _NGINX_FILE),
    measure=_measure,
    columns=(
        Column("p50", "others' p50, ms", 2),
        Column("p99", "others' p99, ms", 2, plotted=True),
        Column("memory", "RSS, MiB", 1),
        Column("peak", "peak RSS, MiB", 1),
        Column("deleted", "temporary files"),
    ),
    targets=(
        Target("others' p99", ("ours", "p99"), at_most=10.0, unit=" ms"),
        Target("RSS", ("ours", "memory"), at_most=60.0, unit=" MiB", digits=1),
        Target("temporary files", ("ours", "deleted"), at_most=0, digits=0),
        Target(
            "RSS beyond nginx's, a file",
            (_FILE.name, "memory"),
            at_most=5.0,
            minus=(_NGINX_FILE.name, "memory"),
            unit=" MiB",
            digits=1,
        ),
    ),
    note="Others wait 2 s for an answer at most. “No answer”: the p50, or p99, of them never came.",
)
