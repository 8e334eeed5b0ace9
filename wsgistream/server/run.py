"""Run: waitress's loop, from the bound sockets to the last byte of the last answer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import BaseWSGIServer
from waitress.task import ThreadedTaskDispatcher

from wsgistream.rules.access import Access
from wsgistream.server.accounts import logging_channel
from wsgistream.server.balance import PATIENCE, Balance
from wsgistream.server.channel import Channel
from wsgistream.server.counters import Counters
from wsgistream.server.health import Health
from wsgistream.server.limits import connection_limit
from wsgistream.server.listeners import Spare, listen
from wsgistream.server.loop import Loop
from wsgistream.server.sockets import release
from wsgistream.types import WSGIApp
from wsgistream.wsgi.waiting import is_quick

# Seconds between two looks at the clock while nothing happens.
_TURN: Final = 0.5

# Connections that are looked at in a second: a look at ten thousand costs what a request does.
_LOOKS: Final = 5000

# Seconds in which a client that has just been answered may ask again although the server ends: its
# request may be on its way. Those that were idle for longer are not waited for.
_LINGER: Final = 0.5

# Seconds between two looks at who is left, as the server ends.
_DRAIN: Final = 0.05

# Seconds that threads have to close what they hold, when their connections are cut already.
_LAST_WORDS: Final = 0.5

#: Bytes that one client may hold of an answer that is made faster than it is taken; in memory, for
#: a file would only be slower.
STREAM_BUFFER: Final = 256 * 1024

#: What is used of waitress beyond its documentation; a test looks for each.
INTERNALS: Final = {
    BaseWSGIServer: ("adj", "application", "channel_class", "trigger"),
    ThreadedTaskDispatcher: ("add_task", "queue", "set_thread_count", "shutdown"),
    wasyncore: ("dispatcher",),
}


class Server:
    """waitress on listening sockets, which it takes over. ``stop``, from any thread, ends it.

    ``line`` writes a line of the access log; None: there is no log. ``grace``: seconds that
    running answers have left after a stop; a second stop ends them at once. ``stream_buffer``:
    bytes of an answer that are held at most for a client that takes them slowly. ``pausable``:
    every iterable may be read by one thread after the other, and holds none meanwhile. ``health``:
    the ``counters`` are told at ``/-/health``. ``processes``: how many serve these sockets.
    """

    def __init__(
        self,
        app: WSGIApp,
        sockets: Iterable[socket.socket],
        *,
        threads: int = 4,
        grace: float = 30.0,
        line: Callable[[Access], str] | None = None,
        stream_buffer: int = STREAM_BUFFER,
        pausable: bool = False,
        health: bool = False,
        counters: Counters | None = None,
        processes: int = 1,
        **adjustments: Any,
    ) -> None:
        self._sockets = list(sockets)
        self._grace = grace
        self._stops = 0
        self._ended = False
        # Of the end against a stop in another thread; a signal may come to the one that holds it.
        self._lock = threading.RLock()
        self._looked = time.monotonic()
        self._loop = Loop()
        self.counters = Counters() if counters is None else counters
        if health:
            app = Health(app, self.counters)
        self._threads = ThreadedTaskDispatcher()
        settings = Adjustments(
            **{
                "connection_limit": connection_limit(),
                "ident": "wsgistream",
                # What a client does to its own connection is told by the access log.
                "log_socket_errors": False,
                "outbuf_high_watermark": stream_buffer,
                **adjustments,
            }
        )
        channel = Channel if line is None else logging_channel(Channel, line)
        balance = Balance(self.counters, processes)
        self._listeners = []
        for sock in self._sockets:
            listener = listen(app, sock, self._loop, self._threads, settings)
            listener.channel_class = channel
            listener.pausable = pausable
            listener.processes = processes
            listener.counters = self.counters
            listener.balance = balance
            listener.quick = is_quick(app)
            self._listeners.append(listener)
        for listener in self._listeners:
            listener.others = len(self._loop.members)
        self._loop.wake = self._listeners[0].trigger.pull_trigger
        self._spare = Spare()
        self._threads.set_thread_count(threads)

    def run(self) -> None:
        """Serve until ``stop``, then let what is running finish."""
        try:
            for member in list(self._loop.members.values()):
                self._loop.watch(member)
            self.counters.listen(True)
            while not self._stops:
                self._turn(_TURN)
            self._drain()
        finally:
            self._stop_listening()
            self._give_up()
            with self._lock:
                self._ended = True
                self._loop.close()
                self._spare.close()

    def stop(self) -> None:
        """Ask the loop to end; safe in a signal handler, and when it has ended."""
        with self._lock:
            self._stops += 1
            if self._stops <= 2 and not self._ended:  # a third has nothing to add
                self._loop.call(_nothing)

    def _drain(self) -> None:
        self._stop_listening()
        deadline = time.monotonic() + self._grace
        looked = 0.0
        while self._stops == 1 and (left := deadline - (now := time.monotonic())) > 0:
            if now - looked >= _DRAIN:
                looked = now
                if not self._busy_channels(time.time()):
                    break
            self._turn(min(left, _DRAIN))

    def _busy_channels(self, now: float) -> list[Channel]:
        """Close the connections that wait for nothing, and return the others."""
        for channel in self._channels():
            # A stream that often has news is never silent for long.
            is_parked = channel.is_idle() and not channel.total_outbufs_len
            is_silent = now - channel.last_activity > _LINGER
            if is_parked or (is_silent and not channel.is_busy()):
                channel.handle_close()
        return self._channels()

    def _stop_listening(self) -> None:
        self.counters.listen(False)
        for listener in self._listeners:
            # First, for while another process holds the socket as well, the system goes on telling
            # of it, and what is closed cannot be taken from what it looks at.
            wasyncore.dispatcher.del_channel(listener)
        for sock in self._sockets:
            release(sock)
        for listener in self._listeners:
            listener.draining = True
            # The listening socket alone: closing the listener would close the trigger that wakes
            # the loop for the answers still on their way.
            wasyncore.dispatcher.close(listener)

    def _give_up(self) -> None:
        """Cut what is left, and have what it was made from closed."""
        for channel in self._channels():
            channel.handle_close()
        self._threads.shutdown(timeout=_LAST_WORDS)
        # What a thread has left to the loop, and the loop to a thread.
        self._loop.turn(0)
        self._loop.turn(0)
        while self._threads.queue:
            self._threads.queue.popleft().cancel()

    def _turn(self, seconds: float) -> None:
        if any(listener.yields_until for listener in self._listeners):
            seconds = PATIENCE
        self._loop.turn(seconds)
        for listener in self._listeners:
            listener.welcome()
        # Not the time of day, which may be set back.
        now = time.monotonic()
        if now - self._looked >= max(_TURN, len(self._loop.members) / _LOOKS):
            self._looked = now
            for listener in self._listeners:
                listener.look(self._spare)
            channels = self._channels()
            for channel in channels:
                channel.look(time.time())
            self.counters.note(len(channels), sum(each.is_idle() for each in channels))

    def _channels(self) -> list[Channel]:
        return [each for each in self._loop.members.values() if isinstance(each, Channel)]


def _nothing() -> None:
    """Be called: the loop has to be awake for what has changed."""
