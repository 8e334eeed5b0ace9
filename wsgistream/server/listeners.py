"""Listeners: waitress's servers on sockets that are bound already, over one loop."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any, Final

from waitress.adjustments import Adjustments
from waitress.server import BaseWSGIServer, TcpWSGIServer, UnixWSGIServer
from waitress.task import ThreadedTaskDispatcher

from wsgistream.server.balance import PATIENCE, Balance
from wsgistream.server.channel import Channel
from wsgistream.server.counters import Counters
from wsgistream.server.environ import of_server, untrusted
from wsgistream.server.loop import Loop
from wsgistream.types import Environ, WSGIApp

#: What is overridden or read of waitress beyond its documentation; a test looks for each.
INTERNALS: Final = {
    BaseWSGIServer: (
        "accepting",
        "active_channels",
        "add_task",
        "application",
        "channel_class",
        "effective_port",
        "fix_addr",
        "handle_accept",
        "pull_trigger",
        "readable",
        "server_name",
        "set_socket_options",
        "task_dispatcher",
        "trigger",
    ),
}

#: Connections that are taken in one turn; where there are other processes, one takes no more than
#: its share of those that come at once.
_AT_ONCE: Final = 64
_SHARE: Final = 1

#: What a process or a machine says that has no descriptor, or no room, left.
_STARVED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

_NO_ROOM: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: 44\r\n"
    b"Retry-After: 5\r\n"
    b"Connection: close\r\n"
    b"\r\n"
    b"The server is full; please try again later.\n"
)


class _Listener:
    """A listening socket. When there is no room, who comes waits a moment and is then told so."""

    loop: Loop
    counters: Counters
    #: The application may be tried in the loop; see ``wsgistream.wsgi.waiting``.
    quick = False
    #: Any iterable may be read by one thread after the other.
    pausable = False
    #: How many processes listen here, and how this one stands beside the others.
    processes = 1
    balance: Balance
    #: Who waits is left to another process until then (by the monotonic clock); None: is let in.
    yields_until: float | None = None
    #: Members of the loop that are no connections.
    others = 0
    #: The server is about to end.
    draining = False
    #: Fields that no application is to see, by their names in an environ without ``HTTP_``.
    untrusted: frozenset[str] = frozenset()
    #: As many are in as may be; nobody is let in until one leaves.
    full = False
    #: There was no descriptor for one more; nobody is let in until the next look.
    starved = False
    _crowded = False
    logger: Any
    accepting: bool
    adj: Any
    application: WSGIApp
    channel_class: type[Any]
    socket: socket.socket
    trigger: Any

    @cached_property
    def environ(self) -> Environ:
        """What is the same in the environ of every request."""
        return of_server(self)

    def readable(self) -> bool:
        return self.accepting and not (self.full or self.starved or self.yields_until)

    def add_task(self, channel: Channel) -> None:
        self.loop.call(channel.begin)

    def handle_accept(self) -> None:
        if self.processes == 1:
            self._let_in(_AT_ONCE)
        elif self.balance.is_ahead(len(self.loop.members) - self.others):
            self.yields_until = time.monotonic() + PATIENCE
        else:
            self._let_in(_SHARE)

    def _let_in(self, count: int) -> None:
        for _ in range(count):
            self.full = len(self.loop.members) >= self.adj.connection_limit
            if self.full or not self._accept():
                break
        if (self.full or self.starved) and not self._crowded:
            # Said once, and not for each that gets in as another leaves.
            self._crowded = True
            self.logger.warning("The server is full; who comes now is told so.")

    def _accept(self) -> bool:
        """Let one client in; there may be none, or none any more."""
        try:
            connection, address = self.socket.accept()
        except OSError as error:
            self.starved = error.errno in _STARVED
            return False
        with suppress(OSError):  # a client that has left already has no options
            self.set_socket_options(connection)  # type: ignore[attr-defined]
        address = self.fix_addr(address)  # type: ignore[attr-defined]
        channel = self.channel_class(self, connection, address, self.adj, map=self.loop.members)
        self.loop.watch(channel)
        return True

    def welcome(self) -> None:
        """Let in who waits, if somebody has left, or no other process wanted them."""
        if self.yields_until is not None and time.monotonic() >= self.yields_until:
            self.yields_until = None
            self._let_in(_SHARE)
            self.loop.watch(self)
        if self.full and len(self.loop.members) < self.adj.connection_limit:
            self.full = False
            self.loop.watch(self)

    def look(self, spare: Spare) -> None:
        """Tell those who wait in vain."""
        if not self.accepting:
            return
        if self.starved:
            self.starved = False
            self.handle_accept()  # there may be descriptors again
        self._crowded = self.full or self.starved
        if self._crowded:
            for _ in range(_AT_ONCE):
                with spare.lent():
                    if not self._turn_away():
                        break
            self.starved = False
        self.loop.watch(self)

    def _turn_away(self) -> bool:
        try:
            connection, _ = self.socket.accept()
        except OSError:
            return False
        with connection, suppress(OSError):
            connection.setblocking(False)
            connection.send(_NO_ROOM)
            # What is left unread would have the answer thrown away with the connection.
            connection.recv(65536)
        return True


class Spare:
    """A descriptor that is kept for the moment when there is no other."""

    def __init__(self) -> None:
        self._descriptor: int | None = os.open(os.devnull, os.O_RDONLY)

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Free it for what is done here."""
        self.close()
        try:
            yield
        finally:
            # A thread may have been quicker, with a file of its own; then there is none for now.
            with suppress(OSError):
                self._descriptor = os.open(os.devnull, os.O_RDONLY)

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


class TcpListener(_Listener, TcpWSGIServer):  # type: ignore[misc]
    """A listening socket of the network."""


class UnixListener(_Listener, UnixWSGIServer):  # type: ignore[misc]
    """A listening socket of this machine."""


def listen(
    app: WSGIApp, sock: socket.socket, loop: Loop, threads: ThreadedTaskDispatcher, adj: Adjustments
) -> _Listener:
    """Take over a bound socket."""
    kind = UnixListener if sock.family == socket.AF_UNIX else TcpListener
    info = (sock.family, sock.type, sock.proto, sock.getsockname())
    listener: _Listener = kind(
        app, loop.members, True, sock, threads, adj, sockinfo=info, bind_socket=False
    )
    listener.loop = loop
    listener.untrusted = untrusted(adj)
    if listener.untrusted:
        listener.application = app  # which waitress has wrapped, only to leave these out
    return listener
