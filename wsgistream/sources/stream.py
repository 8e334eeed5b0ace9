"""Stream: a source of any iterable of bytes or text, read once and never ahead."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace

from wsgistream.types import UNKNOWN, Meta
from wsgistream.wsgi.bodies import OnePass, Truncated, close
from wsgistream.wsgi.changing import ChangedStream
from wsgistream.wsgi.text import Chunk, Encoder
from wsgistream.wsgi.waiting import Wakeable


class Stream(OnePass):
    """``body`` as a source; if ``meta`` has a size (bytes) it has ranges and is held to it.

    Text is encoded by ``charset``. ``end`` is added where the body has come to its end, and is
    part of the size. ``pausable``: any thread may go on reading it; see ``wsgistream.Pausable``.
    """

    file = None

    def __init__(
        self,
        body: Iterable[Chunk],
        meta: Meta | None = None,
        *,
        pausable: bool = True,
        charset: str = "utf-8",
        end: Chunk = b"",
    ) -> None:
        self.body = body
        self.pausable = pausable
        meta = meta or Meta(None)
        self.meta = meta if meta.one_pass else replace(meta, one_pass=True)
        self._encoder = Encoder(charset, end)
        self._bytes: Generator[bytes, None, None] | None = None
        super().__init__(())

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        if self._bytes is None:
            size = self.meta.size
            self._bytes = self._encoded() if size is None else _held_to(size, self._encoded())
            self._chunks = self._bytes
        # Of the whole nothing is to be cut off.
        whole = start == 0 and stop in (self.meta.size, UNKNOWN)
        return self._bytes if whole else super().read(start, stop)

    def idle(self) -> Wakeable | None:
        """Give the whole as a body that may be idle, if it is one; it is closed instead of this."""
        if self.meta.size is None and isinstance(self.body, Wakeable):
            return ChangedStream(self.body, self._encoder, quick=True)
        return None

    def close(self) -> None:
        if self._bytes is not None:
            self._bytes.close()
        body, self.body = self.body, ()
        close(body)

    def _encoded(self) -> Generator[bytes, None, None]:
        for chunk in self.body:
            yield chunk if type(chunk) is bytes else self._encoder.feed(chunk)
        if end := self._encoder.finish():
            yield end


def _held_to(size: int, chunks: Iterator[bytes]) -> Generator[bytes, None, None]:
    """Give no more than ``size`` bytes, the last of them when it is sure that nothing follows.

    Raises Truncated instead of the last, so that the client sees that the size is wrong.
    """
    left = size
    for chunk in chunks:
        left -= len(chunk)
        if left <= 0 and (left or any(chunks)):
            raise Truncated("The source gave more bytes than it announced.")
        yield chunk
