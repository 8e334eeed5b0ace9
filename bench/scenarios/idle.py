"""Idle: thousands of open streams on which nothing happens, and then one event for all."""

from __future__ import annotations

import math
from typing import Final

from bench.model import MIB, Column, Figures, Scenario, Target, Trial
from bench.numbers import percentile, ratio, scaled
from bench.servers import OUR_EVENTS, UVICORN
from bench.streams import watch


def _measure(trial: Trial) -> Figures:
    seen = trial.crew.run(watch, trial.server, trial.settings.streams, trial.settings.seconds)
    # What the few that were answered have is no answer to what the many would have.
    never = None if seen.streams == seen.wanted else math.inf
    return {
        "streams": float(seen.streams),
        "rate_without": seen.rate_without,
        "each": never or ratio(seen.memory_grown, seen.streams),
        "memory": scaled(seen.memory, 1 / MIB),
        "idle_cpu": never or scaled(seen.idle_cpu, 100),
        "rate": seen.rate_with,
        "kept": ratio(seen.rate_with, seen.rate_without),
        "event_p50": never or scaled(percentile(seen.delays, 0.5), 1e3),
        "event_p99": never or scaled(percentile(seen.delays, 0.99), 1e3),
    }


IDLE: Final = Scenario(
    name="idle",
    what="Idle event streams (`--streams`; by default 10,000) in one process; then hello-world"
    " beside them, and one event to all",
    contestants=(OUR_EVENTS, UVICORN),
    measure=_measure,
    columns=(
        Column("streams", "streams open"),
        Column("each", "RSS bytes each", plotted=True),
        Column("memory", "RSS, MiB", 1),
        Column("idle_cpu", "idle CPU, %", 2),
        Column("rate_without", "requests/s without"),
        Column("rate", "requests/s beside"),
        Column("event_p50", "event p50, ms", 1),
        Column("event_p99", "event p99, ms", 1, plotted=True),
    ),
    targets=(
        Target("RSS of a stream", ("ours", "each"), at_most=4096, unit=" bytes", digits=0),
        Target("requests/s kept beside them", ("ours", "kept"), at_least=0.9),
        Target("idle CPU", ("ours", "idle_cpu"), at_most=2.0, unit=" %"),
        Target("event p50", ("ours", "event_p50"), at_most=75.0, unit=" ms", digits=1),
        Target("event p99", ("ours", "event_p99"), at_most=200.0, unit=" ms", digits=1),
    ),
    note="An event's time runs from its making in the server to its reading by the one client that"
    " has all streams. Where not all could be opened, nothing more is told.",
)
