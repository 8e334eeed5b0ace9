"""Watching: learning what becomes of an answer, without changing a byte of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final, Literal, TypeAlias

from wsgistream.types import Body, Environ, Header, StartResponse, WSGIApp
from wsgistream.wsgi import Reply, call
from wsgistream.wsgi.files import FileWrapper, length_of
from wsgistream.wsgi.followed import followed
from wsgistream.wsgi.waiting import IN_LOOP, WouldBlock

#: What became of an answer: all of it was taken; nobody took the rest; or it could not go on.
Outcome: TypeAlias = Literal["finished", "aborted", "failed"]

# Statuses without a body, whatever the application gives (RFC 9110 §6.4.1).
_BODILESS: Final = ("1", "204", "304")


def watched(
    app: WSGIApp,
    environ: Environ,
    start_response: StartResponse,
    then: Callable[[Transfer], object],
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Body:
    """Answer with an application; ``then`` is told once what became of it, however it ends.

    That is so too for what was only tried in a loop; ``transfer.is_put_off`` says that it was.
    """
    transfer = Transfer(environ, then, clock=clock)
    try:
        reply = call(app, environ)
        try:
            transfer.follow(reply)
        except BaseException:
            reply.close()
            raise
    except BaseException as error:
        transfer.fail(error)
        transfer.end()
        raise
    return transfer.send(reply, start_response)


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
        "method",
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
        self._then: Callable[[Transfer], object] | None = then
        self._clock = clock
        #: That of the request; the environ may be changed by whoever answers it.
        self.method: str = environ["REQUEST_METHOD"]
        self._bodied = self.method != "HEAD"
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
        if not isinstance(reply.body, FileWrapper) or not self._follow_file(reply.body):
            reply.body = followed(reply.body, self)

    def send(self, reply: Reply, start_response: StartResponse) -> Body:
        """Begin a reply that is followed, and return its body; if it cannot begin, that is told."""

        def begin(
            status: str, headers: list[Header], exc_info: Any = None, /
        ) -> Callable[[bytes], object]:
            try:
                return start_response(status, headers, exc_info)
            except BaseException as error:
                self.fail(error)
                raise

        return reply.send(begin)

    @property
    def code(self) -> int:
        """The status that the client gets: 500 for what has failed before its first byte."""
        code = self.status[:3]
        is_answer = code.isascii() and code.isdigit() and (self.sent or self.error is None)
        return int(code) if is_answer else 500

    @property
    def is_put_off(self) -> bool:
        """Whether it was only tried in a loop: the server asks again, in a thread."""
        return isinstance(self.error, WouldBlock) and IN_LOOP in self.environ and not self.sent

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

    def take_all(self, chunks: Iterable[bytes]) -> None:
        """Count a body that the server takes as a whole, unless it could not even begin."""
        if self.outcome is None:
            self.finish()
            for chunk in chunks if self._bodied else ():
                self.take(len(chunk))

    def fail(self, error: BaseException) -> None:
        """Note why the body cannot go on."""
        self.error = error
        self.outcome = "failed"

    def finish(self) -> None:
        """Note that there is no more of the body."""
        self.outcome = "finished"

    def end(self) -> None:
        """Tell what became of it, once; its body is closed."""
        then, self._then = self._then, None
        if then is None:
            return
        self.seconds = self._clock() - self.began
        if self.outcome is None:
            whole = self._expected is not None and self.sent >= self._expected
            self.outcome = "finished" if whole or not self._bodied else "aborted"
        then(self)
