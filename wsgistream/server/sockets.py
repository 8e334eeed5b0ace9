"""Sockets: binding the addresses to listen on, with a sentence where that cannot be."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Iterable


class CannotListen(Exception):
    """An address cannot be bound; the text says why, for a person."""


def bind(addresses: Iterable[tuple[str, int]], unix_path: str | None) -> list[socket.socket]:
    """Bind every address and the Unix socket; raises CannotListen, with nothing left bound."""
    bound: list[socket.socket] = []
    try:
        for host, port in addresses:
            bound += _bind_address(host, port)
        if unix_path is not None:
            bound.append(_bind_path(unix_path))
    except CannotListen:
        for sock in bound:
            sock.close()
        raise
    return bound


def _bind_address(host: str, port: int) -> list[socket.socket]:
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError):
        raise CannotListen(f"There is no address for the host {host!r}.") from None
    bound: list[socket.socket] = []
    for family, kind, protocol, _, address in dict.fromkeys(found):
        sock = socket.socket(family, kind, protocol)
        bound.append(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            sock.bind(address)
        except OSError as error:
            for each in bound:
                each.close()
            raise CannotListen(f"Cannot listen on {host}:{port}: {_reason(error)}.") from None
    return bound


def _bind_path(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if _is_abandoned(path):
            os.unlink(path)
        sock.bind(path)
    except OSError as error:
        sock.close()
        raise CannotListen(f"Cannot listen on {path}: {_reason(error)}.") from None
    return sock


def _is_abandoned(path: str) -> bool:
    """Tell whether ``path`` is a socket that nobody answers at any more."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return False
    except FileNotFoundError:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(path) == errno.ECONNREFUSED


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "it is in use already"
    if error.errno == errno.EACCES:
        return "it may not be used by this user"
    return (error.strerror or str(error)).lower()


def url_of(sock: socket.socket) -> str:
    """Write the address of a bound socket for a person."""
    if sock.family == socket.AF_UNIX:
        return f"unix:{sock.getsockname()}"
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
