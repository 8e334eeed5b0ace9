"""Sockets: the addresses to listen on, with a sentence where that cannot be."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

# What a name or "every address" stands for need not all be there: many a machine has no IPv6.
_NOT_HERE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


class CannotListen(Exception):
    """An address cannot be bound; the text says why, for a person."""


class Bound(socket.socket):
    """A socket whose path, if it has one, is for the process that has bound it to remove.

    Its forks may stop listening while that one goes on.
    """

    owner: int | None = None


def bind(addresses: Iterable[tuple[str, int]], unix_path: str | None) -> list[socket.socket]:
    """Listen on every address and on the Unix socket.

    Raises CannotListen, with nothing left behind, where one of them cannot be.
    """
    bound: list[socket.socket] = []
    try:
        for host, port in addresses:
            _bind_host(host, port, bound)
        if unix_path is not None:
            bound.append(_bind_path(unix_path))
    except CannotListen:
        for sock in bound:
            release(sock)
        raise
    return bound


def release(sock: socket.socket) -> None:
    """Stop listening, and remove the path of a Unix socket that is ours; nothing is done twice.

    The path goes first: once nobody answers at it, it may be another server's.
    """
    if sock.fileno() == -1:
        return
    if sock.family == socket.AF_UNIX and isinstance(sock, Bound) and sock.owner == os.getpid():
        with suppress(FileNotFoundError):
            os.unlink(sock.getsockname())
    sock.close()


def _bind_host(host: str, port: int, bound: list[socket.socket]) -> None:
    """Listen on each address of a host that this machine has; there must be one."""
    missing: OSError | None = None
    before = len(bound)
    for family, address in _find(host, port):
        try:
            bound.append(_bind(family, address))
        except OSError as error:
            if error.errno not in _NOT_HERE:
                raise _refusal(f"{host}:{port}", error) from None
            missing = error
    if missing is not None and len(bound) == before:
        raise _refusal(f"{host}:{port}", missing)


def _find(host: str, port: int) -> list[tuple[int, Any]]:
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError):
        raise CannotListen(f"There is no address for the host {host!r}.") from None
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _bind(family: int, address: Any) -> socket.socket:
    sock = Bound(family, socket.SOCK_STREAM)
    sock.owner = os.getpid()
    try:
        if family != socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        # At once: two servers may bind an address, but only one can listen; and a Unix socket
        # that nobody listens on looks abandoned.
        sock.listen()
    except OSError:
        sock.close()
        raise
    return sock


def _bind_path(path: str) -> socket.socket:
    try:
        if _is_abandoned(path):
            os.unlink(path)
        return _bind(socket.AF_UNIX, path)
    except OSError as error:
        raise _refusal(path, error) from None


def _is_abandoned(path: str) -> bool:
    """Tell whether ``path`` is a socket that nobody answers at any more."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return False
    except FileNotFoundError:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # a busy server's queue may be full
        return probe.connect_ex(path) == errno.ECONNREFUSED


def _refusal(where: str, error: OSError) -> CannotListen:
    reasons = {
        errno.EADDRINUSE: "it is in use already",
        errno.EACCES: "it may not be used by this user",
    }
    reason = reasons.get(error.errno or 0) or (error.strerror or str(error)).lower()
    return CannotListen(f"Cannot listen on {where}: {reason}.")


def url_of(sock: socket.socket, path: str = "/") -> str:
    """Write where ``path`` is found on a bound socket, for a person."""
    if sock.family == socket.AF_UNIX:
        return f"unix:{sock.getsockname()}"
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}{path}" if ":" in host else f"http://{host}:{port}{path}"
