"""Mounts: several applications, each below a path of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping

from wsgistream.errors import NotFound
from wsgistream.middleware.prefix import PrefixMiddleware
from wsgistream.respond import refuse
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.waiting import IN_LOOP, WouldBlock, is_quick


class Mounts:
    """Answer with the application that has the longest prefix a path is below.

    Every path is below the prefix ``""``; what is below none is a 404. The prefix moves to
    SCRIPT_NAME, as by PrefixMiddleware, which raises ValueError for one that cannot be.
    """

    def __init__(self, apps: Mapping[str, WSGIApp]) -> None:
        self._apps: list[tuple[str, WSGIApp]] = [
            # WSGI strings are bytes as latin-1 (PEP 3333).
            (f"{os.fsencode(prefix).decode('latin-1')}/", PrefixMiddleware(app, prefix=prefix))
            if prefix
            else ("", app)
            for prefix, app in sorted(apps.items(), key=lambda item: len(item[0]), reverse=True)
        ]
        self.quick = any(map(is_quick, apps.values()))

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        path = f"{environ.get('PATH_INFO', '')}/"
        for prefix, app in self._apps:
            if path.startswith(prefix):
                if IN_LOOP in environ and not is_quick(app):
                    raise WouldBlock
                return app(environ, start_response)
        return refuse(NotFound(), environ, start_response)
