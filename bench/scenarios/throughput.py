"""Throughput: how fast a large file goes out, and what computing that takes."""

from __future__ import annotations

from typing import Final

from bench.clients import download
from bench.model import GIB, Column, Figures, Place, Scenario, Target, Trial
from bench.numbers import difference, ratio
from bench.servers import FILE_WRAPPER, GUNICORN, NGINX, OURS, PORTABLE

_MANY: Final = 8


def _measure(trial: Trial) -> Figures:
    return {**_download(trial, _MANY), **_download(trial, 1)}


def _download(trial: Trial, connections: int) -> Figures:
    server, seconds = trial.server, trial.settings.seconds
    trial.crew.run(download, server.port, Place.big, connections, trial.settings.warm_seconds)
    before = server.cpu()
    got = trial.crew.run(download, server.port, Place.big, connections, seconds)
    computed = difference(server.cpu(), before)
    return {
        f"speed_{connections}": got.speed,
        f"cpu_{connections}": ratio(computed, got.size / GIB),
    }


def _targets() -> list[Target]:
    targets = []
    for connections, faster, cheaper in ((_MANY, 1.2, 0.85), (1, 1.1, 0.9)):
        how = f"{connections} connection{'s' if connections > 1 else ''}"
        speed, cpu = f"speed_{connections}", f"cpu_{connections}"
        targets += [
            Target(f"MB/s over nginx's, {how}", ("ours", speed), faster, over=("nginx", speed)),
            Target(
                f"CPU per GiB over nginx's, {how}",
                ("ours", cpu),
                at_most=cheaper,
                over=("nginx", cpu),
            ),
        ]
    return targets


THROUGHPUT: Final = Scenario(
    name="throughput",
    what="A file of 1 GiB, in the page cache, downloaded over and over by 8 connections, then by 1",
    contestants=(OURS, PORTABLE, NGINX, FILE_WRAPPER, GUNICORN),
    measure=_measure,
    columns=(
        Column("speed_8", "MB/s, 8 connections", plotted=True),
        Column("cpu_8", "CPU s/GiB, 8 connections", 3),
        Column("speed_1", "MB/s, 1 connection"),
        Column("cpu_1", "CPU s/GiB, 1 connection", 3),
    ),
    targets=_targets(),
    checked=(Place.big,),
    note="The client has the system discard what comes, so that it costs less than the server.",
)
