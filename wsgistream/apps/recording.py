"""Recording: a file that is still being written, which can be watched and sought in meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from wsgistream.apps.places import NO_PLACE, NoPlace, Places
from wsgistream.respond import answer_other_method, begin, enact, plan_body, refuse, respond
from wsgistream.rules.decide import decide
from wsgistream.sources.file import File
from wsgistream.sources.live.follow import Growing
from wsgistream.types import Body, Environ, Plan, StartResponse
from wsgistream.wsgi.bodies import close

# What is there now is not what will be there; and a player asks for more by itself.
_NOW: Final = (("Cache-Control", "no-cache"),)


class RecordingApp:
    """A recording, finished or growing: ``RecordingApp("meeting.mp4")``.

    As long as it grows, GET streams it up to its end, whenever that comes, and a range is answered
    with what there is of it, its whole length left open (``Content-Range: bytes 0-99/*``); several
    ranges get the whole. Then it is a file like any other. ``growing`` tells of a path whether it
    still grows; None: a file does that was changed within ``patience`` seconds. ``limit``: see
    EventsApp. ``clock``: seconds since 1970. Raises ValueError for an option that cannot be.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        growing: Callable[[str], bool] | None = None,
        patience: float = 10.0,
        limit: int = 3,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not patience > 0:
            raise ValueError(f"Patience is seconds, more than 0, not {patience!r}.")
        self._path = os.fspath(path)
        self._patience = patience
        self._clock = clock
        self._is_growing = partial(growing or self._was_changed, self._path)
        self._places = Places(limit)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return answer_other_method(environ, start_response)
        try:
            # Asked first: what has ended by now is whole when it is opened.
            answer = self._give_now if self._is_growing() else respond
            return answer(environ, start_response, File(self._path))
        except OSError as error:
            return refuse(error, environ, start_response)
        except NoPlace:
            begin(NO_PLACE, start_response)
            return plan_body(NO_PLACE, environ)

    def _was_changed(self, path: str) -> bool:
        return self._clock() - os.stat(path).st_mtime < self._patience

    def _give_now(self, environ: Environ, start_response: StartResponse, file: File) -> Body:
        """Answer with a file that grows; it has no validator that would hold a moment later."""
        meta = replace(file.meta, etag=None, modified=None, extra=(*file.meta.extra, *_NOW))
        plan = decide(environ, meta, self._clock())
        if len(plan.pieces) > 1:
            plan = decide({**environ, "HTTP_RANGE": ""}, meta, self._clock())
        if plan.status != 200:
            return enact(_left_open(plan), environ, start_response, file)
        file.close()
        headers = tuple(field for field in plan.headers if field[0] != "Content-Length")
        if environ["REQUEST_METHOD"] == "HEAD":
            begin(plan._replace(headers=headers), start_response)
            return []
        body = self._places.let_in(environ, partial(Growing, self._path, self._is_growing))
        try:
            begin(plan._replace(headers=headers), start_response)
        except BaseException:
            close(body)
            raise
        return body


def _left_open(plan: Plan) -> Plan:
    """Leave the whole length of a 206 open (RFC 9110 §14.4); a 416 tells how far it has come."""
    if plan.status != 206:
        return plan
    return plan._replace(
        headers=tuple(
            (name, f"{value.partition('/')[0]}/*" if name == "Content-Range" else value)
            for name, value in plan.headers
        )
    )
