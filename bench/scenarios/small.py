"""Small: how many small files a second, with a core for the server and with all of them."""

from __future__ import annotations

from typing import Final

from bench.clients import Answered, hurry
from bench.crew import Job
from bench.model import Column, Figures, Place, Scenario, Target, Trial
from bench.numbers import difference, ratio, scaled
from bench.servers import (
    FILE_WRAPPER,
    GRANIAN,
    GUNICORN,
    HELLO,
    NGINX,
    OURS,
    PORTABLE,
    UVICORN,
    WEBOB,
    WHITENOISE,
)

_CONNECTIONS: Final = 32


def _measure(trial: Trial) -> Figures:
    pinned: Figures = {} if trial.cores.server is None else _hurry(trial, free=False)
    trial.server.pin(None)
    return {**pinned, **_hurry(trial, free=True)}


def _hurry(trial: Trial, *, free: bool) -> Figures:
    server = trial.server

    def load(seconds: float) -> Job[Answered]:
        start = trial.crew.start_anywhere if free else trial.crew.start
        return start(hurry, server.port, Place.small, _CONNECTIONS, seconds)

    load(trial.settings.warm_seconds).result()
    before = server.cpu()
    got = load(trial.settings.seconds).result()
    computed = difference(server.cpu(), before)
    how = "free" if free else "pinned"
    return {
        f"rate_{how}": got.rate,
        f"cpu_{how}": scaled(ratio(computed, got.answers), 1e6),
        f"client_{how}": got.computed / got.seconds * 100,
    }


def _over(other: str, how: str, factor: float) -> Target:
    rate = f"rate_{how}"
    said = "pinned" if how == "pinned" else "not pinned"
    return Target(f"requests/s over {other}'s, {said}", ("ours", rate), factor, over=(other, rate))


SMALL: Final = Scenario(
    name="small",
    what="Files of 1 KiB, asked for by 32 connections that are kept, each as soon as it has the"
    " one before",
    contestants=(
        OURS,
        HELLO,
        PORTABLE,
        NGINX,
        FILE_WRAPPER,
        WHITENOISE,
        WEBOB,
        GUNICORN,
        UVICORN,
        GRANIAN,
    ),
    measure=_measure,
    columns=(
        Column("rate_pinned", "requests/s, pinned", plotted=True),
        Column("cpu_pinned", "CPU µs/request", 1),
        Column("client_pinned", "client's core, %"),
        Column("rate_free", "requests/s, not pinned", plotted=True),
        Column("cpu_free", "CPU µs/request", 1),
        Column("client_free", "client's core, %"),
    ),
    targets=(
        _over("hello", "pinned", 1.3),
        _over("whitenoise", "pinned", 2.0),
        _over("webob", "pinned", 3.0),
        _over("hello", "free", 3.0),
    ),
    checked=Place.small[:1],
    note="Where the client's core is busy to the last, the server could do more.",
)
