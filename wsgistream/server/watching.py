"""Watching: what a client does, or does not, while its answer is made; and what time does."""

from __future__ import annotations

import fcntl
import socket
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from waitress.channel import HTTPChannel

from wsgistream.server.accounts import AccountingChannel

#: What is overridden or read of waitress beyond its documentation; a test looks for each.
INTERNALS: Final = {
    HTTPChannel: (
        "adj",
        "close_when_flushed",
        "connected",
        "handle_close",
        "handle_read",
        "handle_write",
        "last_activity",
        "outbuf_lock",
        "readable",
        "request",
        "requests",
        "server",
        "total_outbufs_len",
        "will_close",
    ),
}

#: Seconds without progress after which a client that has stopped sending is taken to have left.
_GONE: Final = 0.5

# Seconds within which a client that was sent something need not be asked whether it takes any.
_RECENT: Final = 2.0


class WatchingChannel(AccountingChannel):
    """A connection whose answer waits for its client, or for news; all here is the loop's alone."""

    requests: list[Any]
    #: The answer that is being made; None between answers.
    _task: Any = None
    #: The next step waits for the client to take something, or for news.
    _full = _idle = False
    #: News that the loop has not heard yet; news that it has, and a step has not.
    _woken = _news = False
    #: While its answer is made, the client has said something more, or has stopped sending.
    _spoke = _ended = False
    _held = 0

    def resume(self) -> None:
        """Go on with the answer, or with the next."""

    def changed(self) -> None:
        self.server.loop.call(partial(self.server.loop.watch, self))

    def waker(self) -> Callable[[], None]:
        """Give what is to be called when there is news for an idle answer; from any thread."""
        return self._wake

    def _wake(self) -> None:
        if not self._woken:
            self._woken = True
            self.server.loop.line_up(self)  # with thousands, whose news it may be as well

    def hear(self) -> None:
        """Take up the news that there may be."""
        self._woken = False
        if self._idle:
            self.resume()
        else:
            self._news = True

    # What the client does

    def readable(self) -> bool:
        if self.total_outbufs_len or self.will_close or self.close_when_flushed:
            return False
        if self._task is None or self._spoke:
            return self._may_ask()
        return not self._ended

    def handle_read(self) -> None:
        if self.requests and not self._peek():
            return
        if self._may_ask():
            super().handle_read()

    def _may_ask(self) -> bool:
        """Tell whether the client may ask for one thing more before it has all the answers."""
        ahead: int = self.adj.channel_request_lookahead
        return len(self.requests) <= ahead

    def _peek(self) -> bool:
        """Tell whether the client has said more while its answer is made; notes if it stopped."""
        try:
            data = self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            self.handle_close()
            return False
        self._spoke = bool(data)
        self._ended = not data
        if self._ended and self.is_idle():
            self.handle_close()
        return self._spoke

    def handle_write(self) -> None:
        super().handle_write()
        if self._full and self.total_outbufs_len <= self._low():
            self.resume()

    def _low(self) -> int:
        """Count the bytes down to which a queue is drained before an answer goes on."""
        return int(self.adj.outbuf_high_watermark) // 4

    def handle_close(self) -> None:
        super().handle_close()
        if self._full or self._idle:
            self.resume()

    # What time does

    def look(self, now: float) -> None:
        """Close the connection of a client that has long given or taken nothing."""
        if self.request is not None and self._is_late(now):
            self.handle_close()
        elif self.total_outbufs_len:
            self._close_if_stalled(now)
        elif not self.requests:
            if now - self.last_activity > self.adj.channel_timeout:
                self.handle_close()
        elif self._ended:
            # What waits for its time will go on by itself.
            if not self._idle and now - self.last_activity > _GONE and self._has_begun():
                self.handle_close()
        elif self._idle:
            self._beat(now)

    def _has_begun(self) -> bool:
        return self._task is not None and bool(self._task.wrote_header)

    def _is_late(self, now: float) -> bool:
        """Tell whether a head has had its time; while an answer is made, it has not begun."""
        if self.requests or self.total_outbufs_len:
            self.request.began = now
        return bool(self.request.is_late(now))

    def _close_if_stalled(self, now: float) -> None:
        """Close the connection of a client that has long taken nothing of what waits for it.

        A thread may wait with it; and a slow client, for which the system holds the bytes of
        minutes, must not be taken for one of these.
        """
        timeout = self.adj.channel_timeout
        if now - self.last_activity < min(_RECENT, timeout / 4):
            return
        with self.outbuf_lock:
            held = _bytes_held(self.socket)
            if held != self._held:
                self._held, self.last_activity = held, now
            elif now - self.last_activity > timeout:
                self.handle_close()

    def _beat(self, now: float) -> None:
        task = self._task
        if now - self.last_activity > task.heartbeat:
            self.last_activity = now
            task.is_silent = True
            self.resume()

    def is_idle(self) -> bool:
        """Tell whether an answer waits for news, which may never come."""
        return self._idle and not self._task.waits_for_time

    def is_busy(self) -> bool:
        """Tell whether an answer is on its way, or a request; not a stream without an end."""
        return not self.is_idle() and bool(
            self.requests or self.request is not None or self.total_outbufs_len
        )


def _bytes_held(sock: socket.socket) -> int:
    """Count the bytes that the system has taken and the client's side has not; 0: it cannot."""
    count = bytearray(4)
    with suppress(OSError):
        fcntl.ioctl(sock, termios.TIOCOUTQ, count)
    return int.from_bytes(count, sys.byteorder)
