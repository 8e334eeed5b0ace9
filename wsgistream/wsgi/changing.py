"""Changing: a body whose chunks are made into others, one by one."""

from __future__ import annotations

from typing import Any, Final, Protocol

from wsgistream.types import Body
from wsgistream.wsgi import Reply
from wsgistream.wsgi.bodies import Enclosing, close
from wsgistream.wsgi.waiting import Around, Wakeable

# What tells of bytes that will be others (RFC 9110 §8.6, RFC 9530, RFC 1864).
_OF_THE_BYTES: Final = frozenset(
    {"content-length", "content-md5", "content-digest", "digest", "repr-digest"}
)


class Change(Protocol):
    """What is done to the chunks of one body."""

    def feed(self, chunk: Any, /) -> bytes:
        """Make a chunk into another; nothing, if there is not enough for one yet.

        It is what the body gave: raises TypeError where that is nothing to be changed.
        """

    def finish(self) -> bytes:
        """Give what is left at the end; not called for a body that is left or fails."""


def tell_of_change(reply: Reply) -> None:
    """Take away what tells of the bytes as they were; of what will be sent there are no parts."""
    reply.headers = [field for field in reply.headers if field[0].lower() not in _OF_THE_BYTES]
    reply.set("Accept-Ranges", "none")


def changed(body: Body, change: Change, *, quick: bool = False) -> Body:
    """Give a body whose chunks are those of ``body``, changed; that is closed with it.

    A stream that may be idle is so afterwards. ``quick``: the change never takes its time.
    """
    if isinstance(body, Wakeable):
        return ChangedStream(body, change, quick=quick)
    return _ChangedBody(body, change)


class _ChangedBody(Enclosing):
    """Any body; for each of its chunks there is one, if an empty one, so that none is waited for.

    PEP 3333 asks that of a middleware.
    """

    def __init__(self, body: Body, change: Change) -> None:
        super().__init__(body)
        self._change = change
        self._closed = self._ended = False

    def __next__(self) -> bytes:
        if self._ended:
            raise StopIteration
        try:
            chunk = super().__next__()
        except StopIteration:
            self._ended = True
            return self._change.finish()
        return self._change.feed(chunk)

    def close(self) -> None:
        if not self._closed:
            self._closed = self._ended = True
            close(self._body)


class ChangedStream(Around):
    """A stream that may have nothing to say for now."""

    def __init__(self, body: Wakeable, change: Change, *, quick: bool) -> None:
        super().__init__(body)
        self._change = change
        self._ended = False
        self.quick = quick and body.quick

    def take(self) -> bytes | None:
        if self._ended:
            raise StopIteration
        try:
            chunk = self._body.take()
        except StopIteration:
            self._ended = True
            return self._change.finish()
        return None if chunk is None else self._change.feed(chunk)

    def beat(self) -> bytes:
        return self._change.feed(self._body.beat())

    def close(self) -> None:
        self._ended = True
        super().close()
