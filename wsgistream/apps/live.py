"""Live: the events and the script by which the page of a folder shows what happens in it."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from wsgistream.apps.events import EventsApp
from wsgistream.respond import answer_other_method, respond
from wsgistream.rules.decide import NOSNIFF
from wsgistream.rules.paths import parse_path
from wsgistream.sources.live.changes import Changes, LocalStore
from wsgistream.sources.memory import Memory
from wsgistream.types import Body, Environ, Meta, StartResponse, Store
from wsgistream.wsgi.waiting import IN_LOOP, WouldBlock

_SCRIPT: Final = "-/live.js"

_EVENTS: Final = "/-/events"
_CODE: Final = files("wsgistream").joinpath("pages/live.js").read_bytes()
_META: Final = Meta(
    len(_CODE), "text/javascript; charset=utf-8", extra=(NOSNIFF, ("Cache-Control", "max-age=60"))
)


class LiveListing:
    """What a page of a folder needs to be of now: its script, and ``/-/events/PATH/OF/FOLDER/``.

    Raises ValueError for a store that is no folder.
    """

    #: Where the script is, from the root.
    script = _SCRIPT

    def __init__(self, store: Store) -> None:
        if not isinstance(store, LocalStore):
            raise ValueError("Nobody tells what happens in a store that is no folder.")
        self._store = store
        self._events = EventsApp(Changes(store), topics=self._folder)

    @staticmethod
    def answers(environ: Environ) -> bool:
        """Tell whether a request is for this, and not for a file."""
        path = environ.get("PATH_INFO", "")
        return path == f"/{_SCRIPT}" or f"{path}/".startswith(f"{_EVENTS}/")

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        path = environ["PATH_INFO"]
        if path != f"/{_SCRIPT}":
            if IN_LOOP in environ:
                raise WouldBlock
            return self._events(environ, start_response)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return answer_other_method(environ, start_response)
        return respond(environ, start_response, Memory(_CODE, _META))

    def _folder(self, environ: Environ) -> tuple[str] | None:
        """Find the folder of a request; None: there is no such folder, or it may not be read."""
        target = parse_path(environ["PATH_INFO"].removeprefix(_EVENTS) or "/")
        if target is None or not target.folder:
            return None
        try:
            entries = self._store.list(target.segments)
        except OSError:
            return None
        return None if entries is None else ("/".join(target.segments),)
