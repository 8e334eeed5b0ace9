"""Slow clients: how much larger a server becomes while many take a large file slowly."""

from __future__ import annotations

from typing import Final

from bench.clients import sip
from bench.model import KIB, MIB, Column, Figures, Place, Scenario, Trial
from bench.numbers import difference
from bench.servers import NGINX, OURS, PORTABLE

_CLIENTS: Final = 50
_RATE: Final = 256.0 * KIB
# Of what one reads; more than other scenarios take, for what grows may grow slowly.
_TIMES_AS_LONG: Final = 5


def _measure(trial: Trial) -> Figures:
    server = trial.server
    before = server.memory()
    seconds = _TIMES_AS_LONG * trial.settings.seconds
    got = trial.crew.run(sip, server.port, Place.sparse, _CLIENTS, _RATE, seconds)
    after = server.memory()
    return {
        "taken": got.size / MIB,
        "before": before and before.now / MIB,
        "peak": after and after.peak / MIB,
        "grown": difference(after and after.peak / MIB, before and before.now / MIB),
    }


SLOW_CLIENTS: Final = Scenario(
    name="slow_clients",
    what="50 clients that take 256 KiB/s each of a file of 5 GiB",
    contestants=(OURS, PORTABLE, NGINX),
    measure=_measure,
    columns=(
        Column("taken", "MiB taken"),
        Column("before", "RSS before, MiB", 1),
        Column("peak", "peak RSS, MiB", 1),
        Column("grown", "larger by, MiB", 2, plotted=True),
    ),
)
