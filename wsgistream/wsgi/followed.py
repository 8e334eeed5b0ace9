"""Followed: bodies that tell whoever follows them what is taken of them, and how they end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from wsgistream.types import Body
from wsgistream.wsgi.bodies import Enclosing, close
from wsgistream.wsgi.waiting import Around, Wakeable

_Chunk = TypeVar("_Chunk", bytes, bytes | None)


class Follower(Protocol):
    """Who is told; of the end last, and once."""

    def take(self, size: int, /) -> object:
        """Note a chunk (bytes) that was taken."""

    def take_all(self, chunks: Iterable[bytes], /) -> object:
        """Note that the body was taken as a whole."""

    def finish(self) -> object:
        """Note that there is no more of it."""

    def fail(self, error: BaseException, /) -> object:
        """Note that it cannot go on."""

    def end(self) -> object:
        """Note that it is closed."""


def followed(body: Body, follower: Follower) -> Body:
    """Give a body with the chunks of ``body``, of which a follower is told; a list stays one."""
    if isinstance(body, Wakeable):
        return _FollowedStream(body, follower)
    if isinstance(body, (list, tuple)):
        return _FollowedList(body, follower)
    return _FollowedBody(body, follower)


class _Followed:
    """What is counted of a body that comes in chunks."""

    def __init__(self, body: Any, follower: Follower) -> None:
        self._body = body
        self._follower = follower
        self._closed = False

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            close(self._body)
        except BaseException as error:
            self._follower.fail(error)
            raise
        finally:
            self._follower.end()

    def _counted(self, give: Callable[[], _Chunk]) -> _Chunk:
        try:
            chunk = give()
        except StopIteration:
            self._follower.finish()
            raise
        except BaseException as error:
            self._follower.fail(error)
            raise
        if chunk:
            self._follower.take(len(chunk))
        return chunk


class _FollowedBody(_Followed, Enclosing):
    """Any body."""

    def __init__(self, body: Body, follower: Follower) -> None:
        _Followed.__init__(self, body, follower)
        Enclosing.__init__(self, body)

    def __next__(self) -> bytes:
        return self._counted(super().__next__)


class _FollowedStream(_Followed, Around):
    """A stream that may have nothing to say for now."""

    def __init__(self, body: Wakeable, follower: Follower) -> None:
        _Followed.__init__(self, body, follower)
        Around.__init__(self, body)

    def take(self) -> bytes | None:
        return self._counted(super().take)

    def beat(self) -> bytes:
        return self._counted(super().beat)


class _FollowedList(list[bytes]):
    """A body that is there as a whole, and is sent as such."""

    def __init__(self, body: list[bytes] | tuple[bytes, ...], follower: Follower) -> None:
        super().__init__(body)
        self._body: object = body
        self._follower: Follower | None = follower

    def close(self) -> None:
        follower, self._follower = self._follower, None
        if follower is None:
            return
        follower.take_all(self)
        try:
            close(self._body)
        except BaseException as error:
            follower.fail(error)
            raise
        finally:
            follower.end()
