"""Serving: an application at its addresses, by one process or by several, until a signal."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any, Final, TextIO, TypeVar

from wsgistream.rules.access import log_format as find_log_format
from wsgistream.server.accounts import ACCESS
from wsgistream.server.activation import handed_over
from wsgistream.server.adjustments import check_adjustments
from wsgistream.server.counters import Counters
from wsgistream.server.run import Server
from wsgistream.server.signals import stopping_on_signals
from wsgistream.server.sockets import bind, release, url_of
from wsgistream.server.workers import Workers
from wsgistream.types import WSGIApp
from wsgistream.values import (
    read_address,
    read_grace,
    read_socket_path,
    read_threads,
    read_workers,
)

_LOG: Final = logging.getLogger("wsgistream.serving")
_LISTEN: Final = "127.0.0.1:8080"

#: What there is to choose of a Server itself, and is not said otherwise.
OF_A_SERVER: Final = ("health", "pausable", "stream_buffer")

_Value = TypeVar("_Value")


def serve(
    app: WSGIApp,
    *,
    listen: str | Iterable[str] = _LISTEN,
    unix_socket: str | None = None,
    threads: int = 4,
    workers: int | str = 1,
    grace: float = 30.0,
    log_format: str | None = "combined",
    **options: Any,
) -> None:
    """Serve a WSGI application until SIGTERM or SIGINT; then running answers finish.

    ``listen``: one ``HOST:PORT`` or several; ``unix_socket``: a path, which alone is enough; a
    service manager that hands over sockets, as systemd does, is listened to instead. ``threads``
    answer in each of ``workers`` processes (``"auto"``: one for each processor). ``grace``: seconds
    that running answers may go on. ``log_format``: ``combined``, ``common``, ``json``, a template,
    or None for no access log; it goes to the logger ``wsgistream.access``, and to the standard
    output if the program has configured no logging. ``options`` are the other options of Server:
    its own, and adjustments of waitress, such as ``url_prefix`` and ``trusted_proxy``.

    With several workers SIGHUP replaces them one by one, and one that dies is replaced; they are
    forked, so the program has no threads yet. In a thread other than the main one, no signal is
    heard and there is one process.

    Raises ValueError for what cannot be, CannotListen for an address that cannot be had, and
    CannotStart if the system has no room for the workers.
    """
    if not callable(app):
        raise ValueError(f"An application is something that can be called, not {app!r}.")
    addresses = _addresses(listen, unix_socket)
    if unix_socket is not None:
        unix_socket = _read("unix_socket", read_socket_path, os.fspath(unix_socket))
    count = _read("workers", read_workers, workers)
    if count > 1 and not _in_main_thread():
        raise ValueError("Workers are looked after in the main thread, where signals are heard.")
    threads = int(_read("threads", read_threads, threads))
    grace = _read("grace", read_grace, grace)
    line = None if log_format is None else _read("log_format", find_log_format, log_format)
    check_adjustments({name: options[name] for name in options if name not in OF_A_SERVER})
    with listening(addresses, unix_socket) as sockets:
        if not sockets:
            raise ValueError("There is nothing to listen on: neither an address nor a Unix socket.")

        def greet() -> None:
            _LOG.info("Serving at %s", " and ".join(map(url_of, sockets)))

        chosen = {"threads": threads, "line": line, **options}
        run(lambda: app, sockets, workers=count, grace=grace, greet=greet, **chosen)


def _addresses(listen: str | Iterable[str], unix_socket: str | None) -> list[tuple[str, int]]:
    """A Unix socket alone is enough, unless addresses are asked for beside it."""
    if unix_socket is not None and listen == _LISTEN:
        return []
    texts = [listen] if isinstance(listen, str) else listen
    return [_read("listen", read_address, text) for text in texts]


def _read(name: str, read: Callable[[str], _Value], value: object) -> _Value:
    """Read the value of an option as its text would be read on the command line."""
    try:
        return read(str(value))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


@contextmanager
def listening(
    addresses: Iterable[tuple[str, int]], unix_path: str | None
) -> Iterator[list[socket.socket]]:
    """Listen on the sockets that were handed over, or on these if there are none.

    Raises CannotListen where that cannot be.
    """
    sockets = handed_over(os.environ) or bind(addresses, unix_path)
    try:
        yield sockets
    finally:
        for sock in sockets:
            release(sock)


def run(
    make_app: Callable[[], WSGIApp],
    sockets: list[socket.socket],
    *,
    workers: int,
    grace: float,
    greet: Callable[[], object],
    **options: Any,
) -> None:
    """Run one server, or several, each in a process of its own that makes its application.

    ``greet`` is called when they serve; the other options are those of Server.
    """

    counters = Counters()

    def make(place: int = 0) -> Server:
        counters.take_row(place)
        return Server(
            make_app(), sockets, grace=grace, counters=counters, processes=workers, **options
        )

    with _logging_to_the_console():
        if workers > 1:
            Workers(make, sockets, count=workers, grace=grace, greet=greet).run()
        else:
            server = make()
            with stopping_on_signals(server.stop) if _in_main_thread() else nullcontext():
                greet()
                server.run()


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextmanager
def _logging_to_the_console() -> Iterator[None]:
    """Send the access log to the standard output, and what goes wrong to the standard error.

    Unless the program has said where its logs go, or what it wants to know of the access log.
    """
    with ExitStack() as stack:
        # That requests wait for a thread is no fault; the durations in the log tell it.
        stack.enter_context(_level(logging.getLogger("waitress.queue"), logging.ERROR))
        if not ACCESS.hasHandlers() and ACCESS.level == logging.NOTSET:
            stack.enter_context(_level(ACCESS, logging.INFO))
            stack.enter_context(_written(ACCESS, sys.stdout, "%(message)s"))
            stack.enter_context(_written(logging.root, sys.stderr, "wsgistream: %(message)s"))
        yield


@contextmanager
def _level(logger: logging.Logger, level: int) -> Iterator[None]:
    """Give a level to a logger that has none."""
    before = logger.level
    logger.setLevel(before or level)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def _written(logger: logging.Logger, stream: TextIO, template: str) -> Iterator[None]:
    """Write what is logged there, and there alone."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(template))
    before, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = before
