"""Watching: learning what becomes of an answer, without changing a byte of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final, Literal, TypeAlias, TypeVar

from wsgistream.types import Environ
from wsgistream.wsgi import Reply
from wsgistream.wsgi.bodies import close
from wsgistream.wsgi.files import FileWrapper, length_of
from wsgistream.wsgi.waiting import Wakeable

#: What became of an answer: all of it was taken; nobody took the rest; or it could not go on.
Outcome: TypeAlias = Literal["finished", "aborted", "failed"]

_Chunk = TypeVar("_Chunk", bytes, bytes | None)

# Statuses without a body, whatever the application gives (RFC 9110 §6.4.1).
_BODILESS: Final = ("1", "204", "304")


class Transfer:
    """One answer on its way: it counts what the server takes, and tells what became of it.

    Begin it before the application is called, then have it ``follow`` the reply. ``then`` is called
    with it once, when the body has been closed. What the server takes may still be on its way to
    the client; of a list it takes all at once.
    """

    __slots__ = (
        "_bodied",
        "_clock",
        "_expected",
        "_then",
        "began",
        "chunks",
        "environ",
        "error",
        "headers",
        "outcome",
        "seconds",
        "sent",
        "status",
    )

    def __init__(
        self,
        environ: Environ,
        then: Callable[[Transfer], object],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.environ = environ
        self._then = then
        self._clock = clock
        self._bodied = environ["REQUEST_METHOD"] != "HEAD"
        self._expected: int | None = None
        #: The status line, and the headers, as the application gave them.
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        #: Bytes of the body, and the chunks they came in, that the server has taken.
        self.sent = self.chunks = 0
        #: When it began, by the clock, and how long it took until its body was closed; seconds.
        self.began = clock()
        self.seconds = 0.0
        #: Known from the moment the body ends.
        self.outcome: Outcome | None = None
        self.error: BaseException | None = None

    def follow(self, reply: Reply) -> None:
        """Watch the body of a reply; a file stays a file, and a list a list."""
        self.status, self.headers = reply.status, reply.headers
        self._bodied = self._bodied and not reply.status.startswith(_BODILESS)
        length = reply.get("Content-Length") or ""
        self._expected = int(length) if length.isascii() and length.isdigit() else None
        body = reply.body
        if isinstance(body, FileWrapper) and self._follow_file(body):
            return
        if isinstance(body, Wakeable):
            reply.body = _WatchedStream(body, self)
        elif type(body) is list or type(body) is tuple:
            reply.body = _WatchedList(body, self)
        else:
            reply.body = _WatchedBody(body, self)

    def _follow_file(self, body: FileWrapper) -> bool:
        """Have a file tell by its position how much was sent, if it has one."""
        size = length_of(body.file)
        if not size:
            return False
        if self._expected is None:
            self._expected = size
        origin = body.file.tell()

        def position() -> None:
            with suppress(ValueError):  # somebody has closed it
                if self._bodied:
                    self.take(body.file.tell() - origin)

        body.watch(position, self.end)
        return True

    def take(self, size: int) -> None:
        """Count a chunk (bytes) that the server has taken."""
        self.sent += size
        self.chunks += 1

    def fail(self, error: BaseException) -> None:
        """Note why the body cannot go on."""
        self.error = error
        self.outcome = "failed"

    def finish(self) -> None:
        """Note that there is no more of the body."""
        self.outcome = "finished"

    def end(self) -> None:
        """Tell what became of it; its body is closed."""
        self.seconds = self._clock() - self.began
        if self.outcome is None:
            whole = self._expected is not None and self.sent >= self._expected
            self.outcome = "finished" if whole or not self._bodied else "aborted"
        self._then(self)


class _Watched:
    """What is counted of a body that comes in chunks."""

    def __init__(self, body: Any, transfer: Transfer) -> None:
        self._body = body
        self._transfer = transfer
        self._closed = False

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            close(self._body)
        except BaseException as error:
            self._transfer.fail(error)
            raise
        finally:
            self._transfer.end()

    def _counted(self, give: Callable[[], _Chunk]) -> _Chunk:
        try:
            chunk = give()
        except StopIteration:
            self._transfer.finish()
            raise
        except BaseException as error:
            self._transfer.fail(error)
            raise
        if chunk:
            self._transfer.take(len(chunk))
        return chunk


class _WatchedBody(_Watched):
    """Any body."""

    _chunks: Iterator[bytes] | None = None

    @property
    def pausable(self) -> bool:
        return getattr(self._body, "pausable", False) is True

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return self._counted(self._next)

    def _next(self) -> bytes:
        if self._chunks is None:
            self._chunks = iter(self._body)
        return next(self._chunks)


class _WatchedStream(_Watched, Wakeable):
    """A stream that may have nothing to say for now."""

    _body: Wakeable

    def __init__(self, body: Wakeable, transfer: Transfer) -> None:
        super().__init__(body, transfer)
        self.quick = body.quick
        self.heartbeat = body.heartbeat

    def take(self) -> bytes | None:
        return self._counted(self._body.take)

    def beat(self) -> bytes:
        return self._counted(self._body.beat)

    def wake_by(self, waker: Callable[[], object]) -> None:
        self._body.wake_by(waker)


class _WatchedList(list[bytes]):
    """A body that is there as a whole, and is sent as such."""

    def __init__(self, body: list[bytes] | tuple[bytes, ...], transfer: Transfer) -> None:
        super().__init__(body)
        self._transfer: Transfer | None = transfer

    def close(self) -> None:
        transfer, self._transfer = self._transfer, None
        if transfer is None:
            return
        for chunk in self:
            transfer.take(len(chunk))
        transfer.finish()
        transfer.end()
