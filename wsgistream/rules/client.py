"""Client: who is behind an address, for whatever is counted for each client."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Any, Final

# The bits of an IPv6 address that the network chooses; the rest each machine chooses for itself,
# and again as often as it likes (RFC 4291 §2.5.1, RFC 8981).
_OF_THE_NETWORK: Final = 64


def client_of(environ: Mapping[str, Any]) -> str:
    """Name the client of a request by its REMOTE_ADDR, which the server vouches for.

    IPv6 addresses of one network of 64 bits are one client.
    """
    return _client(environ.get("REMOTE_ADDR") or "")


def connection_of(environ: Mapping[str, Any]) -> tuple[str, str] | None:
    """Name the connection of a request by REMOTE_ADDR and REMOTE_PORT; None: they do not tell."""
    port = environ.get("REMOTE_PORT") or ""
    # waitress writes None for the port of a Unix socket.
    return (environ.get("REMOTE_ADDR") or "", port) if port.isdecimal() else None


@lru_cache(1024)
def _client(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address  # of a Unix socket, or a proxy's name for somebody
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    if parsed.is_link_local:
        return str(parsed)  # all of them are in one network (RFC 4291 §2.5.6)
    return str(IPv6Network((int(parsed), _OF_THE_NETWORK), strict=False))
