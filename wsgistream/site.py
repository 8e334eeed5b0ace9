"""Site: the application that settings describe, for the command line and for other servers."""

from __future__ import annotations

import os
from typing import Any

from wsgistream.apps.files import DirectoryApp, FileApp
from wsgistream.middleware.prefix import PrefixMiddleware
from wsgistream.options import of_the_app
from wsgistream.types import WSGIApp


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
        return FileApp(root, cache_control=options["cache_control"], headers=options["headers"])
    if not os.path.isdir(root):
        raise ValueError(f"There is no file or folder {os.fspath(root)!r}.")
    return DirectoryApp(root, fallback="index.html" if spa else None, **options)
