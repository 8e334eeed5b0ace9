"""Run: waitress's loop, from the bound sockets to the last byte of the last answer."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server
from waitress.task import ThreadedTaskDispatcher

from wsgistream.rules.access import Access
from wsgistream.server.channel import Channel, logging_channel
from wsgistream.server.limits import connection_limit
from wsgistream.server.sockets import release
from wsgistream.types import WSGIApp

# Seconds between two looks at the clock while nothing happens.
_TURN: Final = 0.5

# Seconds that threads have to close what they hold, when their connections are cut already.
_LAST_WORDS: Final = 0.5

# One client may hold this many bytes of an answer that is made faster than it is taken; they are
# kept in memory, for a file would only be slower.
_BUFFER: Final = 256 * 1024
_ADJUSTMENTS: Final = {
    "ident": "wsgistream",
    # What a client does to its own connection is told by the access log, not by a traceback.
    "log_socket_errors": False,
    "outbuf_high_watermark": _BUFFER,
    "outbuf_overflow": 64 * _BUFFER,
}

#: What is used of waitress beyond its documentation; a test looks for each.
INTERNALS: Final = {
    BaseWSGIServer: ("channel_class", "pull_trigger"),
    HTTPChannel: ("handle_close", "request", "requests", "total_outbufs_len"),
    ThreadedTaskDispatcher: ("set_thread_count", "shutdown"),
    wasyncore: ("close_all", "dispatcher", "loop"),
}


class Server:
    """waitress on listening sockets, which it takes over. ``stop``, from any thread, ends it.

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
        self._sockets = list(sockets)
        self._map: dict[int, Any] = {}
        self._grace = grace
        self._stops = 0
        self._ended = False
        # Of the end against a stop in another thread; a signal may come to the one that holds it.
        self._lock = threading.RLock()
        self._looked = time.time()
        self._workers = ThreadedTaskDispatcher()
        limit = connection_limit()
        for sock in self._sockets:
            # Each on its own, for waitress takes no Unix socket beside others.
            settings = {**_ADJUSTMENTS, "connection_limit": limit, **adjustments, "sockets": [sock]}
            create_server(app, map=self._map, _dispatcher=self._workers, **settings)
        self._listeners = [each for each in self._map.values() if isinstance(each, BaseWSGIServer)]
        for listener in self._listeners:
            listener.channel_class = Channel if line is None else logging_channel(line)
        self._workers.set_thread_count(threads)

    def run(self) -> None:
        """Serve until ``stop``, then let what is running finish."""
        try:
            while not self._stops:
                self._turn(_TURN)
            self._drain()
        finally:
            self._stop_listening()
            for channel in self._channels():
                channel.handle_close()
            self._workers.shutdown(timeout=_LAST_WORDS)
            with self._lock:
                self._ended = True
                wasyncore.close_all(self._map)

    def stop(self) -> None:
        """Ask the loop to end; safe in a signal handler, and when it has ended."""
        with self._lock:
            self._stops += 1
            if self._stops <= 2 and not self._ended:  # a third has nothing to add
                self._listeners[0].pull_trigger()

    def _drain(self) -> None:
        self._stop_listening()
        deadline = time.monotonic() + self._grace
        while self._stops == 1 and (left := deadline - time.monotonic()) > 0:
            for channel in self._channels():
                if not _is_busy(channel):
                    channel.handle_close()
            if not self._channels():
                break
            self._turn(min(left, _TURN))

    def _stop_listening(self) -> None:
        for sock in self._sockets:
            release(sock)
        for listener in self._listeners:
            # The listening socket alone: closing the listener would close the trigger that wakes
            # the loop for the answers still on their way.
            wasyncore.dispatcher.close(listener)

    def _turn(self, seconds: float) -> None:
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._map, count=1)
        now = time.time()
        if now - self._looked >= _TURN:
            self._looked = now
            for channel in self._channels():
                channel.close_if_stalled(now)

    def _channels(self) -> list[Channel]:
        return [each for each in self._map.values() if isinstance(each, Channel)]


def _is_busy(channel: Channel) -> bool:
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
