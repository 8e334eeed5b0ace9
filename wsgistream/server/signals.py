"""Signals: heard by those who serve, and not interrupting them."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_HEARD: Final = (signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopping_on_signals(stop: Callable[[], object]) -> Iterator[None]:
    """Call ``stop`` on SIGTERM and SIGINT; only in the main thread."""

    def handle(number: int, frame: FrameType | None) -> None:
        stop()

    with _handled((signal.SIGTERM, signal.SIGINT), handle):
        yield


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """Give both ends of a pipe: to read from, and to write to."""
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)


@contextmanager
def signals_heard() -> Iterator[tuple[deque[int], int, int]]:
    """Collect signals instead of being interrupted by them.

    Gives them, and both ends of a pipe that can be read when there is one.
    """
    heard: deque[int] = deque()

    def hear(number: int, frame: FrameType | None) -> None:
        heard.append(number)

    with pipe() as (wakes, wake):
        os.set_blocking(wakes, False)
        os.set_blocking(wake, False)
        woken = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        try:
            with _handled(_HEARD, hear):
                yield heard, wakes, wake
        finally:
            signal.set_wakeup_fd(woken)


@contextmanager
def _handled(
    numbers: Iterable[int], handler: Callable[[int, FrameType | None], None]
) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
