"""Accounts: what each answer of a connection has really sent, for the log and the counters."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from waitress.channel import HTTPChannel

from wsgistream.rules.access import Access
from wsgistream.server.sending import SendingChannel

#: Where the lines of the access log go.
ACCESS: Final = logging.getLogger("wsgistream.access")

#: What is overridden or read of waitress beyond its documentation; a test looks for each.
INTERNALS: Final = {
    HTTPChannel: ("connected", "handle_close", "outbuf_lock", "total_outbufs_len"),
}


class _Answer(NamedTuple):
    """An answer on its way."""

    access: Access | None
    size: int
    """Bytes of the body, without what frames its chunks."""
    stop: int
    """The end of the answer, in bytes since the connection began."""
    failed: bool


class _Accounted(Protocol):
    """What an account is made from."""

    made: int

    def access(self) -> Access: ...


class AccountingChannel(SendingChannel):
    """A connection that tells of each answer when its last byte is sent, or when it is cut off."""

    _sent = 0
    _lost = 0
    _answers: tuple[_Answer, ...] = ()

    #: Whether there is a log to write to.
    logs = False

    def write_line(self, access: Access) -> None:
        """Log an answer that is over; here there is no log."""

    def position(self) -> int:
        """Count the bytes that were to be sent since the connection began, whatever became of them.

        They are sent, or wait, or were lost when it was closed.
        """
        with self.outbuf_lock:
            return int(self._sent + self.total_outbufs_len + self._lost)

    def taken(self, count: int) -> None:
        self._sent += count
        if self._answers:
            self._settle()

    def handle_close(self) -> None:
        with self.outbuf_lock:
            self._lost += self.total_outbufs_len
            super().handle_close()
            self._settle()

    def account(self, task: _Accounted, failed: bool) -> None:
        """Take up an answer whose task has ended; its bytes may still wait to be sent."""
        access = task.access() if self.logs else None
        with self.outbuf_lock:
            if self.connected and not self.total_outbufs_len:
                self._tell(access, task.made, failed)
            else:
                answer = _Answer(access, task.made, self.position(), failed)
                self._answers = (*self._answers, answer)
                self._settle()

    def _settle(self) -> None:
        """Tell of the answers that are over."""
        while self._answers and (self._sent >= self._answers[0].stop or not self.connected):
            answer = self._answers[0]
            self._answers = self._answers[1:]
            unsent = max(0, answer.stop - self._sent)
            self._tell(answer.access, max(0, answer.size - unsent), answer.failed or unsent > 0)

    def _tell(self, access: Access | None, sent: int, aborted: bool) -> None:
        self.server.counters.add(sent, aborted)
        if access is not None:
            duration = time.time() - access.began
            self.write_line(access._replace(sent=sent, duration=duration, aborted=aborted))


def logging_channel(
    kind: type[AccountingChannel], line: Callable[[Access], str]
) -> type[AccountingChannel]:
    """Make a kind of channel that logs in the format that ``line`` writes."""

    def write_line(_: AccountingChannel, access: Access) -> None:
        told = line(access)
        if ACCESS.isEnabledFor(logging.INFO):
            # Not by info(), which would look for its caller each time.
            said = ACCESS.makeRecord(ACCESS.name, logging.INFO, __file__, 0, "%s", (told,), None)
            ACCESS.handle(said)

    return type("LoggingChannel", (kind,), {"logs": True, "write_line": write_line})
