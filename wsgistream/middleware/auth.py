"""Auth: an application for those alone who have a name and a password (RFC 7617)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from wsgistream.middleware.users import Hash, UserFile, Users, read_mapping
from wsgistream.respond import begin, plan_body
from wsgistream.rules.credentials import Credentials, NotCredentials, challenge, parse_basic
from wsgistream.rules.decide import sentence
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi.waiting import IN_LOOP, WouldBlock, is_quick

_BUSY: Final = sentence(
    503, "Too many passwords are being verified; please try again.", (("Retry-After", "1"),)
)


class _Busy(Exception):
    """Others are verified for too long already."""


class BasicAuthMiddleware:
    """Pass on the requests of users, and ask all others for a name and a password: a 401.

    ``users``: the path of an htpasswd file, which is read again when it changes, or a mapping of
    names to hashes: bcrypt, argon2, apr1, SHA-crypt or {SHA}. ``app`` is told the name as
    REMOTE_USER and never the password. Who has shown a password is remembered for ``remember``
    seconds, because to verify one is slow on purpose. ``hashes_at_once`` are verified at a time
    (None: one for every two processors), and who waits for more than ``patience`` seconds is
    answered 503. ``clock``: seconds, from any moment on.

    A browser's preflight has no password: what answers it stands around this middleware. Raises
    ValueError and TypeError for options, and for users, that cannot be; OSError for a file that
    cannot be read; ImportError without the libraries of the extra ``[auth]``.
    """

    def __init__(
        self,
        app: WSGIApp,
        *,
        users: str | os.PathLike[str] | Mapping[str, str],
        realm: str = "Restricted",
        remember: float = 60.0,
        hashes_at_once: int | None = None,
        patience: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not (remember >= 0 and 0 <= patience <= threading.TIMEOUT_MAX):
            raise ValueError("Seconds to remember, and of patience, are 0 or more.")
        if hashes_at_once is None:
            hashes_at_once = max(1, (os.cpu_count() or 1) // 2)
        if hashes_at_once < 1:
            raise ValueError(f"At least one hash is verified at a time, not {hashes_at_once}.")
        self.app = app
        self.quick = is_quick(app)
        self._denied = sentence(401, "This needs a name and a password.", (challenge(realm),))
        self._places = threading.BoundedSemaphore(hashes_at_once)
        self._patience = patience

        def make(hashes: Mapping[str, Hash]) -> Users:
            return Users(hashes, remember, clock)

        if isinstance(users, Mapping):
            fixed = make(read_mapping(users))
            self._users: Callable[[bool], Users] = lambda in_loop: fixed
        elif isinstance(users, (str, os.PathLike)):
            self._users = UserFile(users, make).current
        else:
            raise TypeError(f"Users are the path of a file, or a mapping, not {users!r}.")

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        try:
            name = self._verified(parse_basic(environ.get("HTTP_AUTHORIZATION", "")), environ)
        except NotCredentials:
            plan = self._denied
        except _Busy:
            plan = _BUSY
        else:
            # Strings of WSGI are bytes as latin-1 (PEP 3333).
            user = {"AUTH_TYPE": "Basic", "REMOTE_USER": name.encode().decode("latin-1")}
            inner = {**environ, **user}
            del inner["HTTP_AUTHORIZATION"]
            return self.app(inner, start_response)
        begin(plan, start_response)
        return plan_body(plan, environ)

    def _verified(self, who: Credentials, environ: Environ) -> str:
        """Return the name, or raise NotCredentials if it is not theirs."""
        users = self._users(IN_LOOP in environ)
        if users.remembers(who):
            return who.name
        if IN_LOOP in environ:
            raise WouldBlock
        if not self._places.acquire(timeout=self._patience):
            raise _Busy
        try:
            # While this one waited, another request may have shown the same.
            if users.remembers(who) or users.verify(who):
                return who.name
        finally:
            self._places.release()
        raise NotCredentials
