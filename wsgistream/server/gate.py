"""Gate: a lock that can be waited in, and that is small as long as nobody does."""

from __future__ import annotations

import threading


class Gate(type(threading.RLock())):  # type: ignore[misc]
    """What a ``threading.Condition`` is to its connection, at a fraction of the room."""

    __slots__ = ("_condition",)

    def __init__(self) -> None:
        self._condition: threading.Condition | None = None

    def wait(self) -> None:
        """Let others in until one of them notifies; only inside."""
        if self._condition is None:
            self._condition = threading.Condition(self)
        self._condition.wait()

    def notify(self) -> None:
        """Wake one who waits, if anybody does; only inside."""
        if self._condition is not None:
            self._condition.notify()
