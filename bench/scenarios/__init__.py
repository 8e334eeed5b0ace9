"""Scenarios: what can be measured, in the order of the report."""

from __future__ import annotations

from typing import Final

from bench.model import Scenario
from bench.scenarios.beside import BESIDE
from bench.scenarios.compress import COMPRESS
from bench.scenarios.events import EVENTS
from bench.scenarios.generator import GENERATOR
from bench.scenarios.idle import IDLE
from bench.scenarios.middleware import MIDDLEWARE
from bench.scenarios.objects import OBJECTS, OBJECTS_MEMORY
from bench.scenarios.paced import PACED
from bench.scenarios.ranges import RANGES
from bench.scenarios.rows import ROWS, ROWS_MEMORY, ROWS_SQLITE, ROWS_SQLITE_MEMORY
from bench.scenarios.slow_clients import SLOW_CLIENTS
from bench.scenarios.small import SMALL
from bench.scenarios.throughput import THROUGHPUT
from bench.scenarios.workers import WORKERS

SCENARIOS: Final[dict[str, Scenario]] = {
    scenario.name: scenario
    for scenario in (
        THROUGHPUT,
        PACED,
        BESIDE,
        RANGES,
        SMALL,
        GENERATOR,
        IDLE,
        EVENTS,
        WORKERS,
        SLOW_CLIENTS,
        MIDDLEWARE,
        COMPRESS,
        ROWS,
        ROWS_SQLITE,
        ROWS_MEMORY,
        ROWS_SQLITE_MEMORY,
        OBJECTS,
        OBJECTS_MEMORY,
    )
}
