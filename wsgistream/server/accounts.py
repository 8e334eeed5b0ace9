"""Accounts: what each answer of a connection has really sent, for the log and the counters."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from waitress.channel import HTTPChannel

from wsgistream.rules.access import Access
from wsgistream.server.sending import SendingChannel

#: Where the lines of the access log go.
ACCESS: Final = logging.getLogger("wsgistream.access")

#: What is overridden or read of waitress beyond its documentation; a test looks for each.
INTERNALS: Final = {
    HTTPChannel: ("connected", "handle_close", "outbuf_lock", "total_outbufs_len"),
}


@dataclass(slots=True)
class _Answer:
    """An answer on its way."""

    access: Access
    size: int
    """Bytes of the body, without what frames its chunks."""
    stop: int
    """The end of the answer, in bytes since the connection began."""
    failed: bool


class AccountingChannel(SendingChannel):
    """A connection that tells of each answer when its last byte is sent, or when it is cut off."""

    _sent = 0
    _lost = 0
    _answers: Sequence[_Answer] = ()

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

    def account(self, access: Access, size: int, failed: bool) -> None:
        """Take up an answer whose task has ended; its bytes may still wait to be sent."""
        with self.outbuf_lock:
            self._answers = (*self._answers, _Answer(access, size, self.position(), failed))
            self._settle()

    def _settle(self) -> None:
        """Write the lines of the answers that are over."""
        while self._answers and (self._sent >= self._answers[0].stop or not self.connected):
            answer, *rest = self._answers
            self._answers = rest
            unsent = max(0, answer.stop - self._sent)
            self.write_line(
                answer.access._replace(
                    sent=max(0, answer.size - unsent),
                    duration=time.time() - answer.access.began,
                    aborted=answer.failed or unsent > 0,
                )
            )


def log_to(line: Callable[[Access], str]) -> Callable[[Any, Access], None]:
    """Make the method of a channel that logs in the format that ``line`` writes."""

    def write_line(_: Any, access: Access) -> None:
        ACCESS.info("%s", line(access))

    return write_line
