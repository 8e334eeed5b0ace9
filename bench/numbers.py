"""Numbers: the few made of many; what never came is infinite, and what nobody knows is None."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence


def percentile(values: Sequence[float], share: float) -> float | None:
    """Find the value that ``share`` of all do not exceed (nearest rank)."""
    if not values:
        return None
    rank = max(1, math.ceil(share * len(values)))
    return sorted(values)[rank - 1]


def median(values: Iterable[float | None]) -> float | None:
    """Find the middle one of those that are known."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def ratio(above: float | None, below: float | None) -> float | None:
    """Divide, where there is something to divide; what never came has no ratio to the like."""
    if above is None or not below or (math.isinf(above) and math.isinf(below)):
        return None
    return above / below


def difference(more: float | None, less: float | None) -> float | None:
    """Subtract, where both are known."""
    return None if more is None or less is None else more - less


def scaled(value: float | None, factor: float) -> float | None:
    """Write in another unit what is known."""
    return None if value is None else value * factor
