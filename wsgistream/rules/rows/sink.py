"""Sink: what the writers of pyarrow take for a file, and whoever has them write reads."""

from __future__ import annotations

from typing import Any


class Sink:
    """What was written, until it is taken."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None: ...

    def take(self) -> bytes:
        """Give what was written since the last time."""
        data = b"".join(self._parts)
        self._parts.clear()
        return data
