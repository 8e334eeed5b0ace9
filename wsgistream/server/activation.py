"""Activation: sockets that a service manager has bound and hands over, as systemd does."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Final

from wsgistream.server.sockets import CannotListen

# sd_listen_fds(3): the first of them.
_FIRST: Final = 3

_FAMILIES: Final = frozenset({socket.AF_INET, socket.AF_INET6, socket.AF_UNIX})


def handed_over(environ: MutableMapping[str, str]) -> list[socket.socket]:
    """Take the sockets that were handed to this very process; none were: an empty list.

    The variables are removed, so that no child takes them for its own. Raises CannotListen if one
    of them is no stream socket that listens.
    """
    if environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = environ.pop("LISTEN_FDS", "")
    for name in ("LISTEN_PID", "LISTEN_FDNAMES"):
        environ.pop(name, None)
    if not (count.isascii() and count.isdigit()):
        raise CannotListen(f"LISTEN_FDS is a number of sockets, not {count!r}.")
    taken: list[socket.socket] = []
    try:
        for descriptor in range(_FIRST, _FIRST + int(count)):
            taken.append(_take(descriptor))
    except CannotListen:
        for sock in taken:
            sock.close()
        raise
    return taken


def _take(descriptor: int) -> socket.socket:
    with suppress(OSError):
        sock = socket.socket(fileno=descriptor)
        if _is_listening(sock):
            sock.set_inheritable(False)
            return sock
        sock.detach()
    raise CannotListen(
        f"The descriptor {descriptor}, handed over, is no stream socket that listens."
    )


def _is_listening(sock: socket.socket) -> bool:
    return (
        sock.family in _FAMILIES
        and sock.type == socket.SOCK_STREAM
        and bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    )
