"""Concurrency: no more answers on their way at once than there may be."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Final

from wsgistream.respond import begin, plan_body
from wsgistream.rules.client import client_of
from wsgistream.rules.decide import sentence
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.waiting import is_quick
from wsgistream.wsgi.watching import watched

_TOTAL: Final = "The server has as many answers on their way as it can; please try again."
_ADDRESS: Final = "Your address has as many answers on their way as it may; please try again."


class ConcurrencyLimitMiddleware:
    """Let so many answers of ``app`` be on their way at once, and answer 503 to the others.

    ``total`` is the most of all, ``per_address`` the most of one client (REMOTE_ADDR; a network of
    64 bits in IPv6). A request counts from its beginning until its body is closed, so that a stream
    counts as long as it lasts. ``retry_after``: seconds after which to come again. Raises
    ValueError or TypeError for an option that cannot be.
    """

    def __init__(
        self,
        app: WSGIApp,
        *,
        total: int | None = None,
        per_address: int | None = None,
        retry_after: int = 1,
    ) -> None:
        limits = {"total": total, "per_address": per_address}
        given = {name: limit for name, limit in limits.items() if limit is not None}
        if not given:
            raise ValueError("Nothing is limited: give total or per_address.")
        for name, limit in given.items():
            _check(name, limit, 1)
        _check("retry_after", retry_after, 0)
        self.app = app
        self.quick = is_quick(app)
        self._total = total
        self._per_address = per_address
        self._retry = (("Retry-After", str(retry_after)),)
        self._lock = threading.Lock()
        self._count = 0
        # Of those alone who have an answer on its way.
        self._counts: Counter[str] = Counter()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        client = client_of(environ)
        refusal = self._enter(client)
        if refusal is not None:
            plan = sentence(503, refusal, self._retry)
            begin(plan, start_response)
            return plan_body(plan, environ)
        return watched(self.app, environ, start_response, lambda _: self._leave(client))

    def _enter(self, client: str) -> str | None:
        """Count an answer; gives why it may not be made, if so: then it is not counted."""
        with self._lock:
            # The client's own limit first: what it is told is then about itself.
            if self._per_address is not None and self._counts[client] >= self._per_address:
                return _ADDRESS
            if self._total is not None and self._count >= self._total:
                return _TOTAL
            self._count += 1
            self._counts[client] += 1
            return None

    def _leave(self, client: str) -> None:
        with self._lock:
            self._count -= 1
            self._counts[client] -= 1
            if not self._counts[client]:
                del self._counts[client]


def _check(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a whole number, not {value!r}.")
    if value < least:
        raise ValueError(f"{name} is {least} or more, not {value!r}.")
