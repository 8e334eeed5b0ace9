"""Paced: what it takes to send to many who take it slowly and steadily, as players do."""

from __future__ import annotations

import time
from typing import Final

from bench.clients import sip
from bench.model import Column, Figures, Place, Scenario, Target, Trial
from bench.numbers import difference, ratio
from bench.servers import FILE_WRAPPER, GUNICORN, NGINX, OURS, PORTABLE, UVICORN

_CLIENTS: Final = 40
_RATE: Final = 2_500_000.0
# Here little is done, and in large portions.
_TIMES_AS_LONG: Final = 2


def _measure(trial: Trial) -> Figures:
    seconds, warm = _TIMES_AS_LONG * trial.settings.seconds, trial.settings.warm_seconds
    # What the buffers of the system hold is sent at once, before it is the clients' pace.
    until = 2 * warm + seconds
    job = trial.crew.start(sip, trial.server.port, Place.big, _CLIENTS, _RATE, until + warm)
    time.sleep(2 * warm)
    before = trial.server.cpu()
    time.sleep(seconds)
    computed = difference(trial.server.cpu(), before)
    got = job.result()
    return {
        "cpu": ratio(computed, seconds / 100),
        "pace": got.speed,
    }


def _below(contestant: str, other: str, factor: float) -> Target:
    return Target(
        f"CPU of {other} over {contestant}",
        (other, "cpu"),
        at_least=factor,
        over=(contestant, "cpu"),
    )


PACED: Final = Scenario(
    name="paced",
    what="40 clients that take 2.5 MB/s each of a file of 1 GiB",
    contestants=(OURS, PORTABLE, NGINX, FILE_WRAPPER, GUNICORN, UVICORN),
    measure=_measure,
    columns=(
        Column("cpu", "CPU, % of a core", 1, plotted=True),
        Column("pace", "MB/s, all clients", 1),
    ),
    targets=(
        Target("CPU over nginx's", ("ours", "cpu"), at_most=1.3, over=("nginx", "cpu")),
        _below("ours", "file_wrapper", 40),
        _below("portable", "file_wrapper", 12),
    ),
    note="A server of 4 threads that holds one for each download cannot feed 40 clients: its pace"
    " shows it, and its CPU is not to be compared.",
)
