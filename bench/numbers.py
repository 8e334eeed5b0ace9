"""Numbers: the few that are made of many."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence


def percentile(values: Sequence[float], share: float) -> float | None:
    """Find the value that ``share`` of all do not exceed (nearest rank); None: there is none.

    What was never answered is infinite, and so is a percentile that falls on it: None as well.
    """
    if not values:
        return None
    rank = max(1, math.ceil(share * len(values)))
    return finite(sorted(values)[rank - 1])


def median(values: Iterable[float | None]) -> float | None:
    """Find the middle one; a round without an answer counts as the worst; None: most are such."""
    ordered = sorted(math.inf if value is None else value for value in values)
    if not ordered:
        return None
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return finite(ordered[middle])
    return finite((ordered[middle - 1] + ordered[middle]) / 2)


def ratio(above: float | None, below: float | None) -> float | None:
    """Divide, where there is something to divide."""
    return None if above is None or not below else above / below


def difference(more: float | None, less: float | None) -> float | None:
    """Subtract, where there is something to subtract."""
    return None if more is None or less is None else more - less


def finite(value: float) -> float | None:
    """Turn what never came into None."""
    return value if math.isfinite(value) else None
