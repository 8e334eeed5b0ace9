"""Run: waitress's loop, from the bound sockets to the last byte of the last answer."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server

from wsgistream.rules.access import Access
from wsgistream.server.channel import logged_channel
from wsgistream.types import WSGIApp

# Seconds between two looks at the clock while nothing happens.
_TURN: Final = 0.5

#: What is used of waitress beyond its documentation; a test looks for each.
INTERNALS: Final = {
    BaseWSGIServer: ("channel_class", "active_channels", "pull_trigger", "task_dispatcher"),
    HTTPChannel: ("requests", "request", "total_outbufs_len", "handle_close"),
    wasyncore: ("loop", "close_all", "dispatcher"),
}


class Server:
    """waitress on bound sockets, which it takes over. It stops on ``stop``, from any thread.

    ``line`` writes a line of the access log; None: there is no log. ``grace``: seconds that
    running answers have left after a stop; a second stop ends them at once.
    """

    def __init__(
        self,
        app: WSGIApp,
        sockets: Iterable[socket.socket],
        *,
        threads: int = 4,
        grace: float = 30.0,
        line: Callable[[Access], str] | None = None,
        **adjustments: Any,
    ) -> None:
        self._map: dict[int, Any] = {}
        self._grace = grace
        self._stops = 0
        settings = {**_ADJUSTMENTS, "threads": threads, **adjustments}
        create_server(app, map=self._map, sockets=list(sockets), **settings)
        self._listeners = [each for each in self._map.values() if isinstance(each, BaseWSGIServer)]
        if line is not None:
            for listener in self._listeners:
                listener.channel_class = logged_channel(line)

    def run(self) -> None:
        """Serve until ``stop``, then let what is running finish."""
        try:
            while not self._stops:
                self._turn()
            self._drain()
        finally:
            for channel in self._channels():
                channel.handle_close()
            self._listeners[0].task_dispatcher.shutdown()
            wasyncore.close_all(self._map)

    def stop(self) -> None:
        """Ask the loop to end; safe in a signal handler."""
        self._stops += 1
        self._listeners[0].pull_trigger()

    def _drain(self) -> None:
        for listener in self._listeners:
            # The listening socket alone: closing the listener would close the trigger that wakes
            # the loop for the answers still on their way.
            wasyncore.dispatcher.close(listener)
        deadline = time.monotonic() + self._grace
        while self._stops == 1 and time.monotonic() < deadline:
            for channel in self._channels():
                if not _is_busy(channel):
                    channel.handle_close()
            if not self._channels():
                break
            self._turn()

    def _turn(self) -> None:
        wasyncore.loop(timeout=_TURN, use_poll=True, map=self._map, count=1)

    def _channels(self) -> list[HTTPChannel]:
        return [each for each in self._map.values() if isinstance(each, HTTPChannel)]


# One client may hold this many bytes of an answer that is made faster than it is taken; they are
# kept in memory, for a file would only be slower.
_BUFFER: Final = 256 * 1024
_ADJUSTMENTS: Final = {
    "connection_limit": 500,
    "ident": "wsgistream",
    # What a client does to its own connection is told by the access log, not by a traceback.
    "log_socket_errors": False,
    "outbuf_high_watermark": _BUFFER,
    "outbuf_overflow": 64 * _BUFFER,
}


def _is_busy(channel: HTTPChannel) -> bool:
    return bool(channel.requests or channel.request is not None or channel.total_outbufs_len)


@contextmanager
def stopping_on_signals(server: Server) -> Iterator[None]:
    """Stop the server on SIGTERM and SIGINT; only in the main thread."""

    def handle(number: int, frame: FrameType | None) -> None:
        server.stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
