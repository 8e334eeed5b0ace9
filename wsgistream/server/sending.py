"""Sending: from a channel's buffers to its socket; what is a file, the system sends by itself."""

from __future__ import annotations

import errno
import os
import time
from typing import Any, Final

from waitress import wasyncore
from waitress.buffers import ReadOnlyFileBasedBuffer
from waitress.channel import HTTPChannel

from wsgistream.wsgi.bodies import Truncated
from wsgistream.wsgi.files import PiecesFile, plain_file

#: Bytes that one client is sent in one turn, so that a fast one does not keep the others waiting.
BUDGET: Final = 4 * 1024 * 1024

# Bytes that the system is asked to send at once.
_CALL: Final = 1024 * 1024

# What a file system says that the system cannot send from: it is read instead.
_UNSUPPORTED: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})

#: What is overridden or read of waitress beyond its documentation; a test looks for each.
INTERNALS: Final = {
    HTTPChannel: (
        "_flush_some",
        "connected",
        "handle_close",
        "last_activity",
        "outbuf_lock",
        "outbufs",
        "send",
        "sendbuf_len",
        "total_outbufs_len",
    ),
    ReadOnlyFileBasedBuffer: ("close", "file", "get", "remain", "skip"),
    wasyncore: ("_DISCONNECTED",),
}


class SendingChannel(HTTPChannel):  # type: ignore[misc]
    """A connection that sends files without a copy, and no more of anything than its share."""

    def taken(self, count: int) -> None:
        """Note that the socket has taken bytes."""

    def send(self, data: bytes, do_close: bool = True) -> int:
        # waitress may come here once more in the turn that has closed the connection.
        count = int(super().send(data, do_close)) if self.connected else 0
        self.taken(count)
        return count

    def _flush_some(self, do_close: bool = True) -> bool:
        # waitress's loop sends without the lock when no request is left, and a thread that has
        # just answered the last may be telling the client to continue: the same bytes, twice.
        with self.outbuf_lock:
            sent = 0
            while sent < BUDGET and self._has_next():
                count = self._send_next(self.outbufs[0], do_close)
                if not count:
                    break
                sent += count
            if sent:
                self.last_activity = time.time()
            return sent > 0

    def _has_next(self) -> bool:
        """Drop the buffers that are empty, but for the last, which is written to."""
        while not self.outbufs[0].__len__() and len(self.outbufs) > 1:
            self.outbufs.pop(0).close()
        return bool(self.outbufs[0].__len__())

    def _send_next(self, buffer: Any, do_close: bool) -> int:
        span = _span(buffer)
        count = None if span is None else self._send_file(*span, do_close)
        if count is None:
            count = self.send(buffer.get(self.sendbuf_len), do_close)
        if count:
            buffer.skip(count, True)
            self.total_outbufs_len -= count
        return count

    def _send_file(self, descriptor: int, start: int, size: int, do_close: bool) -> int | None:
        """Send from a file; None: the system cannot. Raises Truncated where the file has ended."""
        if not self.connected:
            return 0
        try:
            count = os.sendfile(self.socket.fileno(), descriptor, start, min(size, _CALL))
        except BlockingIOError:
            return 0
        except OSError as error:
            if error.errno in _UNSUPPORTED:
                return None
            if error.errno not in wasyncore._DISCONNECTED:
                raise
            if do_close:
                self.handle_close()
            return 0
        if not count:
            raise Truncated("The file has shrunk while it was being sent.")
        self.taken(count)
        return count


def _span(buffer: Any) -> tuple[int, int, int] | None:
    """Find what stands next in a buffer: descriptor, start and size; None: no part of a file."""
    if type(buffer) is not ReadOnlyFileBasedBuffer or not hasattr(os, "sendfile"):
        return None
    if isinstance(buffer.file, PiecesFile):
        return buffer.file.span()
    plain = plain_file(buffer.file)
    return None if plain is None else (plain.fileno(), buffer.file.tell(), buffer.remain)
