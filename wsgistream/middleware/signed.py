"""Signed: an application that only answers links that were signed for it, until they expire."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from wsgistream.respond import begin, plan_body
from wsgistream.rules.decide import sentence
from wsgistream.rules.signing import Refused, check, check_keys, sign_url
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.waiting import is_quick

_REFUSED: Final = sentence(
    403, "This link does not hold, or no longer does.", (("Cache-Control", "no-store"),)
)


def sign(
    url: str,
    key: bytes | str,
    *,
    expires: float | timedelta | datetime,
    method: str = "GET",
    prefix: bool | str = False,
    mount: str = "",
    clock: Callable[[], float] = time.time,
) -> str:
    """Sign a link for a ``SignedURLMiddleware`` that has this key; text is escaped as a URL is.

    ``url`` is a URL or its path; of it the path, the query and the method are signed, and nothing
    can be added. ``expires``: seconds from now, a timedelta, or the moment itself. GET allows HEAD.

    ``prefix``: True signs all that is below the folder of the URL, and a path such as ``/hls/`` all
    that is below that one, with any query. The signature is then a part of the path, before
    ``/hls``, and so it stays in all that a playlist names by a relative address. It stands behind
    ``mount``, the path at which the middleware is (its SCRIPT_NAME).

    Raises ValueError and TypeError for what cannot be signed, or has expired.
    """
    (secret,) = check_keys([key])
    moment = _moment(expires, clock())
    return sign_url(url, secret, expires=moment, method=method, prefix=prefix, mount=mount)


def _moment(expires: float | timedelta | datetime, now: float) -> int:
    if isinstance(expires, datetime):
        if expires.tzinfo is None:
            raise ValueError("A moment needs a time zone: datetime.now(timezone.utc) has one.")
        moment = expires.timestamp()
    elif isinstance(expires, timedelta):
        moment = now + expires.total_seconds()
    elif isinstance(expires, (int, float)):
        moment = now + expires
    else:
        raise TypeError(f"A link expires after seconds, or at a datetime, not {expires!r}.")
    if not now < moment < math.inf:
        raise ValueError(f"A link expires after now: {expires!r} is no such time.")
    return math.ceil(moment)


class SignedURLMiddleware:
    """Pass on what is asked for by a link that ``sign`` made and that holds; the rest is a 403.

    ``keys``, of 16 bytes or more: the first is to sign by, and each of them verifies, so that a new
    one is put before the old. ``app`` sees the request without the signature. ``clock``: seconds
    since 1970. A browser's preflight is allowed what it asks for. Raises ValueError for keys that
    are too short.
    """

    def __init__(
        self,
        app: WSGIApp,
        *,
        keys: Iterable[bytes | str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.app = app
        self.quick = is_quick(app)
        self._keys = check_keys(keys)
        self._clock = clock

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        try:
            changes = check(environ, self._keys, self._clock())
        except Refused:
            begin(_REFUSED, start_response)
            return plan_body(_REFUSED, environ)
        return self.app({**environ, **changes}, start_response)
