"""A clock for what takes time."""

from __future__ import annotations


class Clock:
    """A time that goes on when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now
