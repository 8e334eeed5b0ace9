"""Compress: what it costs to compress a stream, and what that saves on the wire."""

from __future__ import annotations

from typing import Final

from bench.compressed import unpack
from bench.model import GIB, MIB, Column, Figures, Scenario, Target, Trial
from bench.numbers import difference, ratio, scaled
from bench.servers import (
    DJANGO_GZIP,
    OUR_BROTLI,
    OUR_GZIP,
    OUR_GZIP_AS_DJANGO,
    OUR_PLAIN,
    OUR_ZSTD,
    STARLETTE_GZIP,
)

_MEBIBYTES: Final = 64
_QUICK_MEBIBYTES: Final = 4

_CODINGS: Final = {OUR_PLAIN.name: "identity", OUR_ZSTD.name: "zstd", OUR_BROTLI.name: "br"}


def _measure(trial: Trial) -> Figures:
    coding = _CODINGS.get(trial.contestant, "gzip")
    size = _QUICK_MEBIBYTES if trial.settings.quick else _MEBIBYTES
    port = trial.server.port
    trial.crew.run(unpack, port, 1, coding)  # which also makes the text
    before = trial.server.cpu()
    got = trial.crew.run(unpack, port, size, coding)
    computed = difference(trial.server.cpu(), before)
    memory = trial.server.memory()
    return {
        "cpu": scaled(ratio(computed, got.plain), GIB),
        "wire": got.received / got.plain * 100,
        "speed": got.plain / got.seconds / 1e6,
        "peak": memory and memory.peak / MIB,
    }


def _target(what: str, key: str, ours: str, other: str, at_most: float) -> Target:
    said = f"{what}, {ours} over {other}"
    return Target(said, (ours, key), at_most=at_most, over=(other, key))


COMPRESS: Final = Scenario(
    name="compress",
    what=f"{_MEBIBYTES} MiB of lines of JSON, made in chunks of 64 KiB by a generator and"
    " compressed on their way, for one client",
    contestants=(
        OUR_GZIP,
        OUR_GZIP_AS_DJANGO,
        DJANGO_GZIP,
        STARLETTE_GZIP,
        OUR_ZSTD,
        OUR_BROTLI,
        OUR_PLAIN,
    ),
    measure=_measure,
    columns=(
        Column("cpu", "CPU s/GiB", 2, plotted=True),
        Column("wire", "bytes on the wire, %", 1, plotted=True),
        Column("speed", "MB/s of text"),
        Column("peak", "peak RSS, MiB", 1),
    ),
    targets=(
        _target("CPU", "cpu", OUR_GZIP.name, DJANGO_GZIP.name, 1.0),
        _target("CPU", "cpu", OUR_GZIP_AS_DJANGO.name, DJANGO_GZIP.name, 1.05),
        _target("CPU", "cpu", OUR_GZIP.name, STARLETTE_GZIP.name, 1.0),
        _target("bytes", "wire", OUR_GZIP.name, DJANGO_GZIP.name, 1.05),
        _target("CPU", "cpu", OUR_ZSTD.name, DJANGO_GZIP.name, 0.5),
    ),
    note="Each at the level that it comes with: ours 5 for gzip, 3 for zstd and 5 for br; Django 6,"
    " Starlette 9. The client decodes and compares; an answer that is cut or other is no figure.",
)
