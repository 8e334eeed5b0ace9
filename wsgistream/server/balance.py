"""Balance: which of the processes that share a socket lets the next client in."""

from __future__ import annotations

from typing import Final

from wsgistream.server.counters import Counters

#: Seconds that a client is left to a process that has fewer; then whoever can lets it in.
PATIENCE: Final = 0.002

# Connections that one may have more than another: a few, or of many a part.
_FEW: Final = 4
_PART: Final = 8


class Balance:
    """How many connections this process has beside the others.

    Of the processes that wait for a client any may wake first; and where a crowd comes at once, the
    first to wake would have all of it, for as long as they stay, and the others nothing to do.
    """

    def __init__(self, counters: Counters, processes: int) -> None:
        self._counters = counters
        # Those that end have their places for a while yet.
        self._places = 2 * processes

    def is_ahead(self, connections: int) -> bool:
        """Note how many there are, and tell whether another should have the next."""
        self._counters.connect(connections)
        fewest = self._counters.fewest(self._places)
        return fewest is not None and connections > fewest + max(_FEW, fewest // _PART)
