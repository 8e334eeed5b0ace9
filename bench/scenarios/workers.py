"""Workers: what a second process of ours adds on two cores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bench.clients import Answered, hurry
from bench.model import Column, Figures, Place, Scenario, Target, Trial
from bench.numbers import difference, ratio, scaled
from bench.servers import ONE_WORKER, TWO_WORKERS

_CLIENTS: Final = 2
_CONNECTIONS_EACH: Final = 16


def _measure(trial: Trial) -> Figures:
    trial.server.pin(None)
    return {**_hurry(trial, "file", Place.small), **_hurry(trial, "page", ["/computed"])}


def _hurry(trial: Trial, what: str, targets: Sequence[str]) -> Figures:
    _load(trial, targets, trial.settings.warm_seconds)
    before = trial.server.cpu()
    got = _load(trial, targets, trial.settings.seconds)
    computed = difference(trial.server.cpu(), before)
    count = sum(each.answers for each in got)
    return {
        f"rate_{what}": sum(each.rate for each in got),
        f"cpu_{what}": scaled(ratio(computed, count), 1e6),
        f"client_{what}": scaled(ratio(sum(each.computed for each in got), count), 1e6),
    }


def _load(trial: Trial, targets: Sequence[str], seconds: float) -> list[Answered]:
    start, port = trial.crew.start_anywhere, trial.server.port
    jobs = [start(hurry, port, targets, _CONNECTIONS_EACH, seconds) for _ in range(_CLIENTS)]
    return [job.result() for job in jobs]


def _columns(what: str) -> tuple[Column, ...]:
    return (
        Column(f"rate_{what}", f"{what}s/s", plotted=True),
        Column(f"cpu_{what}", "CPU µs each", 1),
        Column(f"client_{what}", "clients' CPU µs each", 1),
    )


WORKERS: Final = Scenario(
    name="workers",
    what="Files of 1 KiB, and then pages that take some computing, from one process and from two,"
    " nothing pinned; 2 clients of 16 connections each, on the same cores",
    contestants=(ONE_WORKER, TWO_WORKERS),
    measure=_measure,
    columns=(*_columns("file"), *_columns("page")),
    targets=tuple(
        Target(
            f"{what}s/s, two workers over one",
            ("two workers", f"rate_{what}"),
            at_least=1.7,
            over=("ours", f"rate_{what}"),
        )
        for what in ("file", "page")
    ),
    checked=Place.small[:1],
    note="The clients compute as well, on cores that the servers could use. On a machine of two,"
    " one worker has a core of its own and leaves them the other; two have to share both with them."
    " Where a request costs the server s and the client c, two cannot be more there than 2s/(s + c)"
    " times one, however well they share, which of files is little.",
)
