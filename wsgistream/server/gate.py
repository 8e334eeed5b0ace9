"""Gate: a lock that can be waited in, and that is small as long as nobody does."""

from __future__ import annotations

import threading
from types import TracebackType


class Gate:
    """What a ``threading.Condition`` is to its connection, at a fraction of the room."""

    __slots__ = ("_condition", "_lock")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._condition: threading.Condition | None = None

    def __enter__(self) -> bool:
        return self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()

    def wait(self) -> None:
        """Let others in until one of them notifies; only inside."""
        if self._condition is None:
            self._condition = threading.Condition(self._lock)
        self._condition.wait()

    def notify(self) -> None:
        """Wake one who waits, if anybody does; only inside."""
        if self._condition is not None:
            self._condition.notify()
