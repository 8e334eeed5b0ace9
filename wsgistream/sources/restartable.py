"""Restartable: a source of what can be made anew from any byte on, and so has ranges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from wsgistream.types import Body, Meta
from wsgistream.wsgi.bodies import Truncated, close
from wsgistream.wsgi.chunks import check_size
from wsgistream.wsgi.text import as_bytes


class Restartable:
    """What ``make(start)`` gives, an iterable of the bytes from offset ``start`` on, as a source.

    ``length`` (bytes) is that of the whole. Each range is made by itself, so several are given in
    any order; what was made is closed as soon as its range has been read, and is read no further.
    Raises TypeError or ValueError for what is no function, or no length.
    """

    file = None

    def __init__(
        self,
        make: Callable[[int], Iterable[bytes]],
        length: int,
        meta: Meta | None = None,
        *,
        pausable: bool = True,
    ) -> None:
        if not callable(make):
            raise TypeError(f"Give a function that makes the bytes from an offset, not {make!r}.")
        self.make = make
        self.length = check_size("length", length)
        self.meta = replace(meta or Meta(None), size=length)
        self.pausable = pausable
        self._made: Body = ()

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Make the bytes from ``start`` on, and read them up to ``stop`` (bytes).

        Raises Truncated if there are more of them than ``length`` says.
        """
        self.close()
        self._made = made = self.make(start)
        chunks = map(as_bytes, made)
        left = stop - start
        try:
            while left > 0 and (chunk := next(chunks, None)) is not None:
                left -= len(chunk)
                if left <= 0 and stop == self.length and (left or any(chunks)):
                    raise Truncated("The source gave more bytes than it announced.")
                yield chunk[:left] if left < 0 else chunk
        finally:
            self.close()

    def close(self) -> None:
        made, self._made = self._made, ()
        close(made)
