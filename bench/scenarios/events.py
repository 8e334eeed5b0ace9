"""Events: to thousands of viewers at once, and how long all others wait meanwhile."""

from __future__ import annotations

import math
import time
from typing import Final

from bench.clients import latencies
from bench.model import KIB, Column, Figures, Scenario, Target, Trial
from bench.numbers import percentile, ratio, scaled
from bench.servers import OUR_EVENTS, SSE_STARLETTE
from bench.streams import tell_all

_PAUSE: Final = 0.005


def _measure(trial: Trial) -> Figures:
    seconds, warm = trial.settings.seconds, trial.settings.warm_seconds
    sign = trial.place.temporary / "all-are-open"
    sign.unlink(missing_ok=True)
    job = trial.crew.start(tell_all, trial.server, trial.settings.streams, seconds + 2 * warm, sign)
    while not (sign.exists() or job.is_over()):
        time.sleep(_PAUSE)
    others = []
    if sign.exists():
        time.sleep(warm)
        others = trial.crew.run(latencies, trial.server.port, "/hello", seconds, _PAUSE)
    told = job.result()
    # What the few that were answered have is no answer to what the many would have.
    never = None if told.streams == told.wanted else math.inf
    return {
        "streams": float(told.streams),
        "each": never or scaled(ratio(told.memory_grown, told.streams), 1 / KIB),
        "event_p50": never or scaled(percentile(told.delays, 0.5), 1e3),
        "event_p99": never or scaled(percentile(told.delays, 0.99), 1e3),
        "cpu": never or scaled(told.computed, 1e6),
        "p50": never or scaled(percentile(others, 0.5), 1e3),
        "p99": never or scaled(percentile(others, 0.99), 1e3),
    }


def _over(what: str, key: str, at_most: float) -> Target:
    theirs = SSE_STARLETTE.name
    return Target(f"{what} over theirs", ("ours", key), at_most=at_most, over=(theirs, key))


EVENTS: Final = Scenario(
    name="events",
    what="An event to all of many viewers (`--streams`; by default 10,000) of one process, and"
    " then one after the other, with a request for 1 KiB every 5 ms beside them",
    contestants=(OUR_EVENTS, SSE_STARLETTE),
    measure=_measure,
    columns=(
        Column("streams", "viewers"),
        Column("each", "RSS each, KiB", 1, plotted=True),
        Column("event_p50", "event p50, ms", 1),
        Column("event_p99", "event p99, ms", 1, plotted=True),
        Column("cpu", "CPU an event and viewer, µs", 1, plotted=True),
        Column("p50", "others p50, ms", 2),
        Column("p99", "others p99, ms", 2, plotted=True),
    ),
    targets=(
        _over("RSS of a viewer", "each", 0.2),
        _over("event p99", "event_p99", 1.0),
        _over("CPU", "cpu", 1.0),
        Target("others p99", ("ours", "p99"), at_most=20.0, unit=" ms"),
    ),
    note="An event's time runs from its making in the server to its reading by the one client that"
    " has all streams. Where not all could be opened, nothing more is told.",
)
