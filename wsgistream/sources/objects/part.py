"""Part: successive bytes of an object, on their way from its store to a client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from wsgistream.sources.objects.binding import attempt
from wsgistream.sources.objects.failures import StoreFailure
from wsgistream.sources.objects.resting import PAUSE, Resting
from wsgistream.types import Slice
from wsgistream.wsgi.bodies import OnePass

#: Bytes of a chunk, at least: from 64 KiB to 1 MiB they cost the same, and these are there first.
CHUNK: Final = 64 * 1024

#: Bytes that are asked for at once, and sent in one chunk, where nothing is to be left over.
BLOCK: Final = 128 * 1024

#: Bytes that a client takes without a pause when it keeps pace; the system may hold half of them.
PACE: Final = 8 * 1024 * 1024

#: Bytes between two ranges that are read and dropped, and cost less than a request of their own.
NEAR: Final = 256 * 1024

# How often an answer may break off without a byte, one after the other, before it is given up.
_ATTEMPTS: Final = 3


class Answer:
    """What the store sends of an object, one chunk after the other."""

    def __init__(self, result: Any) -> None:
        self.start: int
        self.stop: int
        self.start, self.stop = result.range
        self._position = self.start
        size = self.stop - self.start
        smallest = size if 0 < size <= BLOCK else CHUNK
        # The result itself may hold the store's connection.
        self._chunks: Iterator[bytes] = attempt(result.stream, min_chunk_size=smallest)
        self._rest = memoryview(b"")

    @property
    def is_over(self) -> bool:
        """Whether all of it was read."""
        return self._position == self.stop

    def read(self, most: int | None = None) -> bytes:
        """Read a chunk: of no more than so many bytes, or as it comes.

        Raises a StoreFailure where the answer breaks off, which is an end that comes too soon, too.
        """
        chunk: bytes | memoryview = self._rest or attempt(next, self._chunks)
        self._rest = memoryview(b"")
        if most is not None and len(chunk) > most:
            # The library's chunks may be many times as large as is asked for.
            self._rest = memoryview(chunk)[most:]
            chunk = chunk[:most]
        self._position += len(chunk)
        return bytes(chunk)  # the same, if it is bytes


class Part:
    """The bytes that ``answer`` has begun to bring.

    ``ask`` asks the store for some of them, and raises what its failure is. An answer that breaks
    off is gone on with at its next byte. So is one that was given up while the client paused: in
    blocks of one chunk each, between which nothing is held, until the client keeps pace.
    """

    def __init__(
        self,
        ask: Callable[[int, int], Answer],
        resting: Resting[Answer],
        answer: Answer,
    ) -> None:
        self._ask = ask
        self._resting = resting
        self._start = self._read = answer.start
        self._stop = answer.stop
        # Bytes that were taken since the client paused.
        self._taken = 0
        self._was_given_up = False
        self._body = OnePass(self._chunks(answer))

    def holds(self, piece: Slice) -> bool:
        """Tell whether a piece is still to come, and soon."""
        return self._read <= piece.start <= self._read + NEAR and piece.stop <= self._stop

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        self._read = stop
        return self._body.read(start - self._start, stop - self._start)

    def close(self) -> None:
        self._body.close()
        self._resting.take(self)

    @property
    def _keeps_pace(self) -> bool:
        return self._taken >= PACE

    def _chunks(self, answer: Answer | None) -> Iterator[bytes]:
        """Read on, until who reads has enough: at their end at the latest."""
        position, failures = self._start, 0
        while True:
            answer = answer or self._go_on(position)
            try:
                chunk = answer.read(None if self._keeps_pace else BLOCK)
            except StoreFailure:
                answer = None
                failures += 1
                if failures == _ATTEMPTS:
                    raise
            else:
                failures = 0
                position += len(chunk)
                is_over = answer.is_over
                if not is_over:
                    self._resting.keep(self, answer, keeps_pace=self._keeps_pace)
                answer = None  # for nothing else holds it now
                since = self._resting.clock()
                yield chunk
                paused = self._resting.clock() - since >= PAUSE
                self._taken = 0 if paused else self._taken + len(chunk)
                answer = self._resting.take(self)
                self._was_given_up |= not is_over and answer is None

    def _go_on(self, position: int) -> Answer:
        """Ask for what comes next: all there is, or a block."""
        in_blocks = self._was_given_up and not self._keeps_pace
        return self._ask(position, min(position + BLOCK, self._stop) if in_blocks else self._stop)
