"""Back-off: when the next process may start after one has died."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

#: Seconds after which a process has lived: its death is an accident, and not the rule.
LIVED: Final = 10.0

#: Seconds to wait after the first that has not lived; each further one doubles them.
SHORTEST: Final = 0.1
LONGEST: Final = 10.0


class BackOff:
    """Lets the next start at once, until processes die young: then later and later.

    ``clock`` gives seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pause = 0.0
        self._until = clock()

    def left(self) -> float:
        """Tell how many seconds the next start has to wait."""
        return max(0.0, self._until - self._clock())

    def died(self, lived: float) -> None:
        """Take note of a death after so many seconds of life."""
        if lived >= LIVED:
            self._pause = 0.0
        elif not self.left():
            # Those that die together are one reason to wait, not several.
            self._pause = min(max(SHORTEST, 2 * self._pause), LONGEST)
            self._until = self._clock() + self._pause
