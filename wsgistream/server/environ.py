"""Environ: what an application is told of a request (PEP 3333), in the words of waitress."""

from __future__ import annotations

import sys
from typing import Any, Final

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.proxy_headers import PROXY_HEADERS
from waitress.server import BaseWSGIServer

from wsgistream.types import Environ
from wsgistream.wsgi.files import FileWrapper
from wsgistream.wsgi.waiting import PARKS

#: What is overridden or read of waitress beyond its documentation; a test looks for each.
INTERNALS: Final = {
    BaseWSGIServer: ("adj", "effective_port", "server_name"),
    HTTPChannel: ("addr", "adj", "check_client_disconnected", "server"),
    HTTPRequestParser: (
        "command",
        "get_body_stream",
        "headers",
        "path",
        "query",
        "request_uri",
        "url_scheme",
    ),
}

# The fields whose names are older than HTTP_ (RFC 3875 §4.1.2, §4.1.3).
_UNPREFIXED: Final = frozenset({"CONTENT_LENGTH", "CONTENT_TYPE"})


def untrusted(adj: Adjustments) -> frozenset[str]:
    """Name the fields to be left out, if there is no proxy whose word on them is taken."""
    others = adj.trusted_proxy or adj.log_untrusted_proxy_headers
    return PROXY_HEADERS if adj.clear_untrusted_proxy_headers and not others else frozenset()


def of_server(server: Any) -> Environ:
    """Tell what is the same for every request to a listening socket."""
    return {
        "SERVER_PORT": str(server.effective_port),
        "SERVER_NAME": server.server_name,
        "SERVER_SOFTWARE": server.adj.ident,
        "SCRIPT_NAME": server.adj.url_prefix,
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": server.processes > 1,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        "wsgi.input_terminated": True,
        PARKS: True,
    }


def make_environ(channel: Any, request: Any, version: str) -> Environ:
    """Tell of a request, answered in HTTP ``version``; each call makes an environ of its own."""
    host, port = channel.addr[:2]
    environ: Environ = {
        **channel.server.environ,
        "REMOTE_ADDR": host,
        "REMOTE_HOST": host,  # nobody is asked for its name
        "REMOTE_PORT": str(port),
        "REQUEST_METHOD": request.command,
        "SERVER_PROTOCOL": f"HTTP/{version}",
        "PATH_INFO": _below(channel.adj.url_prefix, request.path),
        "REQUEST_URI": request.request_uri,
        "QUERY_STRING": request.query,
        "wsgi.url_scheme": request.url_scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.input": request.get_body_stream(),
        "waitress.client_disconnected": channel.check_client_disconnected,
    }
    left_out = channel.server.untrusted
    for name, value in request.headers.items():
        if name not in left_out:
            environ[name if name in _UNPREFIXED else f"HTTP_{name}"] = value
    return environ


def _below(prefix: str, path: str) -> str:
    """Take the prefix off a path that has it; a path begins with one slash."""
    if path.startswith("//"):
        path = "/" + path.lstrip("/")
    return path[len(prefix) :] if f"{path}/".startswith(f"{prefix}/") else path
