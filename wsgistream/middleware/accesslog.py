"""Access log: a line for each answer, under servers that write none, or not all of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from urllib.parse import quote

from wsgistream.rules.access import Access, log_format
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.notes import NOTES, Notes, rows_in
from wsgistream.wsgi.waiting import is_quick
from wsgistream.wsgi.watching import Transfer, watched


class AccessLogMiddleware:
    """Log each answer of ``app`` when its body is closed: bytes, duration, and whether it was cut.

    ``format`` is that of ``serve``: ``combined``, ``common``, ``json`` or a template such as
    ``{status} {sent}``. It goes to ``logger`` as INFO; where nobody wants that, nothing is done.
    What an application raises before it begins is logged as 500. The bytes are those that the
    server has taken, some of which may still be on their way; our own server's log knows more, and
    so needs no middleware. ``clock`` times an answer, ``now`` dates it: both in seconds, the latter
    since 1970. Raises ValueError for a format that cannot be.
    """

    def __init__(
        self,
        app: WSGIApp,
        *,
        format: str = "combined",  # noqa: A002 - what everybody calls it
        logger: logging.Logger | str = "wsgistream.access",
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.app = app
        self.quick = is_quick(app)
        self._line = log_format(format)
        self._logger = logging.getLogger(logger) if isinstance(logger, str) else logger
        self._clock = clock
        self._now = now

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        if not self._logger.isEnabledFor(logging.INFO):
            return self.app(environ, start_response)
        asked = _asked(environ, self._now())
        notes: Notes = environ.setdefault(NOTES, {})

        def log(transfer: Transfer) -> None:
            if not transfer.is_put_off:
                self._log(asked, transfer, rows_in(notes))

        return watched(self.app, environ, start_response, log, clock=self._clock)

    def _log(self, asked: Access, transfer: Transfer, rows: int | None) -> None:
        access = asked._replace(
            status=transfer.code,
            sent=transfer.sent,
            duration=transfer.seconds,
            aborted=transfer.outcome != "finished",
            rows=rows,
        )
        self._logger.info("%s", self._line(access))


def _asked(environ: Environ, now: float) -> Access:
    """Note who asks for what; it is done at once, for an application may change the environ."""
    protocol = environ.get("SERVER_PROTOCOL", "HTTP/1.1")
    return Access(
        client=environ.get("REMOTE_ADDR") or "-",
        began=now,
        request=f"{environ['REQUEST_METHOD']} {_target(environ)} {protocol}",
        status=0,
        sent=0,
        duration=0.0,
        aborted=False,
        referer=environ.get("HTTP_REFERER", "-"),
        agent=environ.get("HTTP_USER_AGENT", "-"),
    )


def _target(environ: Environ) -> str:
    """Find the target as it was sent, which most servers tell, or one that means the same."""
    sent = environ.get("REQUEST_URI") or environ.get("RAW_URI")
    if isinstance(sent, str):
        return sent
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    query = environ.get("QUERY_STRING")
    target = quote(path, safe="/:@!$&'()*+,;=~-._", encoding="latin-1", errors="replace")
    return f"{target}?{query}" if query else target
