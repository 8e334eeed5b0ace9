"""Text: making bytes of what an application gives, chunk by chunk."""

from __future__ import annotations

import codecs
from typing import Any, TypeAlias

#: What a body may be made of.
Chunk: TypeAlias = bytes | str


def as_bytes(chunk: Any) -> bytes:
    """Return a chunk of a body as bytes; raises TypeError where it is made of something else."""
    if isinstance(chunk, (bytes, bytearray, memoryview)):
        return bytes(chunk)
    raise TypeError(f"A body is made of bytes, not of {type(chunk).__name__} (PEP 3333).")


class Encoder:
    """Makes bytes of the chunks of one body; ``end`` comes after the last of them.

    Raises TypeError for what is neither bytes nor text, LookupError for text in a charset that is
    none, and UnicodeEncodeError for what the charset does not have.
    """

    __slots__ = ("_charset", "_encoder", "_end")  # each idle stream has one

    def __init__(self, charset: str = "utf-8", end: Chunk = b"") -> None:
        self._charset = charset
        self._end = end
        # One for all chunks: some charsets have a mark at the very beginning, or a state.
        self._encoder: codecs.IncrementalEncoder | None = None

    def feed(self, chunk: Any, /) -> bytes:
        if not isinstance(chunk, str):
            return as_bytes(chunk)
        if self._encoder is None:
            self._encoder = codecs.getincrementalencoder(self._charset)()
        return self._encoder.encode(chunk)

    def finish(self) -> bytes:
        """Give what comes after the last chunk."""
        end = self.feed(self._end) if self._end else b""
        return end if self._encoder is None else end + self._encoder.encode("", final=True)
