"""Memory: a source of bytes that are already there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from wsgistream.types import Meta, Slice


class Memory:
    """``data`` as a source; the size in ``meta`` is that of ``data``."""

    file = None

    def __init__(self, data: bytes, meta: Meta | None = None) -> None:
        self._data = data
        meta = meta or Meta(len(data))
        self.meta = meta if meta.size == len(data) else replace(meta, size=len(data))

    def slice(self, piece: Slice) -> bytes:
        return self._data[piece.start : piece.stop]

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        yield self._data[start:stop]

    def close(self) -> None:
        """Nothing is held."""
