"""Ranges: parts of a large file from anywhere in it, and how soon a seek to its end answers."""

from __future__ import annotations

from typing import Final

from bench.clients import first_bytes, random_ranges
from bench.model import MIB, Column, Figures, Place, Scenario, Target, Trial
from bench.numbers import percentile, scaled
from bench.servers import FILE_WRAPPER, GUNICORN, NGINX, OURS, PORTABLE, WEBOB

_TRIES: Final = 50


def _measure(trial: Trial) -> Figures:
    port, total, seconds = trial.server.port, trial.settings.big_size, trial.settings.seconds
    # 943718400 of the GiB, or as far in what is smaller.
    start = total // 1024 * 900
    # Where a seek reads all that is before it, the end of one is not waited for by the next.
    begins = trial.crew.run(first_bytes, port, Place.big, start, _TRIES, seconds)
    got = trial.crew.run(random_ranges, port, Place.big, total, min(MIB, total // 8), seconds)
    return {
        "rate": got.rate,
        "first_byte": scaled(percentile(begins, 0.5), 1e3),
    }


RANGES: Final = Scenario(
    name="ranges",
    what="1 MiB from anywhere in 1 GiB, one after the other on one connection; and the time to the"
    " first byte of `bytes=943718400-`, each on a new one",
    contestants=(OURS, PORTABLE, NGINX, FILE_WRAPPER, GUNICORN, WEBOB),
    measure=_measure,
    columns=(
        Column("rate", "ranges/s", plotted=True),
        Column("first_byte", "first byte, ms", 3),
    ),
    targets=(
        Target("ranges/s over nginx's", ("ours", "rate"), at_least=0.75, over=("nginx", "rate")),
        Target("first byte", ("ours", "first_byte"), at_most=0.3, unit=" ms", digits=3),
        Target(
            "first byte, WebOb's over ours",
            ("webob", "first_byte"),
            at_least=250,
            over=("ours", "first_byte"),
            digits=0,
        ),
    ),
)
