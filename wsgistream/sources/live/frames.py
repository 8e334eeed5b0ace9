"""Frames: the pictures of one camera, of which each viewer has the newest."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from wsgistream.sources.live.log import wake_all
from wsgistream.wsgi.bodies import close
from wsgistream.wsgi.waiting import Wakeable


class Frames:
    """A camera, in parts of multipart/x-mixed-replace: it is open while anybody watches.

    ``open_camera`` gives an iterable of frames (bytes each), of a ``content_type``. One thread
    takes them for all viewers, and closes the iterable, if it can be, when it is at its end, or
    when one more frame has come and nobody watches any more; only then it may be opened again.
    """

    def __init__(
        self, open_camera: Callable[[], Iterable[bytes]], *, content_type: str, boundary: str
    ) -> None:
        self._open = open_camera
        self._head = f"Content-Type: {content_type}\r\nContent-Length: ".encode("latin-1")
        #: What begins a part.
        self.line = f"--{boundary}\r\n".encode("latin-1")
        self._lock = threading.Lock()
        self._viewers: set[FrameViewer] = set()
        self._is_running = False
        #: The newest part, which is the same bytes for all; None: there is none yet.
        self.newest: bytes | None = None

    def view(self) -> FrameViewer:
        """Let somebody watch; the stream has to be closed, also where nobody reads it."""
        viewer = FrameViewer(self)
        with self._lock:
            self._viewers.add(viewer)
            if not self._is_running:
                self._is_running = True
                name = "wsgistream frames"
                threading.Thread(target=self._run, name=name, daemon=True).start()
        return viewer

    def leave(self, viewer: FrameViewer) -> None:
        """Forget a viewer."""
        with self._lock:
            self._viewers.discard(viewer)

    def _run(self) -> None:
        goes_on = True
        while goes_on:
            try:
                ended = self._film()
                error: Exception | None = None
            except Exception as failure:
                ended, error = True, failure
            with self._lock:
                watching: set[FrameViewer] = set()
                if ended:
                    watching, self._viewers = self._viewers, watching
                for viewer in watching:
                    viewer.end(self.newest, error)
                self.newest = None
                # Somebody may have come while it was closed.
                goes_on = self._is_running = bool(self._viewers)
            wake_all(watching)

    def _film(self) -> bool:
        """Take frames while anybody watches; tells whether they have come to their end."""
        frames = self._open()
        try:
            for frame in frames:
                # The boundary behind it tells a browser that it is whole, and may be shown.
                part = b"%s%d\r\n\r\n%s\r\n%s" % (self._head, len(frame), frame, self.line)
                with self._lock:
                    self.newest = part
                    watching = tuple(self._viewers)
                if not watching:
                    return False
                wake_all(watching)
        finally:
            close(frames)
        return True


class FrameViewer(Wakeable):
    """One who watches: a stream of frames that leaves out those for which there is no time."""

    __slots__ = ("_error", "_frames", "_has_ended", "_last", "_seen", "_waker", "heartbeat")

    _waker: Callable[[], object] | None

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._waker = None
        self._seen: bytes | None = None
        self._last: bytes | None = None
        self._error: Exception | None = None
        self._has_ended = False
        self.heartbeat = Wakeable.heartbeat

    def take(self) -> bytes | None:
        has_ended = self._has_ended
        part = self._last if has_ended else self._frames.newest
        if part is not None and part is not self._seen:
            is_first, self._seen = self._seen is None, part
            return self._frames.line + part if is_first else part
        if has_ended:
            raise self._error or StopIteration
        return None

    def beat(self) -> bytes:
        return self._seen or b""  # the same picture again

    def end(self, last: bytes | None, error: Exception | None) -> None:
        """Have it end after the last part, or fail then."""
        self._last, self._error = last, error
        self._has_ended = True

    def close(self) -> None:
        self._frames.leave(self)
