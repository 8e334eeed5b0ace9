"""Site: the application that settings describe, for the command line and for other servers."""

from __future__ import annotations

import os
from typing import Any

from wsgistream.apps.files import DirectoryApp, FileApp
from wsgistream.errors import NotFound
from wsgistream.middleware.prefix import PrefixMiddleware
from wsgistream.options import of_the_app
from wsgistream.respond import refuse
from wsgistream.types import Body, Environ, StartResponse, WSGIApp


def create_app(**settings: Any) -> WSGIApp:
    """Make the application of ``wsgistream serve``, as in ``gunicorn 'wsgistream:create_app()'``.

    ``root``: a folder or a file; ``prefix``, ``listing``, ``hidden``, ``follow_symlinks``,
    ``cache_control``, ``headers``, ``index`` and ``spa`` are the options of that name. What is not
    given is taken from the environment (``WSGISTREAM_ROOT`` and so on). Raises TypeError for an
    unknown setting and ValueError for one that cannot be, such as a root that is not there.
    """
    chosen = of_the_app(settings, os.environ)
    app = _app(**chosen)
    return PrefixMiddleware(app, prefix=chosen["prefix"]) if chosen["prefix"] else app


def _app(*, root: str, prefix: str, spa: bool, **options: Any) -> WSGIApp:
    if os.path.isfile(root):
        app = FileApp(root, cache_control=options["cache_control"], headers=options["headers"])
        return _AtItsName(os.path.basename(os.fspath(root)), app)
    if not os.path.isdir(root):
        raise ValueError(f"There is no file or folder {os.fspath(root)!r}.")
    return DirectoryApp(root, fallback="index.html" if spa else None, **options)


class _AtItsName:
    """A file at the root and at its name; a browser's ``/favicon.ico`` is not that file."""

    def __init__(self, name: str, app: FileApp) -> None:
        self.app = app
        self.quick = app.quick
        self._paths = ("", "/", "/" + os.fsencode(name).decode("latin-1"))

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        if environ.get("PATH_INFO", "") in self._paths:
            return self.app(environ, start_response)
        return refuse(NotFound(), environ, start_response)
