"""Beside: how long a small request waits while others download as fast as they can."""

from __future__ import annotations

import time
from typing import Final

from bench.clients import download, latencies
from bench.model import Column, Figures, Place, Scenario, Target, Trial
from bench.numbers import percentile, scaled
from bench.servers import FILE_WRAPPER, NGINX, OURS, PORTABLE

_DOWNLOADS: Final = 4
_PAUSE: Final = 0.005


def _measure(trial: Trial) -> Figures:
    seconds, warm = trial.settings.seconds, trial.settings.warm_seconds
    port = trial.server.port
    job = trial.crew.start(download, port, Place.big, _DOWNLOADS, seconds + 2 * warm)
    time.sleep(warm)
    found = trial.crew.run(latencies, port, Place.small[0], seconds, _PAUSE)
    got = job.result()
    return {
        "p50": scaled(percentile(found, 0.5), 1e3),
        "p99": scaled(percentile(found, 0.99), 1e3),
        "speed": got.speed,
    }


BESIDE: Final = Scenario(
    name="beside",
    what="A request for 1 KiB every 5 ms, beside 4 downloads as fast as they go",
    contestants=(OURS, PORTABLE, NGINX, FILE_WRAPPER),
    measure=_measure,
    columns=(
        Column("p50", "p50, ms", 2),
        Column("p99", "p99, ms", 2, plotted=True),
        Column("speed", "MB/s meanwhile"),
    ),
    targets=(Target("p99", ("ours", "p99"), at_most=20.0, unit=" ms"),),
    checked=(Place.small[0],),
)
