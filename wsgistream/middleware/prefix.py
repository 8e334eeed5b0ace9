"""Prefix: an application below a path, and another or nothing beside it."""

from __future__ import annotations

import os

from wsgistream.errors import NotFound
from wsgistream.respond import refuse
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.waiting import IN_LOOP, WouldBlock, is_quick


class PrefixMiddleware:
    """Serve ``app`` below ``prefix``, such as ``/files``, and ``outside`` (default: 404s) beside.

    The prefix moves from PATH_INFO to SCRIPT_NAME (PEP 3333). Raises ValueError for a prefix that
    does not begin with a slash, or ends with one.
    """

    def __init__(self, app: WSGIApp, *, prefix: str, outside: WSGIApp | None = None) -> None:
        if not prefix.startswith("/") or prefix.endswith("/"):
            raise ValueError(f"A prefix is a path such as /files, not {prefix!r}.")
        self.app = app
        self.outside = outside
        self.quick = is_quick(app)
        # WSGI strings are bytes as latin-1 (PEP 3333).
        self._prefix = os.fsencode(prefix).decode("latin-1")

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        path = environ.get("PATH_INFO", "")
        if not f"{path}/".startswith(f"{self._prefix}/"):
            return self._answer_outside(environ, start_response)
        below = {
            **environ,
            "SCRIPT_NAME": environ.get("SCRIPT_NAME", "") + self._prefix,
            "PATH_INFO": path[len(self._prefix) :],
        }
        return self.app(below, start_response)

    def _answer_outside(self, environ: Environ, start_response: StartResponse) -> Body:
        if self.outside is None:
            return refuse(NotFound(), environ, start_response)
        if IN_LOOP in environ and not is_quick(self.outside):
            raise WouldBlock
        return self.outside(environ, start_response)
