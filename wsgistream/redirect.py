"""Redirect: a responder that sends clients to the object store itself, by links that expire."""

from __future__ import annotations

import time
from collections.abc import Callable

from wsgistream.respond import begin, plan_body, respond
from wsgistream.rules.decide import decide, sentence
from wsgistream.types import Body, Environ, Linked, Responder, Source, StartResponse


class StoreRedirect:
    """Answer GET with 307 and a signed link to the object, so that its store sends it.

    ``DirectoryApp("s3://media", responder=StoreRedirect(minimum=10_000_000))``. ``expires``:
    seconds for which a link holds. ``minimum``: bytes of the smallest object that is worth it.
    ``only``: says yes to the paths (PATH_INFO) of those that may be linked to. All else is
    answered by ``otherwise``: HEAD, what the client has already, and what has no such links.

    The store answers as it has the object: what is said of it by the application is not said there.
    Raises ValueError for what can be no time and no size.
    """

    def __init__(
        self,
        *,
        expires: float = 300.0,
        minimum: int = 0,
        only: Callable[[str], bool] | None = None,
        otherwise: Responder = respond,
    ) -> None:
        if not 1 <= expires <= 604800 or minimum < 0:
            raise ValueError("A link holds from a second to seven days, for objects of any size.")
        self._expires = expires
        self._minimum = minimum
        self._only = only
        self._otherwise = otherwise

    def __call__(self, environ: Environ, start_response: StartResponse, source: Source) -> Body:
        if not (isinstance(source, Linked) and self._is_meant(environ, source)):
            return self._otherwise(environ, start_response, source)
        try:
            location = source.link(self._expires)
        finally:
            source.close()
        # Who has the link has the object: it is for this client alone.
        headers = (("Location", location), ("Cache-Control", "no-store"))
        plan = sentence(307, "For a while, the file is at another address.", headers)
        begin(plan, start_response)
        return plan_body(plan, environ)

    def _is_meant(self, environ: Environ, source: Source) -> bool:
        if environ["REQUEST_METHOD"] != "GET" or (source.meta.size or 0) < self._minimum:
            return False
        if self._only is not None and not self._only(environ.get("PATH_INFO", "")):
            return False
        return decide(environ, source.meta, time.time()).status in (200, 206)
