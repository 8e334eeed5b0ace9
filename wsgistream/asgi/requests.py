"""Requests: what an ASGI server tells of one, as a WSGI application wants to hear it."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import Executor
from typing import IO, Any, Final, TypeAlias
from urllib.parse import unquote, unquote_to_bytes

from wsgistream.types import Environ
from wsgistream.wsgi.files import FileWrapper
from wsgistream.wsgi.waiting import PARKS

Scope: TypeAlias = Mapping[str, Any]
Message: TypeAlias = Mapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]

# Bytes of a request that are kept in memory.
_IN_MEMORY: Final = 512 * 1024

_PORTS: Final = {"http": 80, "https": 443}


class TooLarge(Exception):
    """The body of a request is larger than this server takes."""


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


def make_environ(scope: Scope, *, multiprocess: bool = True) -> Environ:
    """Make the environ of a request whose body is still to come (PEP 3333)."""
    scheme = scope.get("scheme", "http")
    host, port = scope.get("server") or (None, None)
    script_name, path_info = _split_path(scope)
    environ: Environ = {
        **_fields(scope["headers"]),
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": script_name,
        "PATH_INFO": path_info,
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "SERVER_NAME": host if port else "localhost",  # a Unix socket has a path for a host
        "SERVER_PORT": str(port or _PORTS.get(scheme, 80)),
        "SERVER_PROTOCOL": _protocol(scope["http_version"]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": FileWrapper,
        "wsgi.multithread": True,
        "wsgi.multiprocess": multiprocess,
        "wsgi.run_once": False,
        PARKS: True,
    }
    if scope.get("client"):
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = map(str, scope["client"])
    return environ


def _protocol(version: str) -> str:
    # RFC 3875 §4.1.16 wants two numbers, ASGI gives "2" and "3".
    return f"HTTP/{version}" if "." in version else f"HTTP/{version}.0"


def _split_path(scope: Scope) -> tuple[str, str]:
    """Give SCRIPT_NAME and PATH_INFO, whose characters are the bytes of the path as latin-1.

    Some servers and frameworks have the root path in the path, as ASGI asks, and some have not.
    """
    path, raw = scope["path"], scope.get("raw_path") or b""
    whole: bytes = path.encode("utf-8", "surrogateescape")
    # The path has lost the bytes that are no UTF-8; a framework may have changed it alone.
    if unquote(raw.decode("latin-1")) == path:
        whole = unquote_to_bytes(raw)
    root = scope.get("root_path", "").rstrip("/").encode("utf-8", "surrogateescape")
    if (whole + b"/").startswith(root + b"/"):
        whole = whole[len(root) :]
    return root.decode("latin-1"), whole.decode("latin-1")


def _fields(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1").upper()
        if "_" in name:
            continue  # it would pass for the name with dashes, which a proxy may have checked
        if name not in ("CONTENT-LENGTH", "CONTENT-TYPE"):
            name = f"HTTP_{name}"
        name, value = name.replace("-", "_"), raw_value.decode("latin-1")
        if name in fields:
            # Cookies are joined by their own separator (RFC 9113 §8.2.3).
            value = f"{fields[name]}{'; ' if name == 'HTTP_COOKIE' else ', '}{value}"
        fields[name] = value
    return fields


async def receive_body(
    environ: Environ, receive: Receive, threads: Executor, limit: int
) -> IO[bytes]:
    """Receive the body of a request, and put it into the environ; it is to be closed.

    Nothing holds a thread while a client is slow, and the end of the connection is seen later on.
    Raises TooLarge where it has more than ``limit`` bytes, and ClientGone.
    """
    length = environ.get("CONTENT_LENGTH", "")
    if length.isdecimal() and int(length) > limit:
        raise TooLarge
    body = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
    try:
        size = await _receive_into(body, receive, threads, limit)
    except BaseException:
        body.close()
        raise
    # The chunks are gone, and the length is known.
    if environ.pop("HTTP_TRANSFER_ENCODING", None) or length or size:
        environ["CONTENT_LENGTH"] = str(size)
    body.seek(0)
    environ["wsgi.input"] = body
    return body


async def _receive_into(file: IO[bytes], receive: Receive, threads: Executor, limit: int) -> int:
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk, more = message.get("body", b""), message.get("more_body", False)
        size += len(chunk)
        if size > limit:
            raise TooLarge
        if size > _IN_MEMORY:
            await asyncio.get_running_loop().run_in_executor(threads, file.write, chunk)
        else:
            file.write(chunk)
    return size
