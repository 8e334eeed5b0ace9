"""Health: an address at which a server tells that it answers, and what it has done."""

from __future__ import annotations

import json
import time
from typing import Final

from wsgistream.server.counters import Counters
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.waiting import IN_LOOP, WouldBlock, is_quick

PATH: Final = "/-/health"


class Health:
    """``app``, with the counters of its server at ``/-/health`` as JSON, from the loop itself.

    So it answers while every thread is taken, too.
    """

    quick = True

    def __init__(self, app: WSGIApp, counters: Counters) -> None:
        self.app = app
        self._waits = not is_quick(app)
        self._counters = counters

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        if environ.get("PATH_INFO") != PATH or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            if self._waits and IN_LOOP in environ:
                raise WouldBlock
            return self.app(environ, start_response)
        uptime = round(time.time() - self._counters.began, 3)
        told = {"status": "ok", "uptime": uptime, **self._counters.total()}
        content = json.dumps(told).encode() + b"\n"
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(content))),
            ("Cache-Control", "no-store"),
        ]
        start_response("200 OK", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [content]
