"""Known: what a store said of its keys a moment ago, so that it need not be asked again."""

from __future__ import annotations

import errno
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

#: Keys that are remembered.
MOST: Final = 10_000


class Head(NamedTuple):
    """What is said of an object, without a byte of it."""

    meta: Mapping[str, Any]
    attributes: Mapping[str, str]


class _Kept(NamedTuple):
    head: Head | None
    until: float


class Known:
    """The heads of objects by their keys, each for ``seconds``; also of keys that have none."""

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        # The oldest first.
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def head(self, key: str) -> Head | None:
        """Return what was said of an object; None: nothing is known."""
        kept = self._entry(key)
        return None if kept is None else kept.head

    def check(self, key: str) -> None:
        """Raise FileNotFoundError where there was no object a moment ago."""
        kept = self._entry(key)
        if kept is not None and kept.head is None:
            raise FileNotFoundError(errno.ENOENT, "There was no such object.")

    def _entry(self, key: str) -> _Kept | None:
        kept = self._kept.get(key)
        return kept if kept is not None and kept.until > self._clock() else None

    def keep(self, key: str, head: Head | None) -> None:
        if not self._seconds:
            return
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = _Kept(head, self._clock() + self._seconds)
            if len(self._kept) > MOST:
                self._kept.popitem(last=False)

    def forget(self, key: str) -> None:
        with self._lock:
            self._kept.pop(key, None)
