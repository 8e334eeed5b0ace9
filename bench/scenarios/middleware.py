"""Middleware: what each adds to the computing of an answer."""

from __future__ import annotations

from typing import Final

from bench.clients import download, hurry
from bench.layers import LAYERS
from bench.model import GIB, Column, Figures, Place, Scenario, Trial
from bench.numbers import difference, ratio, scaled
from bench.servers import BARE, behind

_CONNECTIONS: Final = 32


def _measure(trial: Trial) -> Figures:
    server, seconds = trial.server, trial.settings.seconds
    crew, warm = trial.crew, trial.settings.warm_seconds
    crew.run(hurry, server.port, Place.small, _CONNECTIONS, warm)
    before = server.cpu()
    answered = crew.run(hurry, server.port, Place.small, _CONNECTIONS, seconds)
    between = server.cpu()
    downloaded = crew.run(download, server.port, Place.big, 1, seconds)
    after = server.cpu()
    return {
        "request": scaled(ratio(difference(between, before), answered.answers), 1e6),
        "gib": ratio(difference(after, between), downloaded.size / GIB),
    }


MIDDLEWARE: Final = Scenario(
    name="middleware",
    what="Files of 1 KiB over 32 connections, and then one of 1 GiB, behind one middleware each",
    contestants=(BARE, *(behind(name) for name in LAYERS)),
    measure=_measure,
    columns=(
        Column("request", "CPU µs/request", 1, plotted=True),
        Column("gib", "CPU s/GiB", 3, plotted=True),
    ),
    checked=(Place.small[0],),
)
