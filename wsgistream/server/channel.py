"""Channel: waitress's connection, which accounts for its answers and does not wait for ever."""

from __future__ import annotations

import fcntl
import logging
import socket
import struct
import sys
import termios
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from waitress.channel import HTTPChannel

from wsgistream.rules.access import Access
from wsgistream.server.parser import Parser
from wsgistream.server.sending import SendingChannel
from wsgistream.server.tasks import ApplicationTask, RefusalTask

#: Where the lines of the access log go.
ACCESS: Final = logging.getLogger("wsgistream.access")

#: What is overridden or read of waitress beyond its documentation; a test looks for each.
INTERNALS: Final = {
    HTTPChannel: (
        "addr",
        "adj",
        "connected",
        "error_task_class",
        "handle_close",
        "handle_expt",
        "last_activity",
        "outbuf_lock",
        "parser_class",
        "readable",
        "request",
        "requests",
        "task_class",
        "total_outbufs_len",
    ),
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


class Channel(SendingChannel):
    """A connection that logs each answer when its last byte is sent, or when it is cut off."""

    task_class = ApplicationTask
    error_task_class = RefusalTask
    parser_class = Parser

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._sent = 0
        self._lost = 0
        self._held = 0
        self._answers: deque[_Answer] = deque()
        super().__init__(*arguments, **options)

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
        self._settle()

    def handle_close(self) -> None:
        with self.outbuf_lock:
            self._lost += self.total_outbufs_len
            super().handle_close()
        self._settle()

    def handle_expt(self) -> None:
        # HTTP knows no urgent data; left unread, it would wake the loop for ever.
        self.handle_close()

    def close_if_stalled(self, now: float) -> None:
        """Close the connection of a client that has long taken nothing of what waits for it.

        A thread may wait with it; and a slow client, for which the system holds the bytes of
        minutes, must not be taken for one of these. So ends one that never says what it wants.
        """
        if self.request is not None:
            if not self.readable():
                self.request.began = now  # it is we who do not read the rest of it yet
            elif self.request.is_late(now):
                self.handle_close()
        with self.outbuf_lock:
            if not self.total_outbufs_len:
                return
            held = _bytes_held(self.socket)
            if held != self._held:
                self._held, self.last_activity = held, now
            elif now - self.last_activity > self.adj.channel_timeout:
                self.handle_close()

    def reset_in_the_end(self) -> None:
        """Have the connection end in a reset, which a client cannot take for an end of its own."""
        at_once = struct.pack("ii", 1, 0)
        with self.outbuf_lock:
            if self.connected:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)

    def account(self, access: Access, size: int, failed: bool) -> None:
        """Take up an answer whose task has ended; its bytes may still wait to be sent."""
        with self.outbuf_lock:
            self._answers.append(_Answer(access, size, self.position(), failed))
        self._settle()

    def _settle(self) -> None:
        """Write the lines of the answers that are over."""
        with self.outbuf_lock:
            while self._answers and (self._sent >= self._answers[0].stop or not self.connected):
                answer = self._answers.popleft()
                unsent = max(0, answer.stop - self._sent)
                self.write_line(
                    answer.access._replace(
                        sent=max(0, answer.size - unsent),
                        duration=time.time() - answer.access.began,
                        aborted=answer.failed or unsent > 0,
                    )
                )


def _bytes_held(sock: socket.socket) -> int:
    """Count the bytes that the system has taken and the client's side has not; 0: it cannot."""
    count = bytearray(4)
    with suppress(OSError):
        fcntl.ioctl(sock, termios.TIOCOUTQ, count)
    return int.from_bytes(count, sys.byteorder)


def logging_channel(line: Callable[[Access], str]) -> type[Channel]:
    """Make a channel class that logs in the format that ``line`` writes."""

    def write_line(_: Channel, access: Access) -> None:
        ACCESS.info("%s", line(access))

    return type("LoggingChannel", (Channel,), {"write_line": write_line})
