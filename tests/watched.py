"""Bodies and sources that tell what was done to them, and fail at what must not be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wsgistream.types import Meta


class WatchedBody:
    """A body that counts how often it was closed and how many chunks were taken."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self.taken = 0
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = next(self._chunks)
        self.taken += 1
        return chunk

    def close(self) -> None:
        self.closed += 1


class UnreadableSource:
    """A source that fails when it is read: who uses it has to do without its bytes."""

    file = None

    def __init__(self, meta: Meta) -> None:
        self.meta = meta
        self.closed = 0

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        raise AssertionError(f"bytes {start} to {stop} were read")

    def close(self) -> None:
        self.closed += 1
