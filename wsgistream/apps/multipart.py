"""Multipart: a camera's frames as one picture that moves (multipart/x-mixed-replace)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from wsgistream.apps.places import NO_PLACE, NoPlace, Places, check_heartbeat
from wsgistream.respond import begin, plan_body
from wsgistream.rules.decide import sentence
from wsgistream.rules.fields import check_header
from wsgistream.rules.multipart import random_boundary
from wsgistream.sources.live.frames import Frames, FrameViewer
from wsgistream.types import Body, Environ, Plan, StartResponse
from wsgistream.wsgi.bodies import close
from wsgistream.wsgi.waiting import Wakeable

# RFC 2046 §5.1.1, without what would have to be quoted in a field.
_BOUNDARY: Final = re.compile(r"[A-Za-z0-9'+_.-]{1,70}")

_ALLOW: Final = ("Allow", "GET, HEAD, OPTIONS")
_NOT_ALLOWED: Final = sentence(405, "A camera is watched by GET.", (_ALLOW,))


class MultipartStream:
    """What a camera sees, as an application: ``<img src="/camera">`` shows ``/camera``.

    ``frames`` is called with the first viewer, and gives an iterable of frames: bytes of a
    ``content_type`` each, at the pace of the camera. All share it; who is slow has the newest frame
    and not all of them. It is closed, if it can be, when the last viewer has left. ``boundary``
    stands between the frames; None: one that nobody foresees. ``limit`` and ``heartbeat``: see
    EventsApp; in a silence the last frame is sent again. Raises ValueError for an option that
    cannot be.
    """

    quick = True

    def __init__(
        self,
        frames: Callable[[], Iterable[bytes]],
        *,
        content_type: str = "image/jpeg",
        boundary: str | None = None,
        limit: int = 3,
        heartbeat: float = Wakeable.heartbeat,
    ) -> None:
        boundary = random_boundary() if boundary is None else boundary
        if _BOUNDARY.fullmatch(boundary) is None:
            raise ValueError(f"A boundary is 1 to 70 letters, digits and '+_.-, not {boundary!r}.")
        check_header("Content-Type", content_type)
        self._frames = Frames(frames, content_type=content_type, boundary=boundary)
        self._heartbeat = check_heartbeat(heartbeat)
        self._places = Places(limit)
        self._headers = (
            ("Content-Type", f"multipart/x-mixed-replace; boundary={boundary}"),
            ("Cache-Control", "no-store, no-transform"),
            ("X-Accel-Buffering", "no"),
        )

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        method = environ["REQUEST_METHOD"]
        if method == "GET":
            try:
                return self._watch(environ, start_response)
            except NoPlace:
                plan = NO_PLACE
        elif method == "HEAD":
            plan = Plan(200, self._headers, ())
        elif method == "OPTIONS":
            plan = Plan(204, (_ALLOW,), ())
        else:
            plan = _NOT_ALLOWED
        begin(plan, start_response)
        return plan_body(plan, environ)

    def _watch(self, environ: Environ, start_response: StartResponse) -> Body:
        body = self._places.let_in(environ, self._view)
        try:
            begin(Plan(200, self._headers, ()), start_response)
        except BaseException:
            close(body)
            raise
        return body

    def _view(self) -> FrameViewer:
        viewer = self._frames.view()
        viewer.heartbeat = self._heartbeat
        return viewer
