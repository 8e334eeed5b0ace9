"""CORS: which other origins may read an answer, as the CORS protocol of Fetch has it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from wsgistream.rules.decide import sentence
from wsgistream.rules.fields import is_token
from wsgistream.types import Header, Plan

#: What scripts send and a browser first asks about; by itself it allows of these one range that
#: begins at a byte, and the media types of forms.
HEADERS: Final = (
    "Content-Type",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Range",
)
#: What a browser allows by itself, whatever the answer to a preflight says.
METHODS: Final = ("GET", "HEAD", "POST")
#: What a script may read besides Cache-Control, Content-Language, Content-Length, Content-Type,
#: Expires, Last-Modified and Pragma, which it always may.
EXPOSED: Final = ("Accept-Ranges", "Content-Disposition", "Content-Range", "ETag")

# As a browser writes it: in lower case, and without the port that the scheme implies.
_ORIGIN: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
)
_IMPLIED: Final = {"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21"}
_ALLOW_ORIGIN: Final = "Access-Control-Allow-Origin"
_REFUSED: Final = sentence(403, "Pages of this origin may not read what is here.")


class Cors:
    """Who may read, and what: ``origins`` are True for any, or those that are named.

    ``max_age``: seconds for which a browser keeps the answer to a preflight. Raises ValueError for
    what a browser would not understand, and for credentials together with any origin.
    """

    def __init__(
        self,
        origins: Iterable[str] | bool,
        *,
        methods: Iterable[str] = METHODS,
        headers: Iterable[str] = HEADERS,
        exposed: Iterable[str] = EXPOSED,
        credentials: bool = False,
        max_age: int = 600,
    ) -> None:
        if isinstance(max_age, bool) or not isinstance(max_age, int) or max_age < 0:
            raise ValueError(f"The age of a preflight is whole seconds from 0, not {max_age!r}.")
        self._origins = _named(origins)
        shared = _list("readable header", exposed, credentials)
        self._granted: list[Header] = [
            ("Access-Control-Allow-Methods", _list("method", methods, credentials)),
            ("Access-Control-Allow-Headers", _list("header", headers, credentials)),
            ("Access-Control-Max-Age", str(max_age)),
        ]
        self._shared: list[Header] = []
        if credentials:
            if self._origins is None or "null" in self._origins:
                raise ValueError(
                    "Credentials are for origins that are named one by one, not for any, nor null."
                )
            self._shared.append(("Access-Control-Allow-Credentials", "true"))
        self._exposed: list[Header] = [("Access-Control-Expose-Headers", shared)] if shared else []

    @property
    def varies(self) -> bool:
        """Whether an answer depends on the Origin of the request."""
        return self._origins is not None

    def fields(self, origin: str | None) -> list[Header]:
        """Give the fields of an answer to a request of this origin; None: it names none."""
        allowed = self._allowed(origin)
        return [*allowed, *self._exposed] if allowed else []

    def preflight(self, origin: str) -> Plan:
        """Answer the question whether a request of this origin may be made."""
        allowed = self._allowed(origin)
        vary = [("Vary", "Origin")] if self.varies else []
        if not allowed:
            return _REFUSED._replace(headers=(*_REFUSED.headers, *vary))
        granted = [field for field in self._granted if field[1]]
        return Plan(204, (*allowed, *granted, *vary), ())

    def _allowed(self, origin: str | None) -> list[Header]:
        if self._origins is None:
            # To whoever asks, since a cache may give the answer to another page.
            return [(_ALLOW_ORIGIN, "*")]
        if origin is None or origin not in self._origins:
            return []
        return [(_ALLOW_ORIGIN, origin), *self._shared]


def is_preflight(method: str, origin: str | None, asked_method: str | None) -> bool:
    """Tell whether a request only asks if another may be made."""
    return method == "OPTIONS" and origin is not None and asked_method is not None


def _named(origins: Iterable[str] | bool) -> frozenset[str] | None:
    """Check the origins; None: any."""
    if origins is True:
        return None
    named = frozenset(() if isinstance(origins, (bool, str, bytes)) else origins)
    if not named:
        raise ValueError(f"Origins are True for any, or a list of them, not {origins!r}.")
    for origin in named:
        if origin != "null" and not _is_origin(origin):
            raise ValueError(
                "An origin is such as https://example.org or http://localhost:8000, in lower case "
                f"and without a path or the usual port, not {origin!r}."
            )
    return named


def _is_origin(text: object) -> bool:
    found = _ORIGIN.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return False
    port = found["port"]
    return port is None or (int(port) < 65536 and port != _IMPLIED.get(found["scheme"]))


def _list(kind: str, names: Iterable[str], credentials: bool) -> str:
    if isinstance(names, str):
        raise ValueError(f"There may be more than one {kind}: give a list, not {names!r}.")
    names = tuple(names)
    for name in names:
        if not is_token(name):
            raise ValueError(f"A {kind} is a word such as Range or GET, not {name!r}.")
        if name == "*" and credentials:
            # With credentials it is a name like any other, and no wildcard.
            raise ValueError(f"With credentials each {kind} is named: a star means none of them.")
    return ", ".join(names)
