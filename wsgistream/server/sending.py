"""Sending: from a channel's queue to its socket; what is a file, the system sends by itself."""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from waitress import wasyncore
from waitress.channel import ClientDisconnected, HTTPChannel

from wsgistream.server.gate import Gate
from wsgistream.server.outgoing import FilePart, Outgoing
from wsgistream.wsgi.bodies import Truncated
from wsgistream.wsgi.files import READ_SIZE

#: Bytes that one client is sent in one turn, so that a fast one does not keep the others waiting.
BUDGET: Final = 4 * 1024 * 1024

# Bytes that the system is asked to send at once: more than it has room for, where a client takes
# its time, and so one call for each time that it has some.
_CALL: Final = 2 * 1024 * 1024

#: Bytes that are sooner copied than looked at one by one by the system.
SMALL: Final = 16 * 1024

# What a file system says that the system cannot send from: it is read instead.
_UNSUPPORTED: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})

_SHRUNK: Final = "The file has shrunk while it was being sent."

# "More follows": a head waits for the bytes of the file behind it, and both are one packet.
_MORE: Final = getattr(socket, "MSG_MORE", 0)

#: What is overridden or read of waitress beyond its documentation; a test looks for each.
INTERNALS: Final = {
    HTTPChannel: (
        "_flush_exception",
        "_flush_some",
        "_flush_some_if_lockable",
        "adj",
        "connected",
        "handle_close",
        "last_activity",
        "outbuf_lock",
        "outbufs",
        "total_outbufs_len",
        "will_close",
    ),
    wasyncore: ("_DISCONNECTED",),
}


class _Unsupported(Exception):
    """The system cannot send from this file."""


class SendingChannel(HTTPChannel):  # type: ignore[misc]
    """A connection that sends files without a copy, and no more of anything than its share."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._outgoing = Outgoing()
        # waitress adds its "100 Continue" to the last of these, and closes each.
        self.outbufs = [self._outgoing]
        self.outbuf_lock = Gate()
        self._somebody_waits = False

    def taken(self, count: int) -> None:
        """Note that the socket has taken bytes."""

    def changed(self) -> None:
        """Note that there is something to send, or to end, in the next turn; from any thread."""

    def put(self, parts: Sequence[bytes | FilePart]) -> None:
        """Send what the socket takes at once, and keep the rest.

        Raises ClientDisconnected, and takes nothing, where nobody is left to take it.
        """
        with self.outbuf_lock:
            if not self.connected:
                raise ClientDisconnected
            for part in parts:
                self._outgoing.append(part)
            self.total_outbufs_len = len(self._outgoing)
            self._flush_exception(self._flush_some, do_close=False)
            if self.total_outbufs_len or self.will_close:
                self.changed()

    def put_small(self, data: bytes) -> None:
        """Do as ``put`` does, on the shortest way."""
        with self.outbuf_lock:
            if self.connected and not self.total_outbufs_len:
                try:
                    count = self.socket.send(data)
                except OSError:  # which will be met again
                    count = 0
                else:
                    self.last_activity = time.time()
                    self.taken(count)
                data = data[count:]
            if data:
                self.put([data])

    def has_room(self, size: int) -> bool:
        """Tell whether ``size`` more bytes may be held, or none are."""
        held = self.total_outbufs_len
        return not held or held + size <= self.adj.outbuf_high_watermark

    def wait_for_room(self) -> None:
        """Wait, in a thread, until no more is kept than is allowed, or the client has left."""
        if self.total_outbufs_len > self.adj.outbuf_high_watermark:
            with self.outbuf_lock:
                self._somebody_waits = True
                while self.connected and self.total_outbufs_len > self.adj.outbuf_high_watermark:
                    self.outbuf_lock.wait()
                self._somebody_waits = False

    def reset_in_the_end(self) -> None:
        """Have the connection end in a reset, which a client cannot take for an end of its own."""
        at_once = struct.pack("ii", 1, 0)
        with self.outbuf_lock:
            if self.connected:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)

    def _flush_some(self, do_close: bool = True) -> bool:
        # waitress's loop sends without the lock when no request is left, and a thread that has
        # just answered the last may be telling the client to continue: the same bytes, twice.
        with self.outbuf_lock:
            sent = 0
            while sent < BUDGET and self.connected and self._outgoing and not self.will_close:
                count, offered = self._send_next(do_close)
                sent += count
                if count < offered:
                    break  # to be told so once more would be one more call of the system
            if sent:
                self.last_activity = time.time()
                if self._somebody_waits:
                    self.outbuf_lock.notify()
            return sent > 0

    # waitress's loop does without where a thread holds the lock; ours hold it for an instant.
    _flush_some_if_lockable = _flush_some

    def _send_next(self, do_close: bool) -> tuple[int, int]:
        """Send what is next; gives how many bytes were taken, of how many that were offered."""
        file = self._outgoing.file()
        if file is None:
            buffers, more = self._outgoing.buffers()
            offered = sum(map(len, buffers))
            count = self._try(self._send_buffers, buffers, _MORE if more else 0, do_close=do_close)
        else:
            count, offered = self._send_file(file, do_close)
        if count:
            # Before it is told: what is no longer waiting is all that is counted as sent.
            self._outgoing.skip(count)
            self.total_outbufs_len = len(self._outgoing)
            self.taken(count)
        return count, offered

    def _send_buffers(self, buffers: list[bytes | memoryview], flags: int) -> int:
        if sum(map(len, buffers)) <= SMALL:
            return self.socket.send(b"".join(buffers), flags)  # type: ignore[no-any-return]
        return self.socket.sendmsg(buffers, (), flags)  # type: ignore[no-any-return]

    def _send_file(self, file: FilePart, do_close: bool) -> tuple[int, int]:
        """Send from a file; raises Truncated where it ends before its time."""
        try:
            span = file.span() if hasattr(os, "sendfile") else None
            if span is not None:
                descriptor, start, size = *span[:2], min(span[2], _CALL)
                with suppress(_Unsupported):
                    count = self._try(self._send_span, descriptor, start, size, do_close=do_close)
                    return count, size
            block = file.read(READ_SIZE)
            if not block:
                raise Truncated(_SHRUNK)
        except Truncated as error:
            self.logger.warning("%s Its client is cut off.", error)
            raise
        return self._try(self._send_buffers, [block], 0, do_close=do_close), len(block)

    def _send_span(self, descriptor: int, start: int, size: int) -> int:
        try:
            count = os.sendfile(self.socket.fileno(), descriptor, start, size)
        except OSError as error:
            if error.errno in _UNSUPPORTED:
                raise _Unsupported from None
            raise
        if not count:
            raise Truncated(_SHRUNK)
        return count

    def _try(self, send: Callable[..., int], *arguments: Any, do_close: bool) -> int:
        """Send; 0: the client takes nothing now, or nothing any more."""
        try:
            return send(*arguments)
        except BlockingIOError:
            return 0
        except OSError as error:
            if error.errno not in wasyncore._DISCONNECTED:
                raise
            if do_close:
                self.handle_close()
            return 0
