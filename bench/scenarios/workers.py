"""Workers: what a second process of ours adds on two cores."""

from __future__ import annotations

from typing import Final

from bench.clients import Answered, hurry
from bench.model import Column, Figures, Place, Scenario, Target, Trial
from bench.numbers import difference, ratio, scaled
from bench.servers import OURS, TWO_WORKERS

_CLIENTS: Final = 2
_CONNECTIONS_EACH: Final = 16


def _measure(trial: Trial) -> Figures:
    server = trial.server
    server.pin(None)
    _load(trial, trial.settings.warm_seconds)
    before = server.cpu()
    got = _load(trial, trial.settings.seconds)
    computed = difference(server.cpu(), before)
    count = sum(each.answers for each in got)
    return {
        "rate": sum(each.rate for each in got),
        "cpu": scaled(ratio(computed, count), 1e6),
        "client": scaled(ratio(sum(each.computed for each in got), count), 1e6),
    }


def _load(trial: Trial, seconds: float) -> list[Answered]:
    start, port = trial.crew.start_anywhere, trial.server.port
    jobs = [start(hurry, port, Place.small, _CONNECTIONS_EACH, seconds) for _ in range(_CLIENTS)]
    return [job.result() for job in jobs]


WORKERS: Final = Scenario(
    name="workers",
    what="Files of 1 KiB from one process and from two, nothing pinned; 2 clients of 16"
    " connections each, on the same cores",
    contestants=(OURS, TWO_WORKERS),
    measure=_measure,
    columns=(
        Column("rate", "requests/s", plotted=True),
        Column("cpu", "CPU µs/request", 1),
        Column("client", "clients' CPU µs/request", 1),
    ),
    targets=(
        Target(
            "requests/s, two workers over one",
            ("two workers", "rate"),
            at_least=1.7,
            over=("ours", "rate"),
        ),
    ),
    checked=Place.small[:1],
    note="The clients compute as well, on cores that the servers could use. On a machine of two,"
    " one worker has a core of its own and leaves them the other; two have to share both with them."
    " Where a request costs the server s and the client c, two cannot be more there than 2s/(s + c)"
    " times one, however well they share; clients elsewhere would see more.",
)
