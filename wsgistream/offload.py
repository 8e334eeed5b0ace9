"""Offload: responders that leave it to the server in front to send a file."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from wsgistream.respond import begin, plan_body, respond
from wsgistream.rules.decide import decide
from wsgistream.types import Body, Environ, Header, Plan, Source, StartResponse

# The front server answers ranges and preconditions, and counts the bytes.
_OF_THE_FRONT: Final = frozenset({"accept-ranges", "content-length"})

# What no field can hold (RFC 9110 §5.5).
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")

_NO_CONDITIONS: Final[Environ] = {"REQUEST_METHOD": "GET"}


class XAccelRedirect:
    """Have nginx send what lies below some folders, by its X-Accel-Redirect.

    ``mapping``: each folder, and the path of the ``internal`` location whose ``alias`` it is, as in
    ``DirectoryApp("/srv/media", responder=XAccelRedirect({"/srv/media": "/internal/"}))``. Whatever
    else is asked for is answered as without. It is chosen here alone: what a client sends has no
    part in it. Raises ValueError for a folder that is not there and for what is no path.
    """

    def __init__(self, mapping: Mapping[str | os.PathLike[str], str]) -> None:
        if not mapping:
            raise ValueError("Nothing is mapped: {'/srv/media': '/internal/'} is an example.")
        for folder, location in mapping.items():
            if not os.path.isdir(folder):
                raise ValueError(f"There is no folder {os.fspath(folder)!r}.")
            if not (location.startswith("/") and location.endswith("/")):
                raise ValueError(f"A location is a path such as /internal/, not {location!r}.")
        self._locations = {os.fspath(folder): location for folder, location in mapping.items()}

    def __call__(self, environ: Environ, start_response: StartResponse, source: Source) -> Body:
        path = _real_path(source)
        location = None if path is None else self._location(path)
        if location is None:
            return respond(environ, start_response, source)
        # nginx gives the file a tag of its own, and so has to try the preconditions as well.
        return _leave(("X-Accel-Redirect", location), _NO_CONDITIONS, start_response, source)

    def _location(self, path: str) -> str | None:
        """Find the location of a file; the longest folder counts."""
        found: tuple[int, str] | None = None
        for folder, location in self._locations.items():
            # A folder may be a link that leads elsewhere after a release.
            inside = os.path.realpath(folder).rstrip("/") + "/"
            if path.startswith(inside) and (found is None or len(inside) > found[0]):
                found = len(inside), location + _escaped(path[len(inside) :])
        return None if found is None else found[1]


class XSendfile:
    """Have Apache (mod_xsendfile), or lighttpd, send every local file, by their X-Sendfile.

    ``DirectoryApp("/srv/media", responder=XSendfile())``; the folder has to be allowed there.
    ``quoted``: the path is percent-encoded, as lighttpd has it and Apache does not: the one would
    send another file for the path that is meant for the other. A name that cannot be told is
    answered as without, and so is what is no local file.
    """

    def __init__(self, *, quoted: bool = False) -> None:
        self._quoted = quoted

    def __call__(self, environ: Environ, start_response: StartResponse, source: Source) -> Body:
        path = _real_path(source)
        told = None if path is None else self._told(path)
        # Apache's module takes a Content-Encoding away.
        if told is None or not (self._quoted or source.meta.encoding is None):
            return respond(environ, start_response, source)
        # The tag is passed on, and lighttpd does not know If-Match: only the range is left to them.
        whole = {name: value for name, value in environ.items() if name != "HTTP_RANGE"}
        return _leave(("X-Sendfile", told), whole, start_response, source)

    def _told(self, path: str) -> str | None:
        """Write a path as the server reads it; None: it would read another."""
        raw = os.fsencode(path).decode("latin-1")  # as WSGI has bytes (PEP 3333)
        if _CONTROL.search(raw):
            return None
        if self._quoted:
            return _escaped(path) if _is_text(path) else None
        return raw if raw == raw.strip() else None  # no field begins or ends with a space


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:  # bytes that are no text, which lighttpd refuses
        return False
    return True


def _leave(where: Header, request: Environ, start_response: StartResponse, source: Source) -> Body:
    """Answer with the headers of the whole, and where the file is."""
    try:
        plan = decide({**request, "REQUEST_METHOD": "GET"}, source.meta, time.time())
    finally:
        source.close()
    if plan.status == 200:
        headers = [field for field in plan.headers if field[0].lower() not in _OF_THE_FRONT]
        plan = Plan(200, (*headers, ("Content-Length", "0"), where), ())
    begin(plan, start_response)
    return plan_body(plan, request)


def _real_path(source: Source) -> str | None:
    """Find where the file that is open really lies; None: nowhere any more, or it is none."""
    path = getattr(source, "path", None)
    if source.file is None or path is None:
        return None
    real = os.path.realpath(path)
    try:
        same = os.path.samestat(os.stat(real), os.fstat(source.file.fileno()))
    except OSError:
        return None
    # What has taken its place since has not been judged: it may lie outside.
    return real if same else None


def _escaped(path: str) -> str:
    """Escape all that a front server could take for something else; it takes that back."""
    return quote(os.fsencode(path))
