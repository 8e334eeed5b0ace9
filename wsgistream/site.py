"""Site: the application that settings describe, for the command line and for other servers."""

# ruff: noqa: PLC0415 - what is not asked for is not loaded: it would stay in each process

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from wsgistream.apps.files import DirectoryApp, FileApp
from wsgistream.errors import NotFound
from wsgistream.offload import XAccelRedirect, XSendfile
from wsgistream.options import of_the_app
from wsgistream.respond import refuse, respond
from wsgistream.rules.coding import MissingLibrary
from wsgistream.sources.objects.address import is_url
from wsgistream.types import Body, Environ, Responder, StartResponse, WSGIApp
from wsgistream.values import read_offload, read_size
from wsgistream.wsgi import stack

# The settings that are options of DirectoryApp.
_OF_A_FOLDER: Final = ("listing", "live", "cache_control", "headers", "index")
# And those of where its files are.
_OF_A_STORE: Final = ("hidden", "follow_symlinks")


def create_app(**settings: Any) -> WSGIApp:
    """Make the application of ``wsgistream serve``, as in ``gunicorn 'wsgistream:create_app()'``.

    ``root``: a folder, a file, or the URL of a folder of objects (``s3://bucket/prefix``);
    ``prefix``, ``listing``, ``live``, ``hidden``, ``follow_symlinks``, ``cache_control``,
    ``headers``, ``index`` and ``spa`` are the options of that name. So are ``auth_file`` and
    ``sign_key_file`` (paths), ``throttle`` (bytes a second for a connection, or a text such as
    ``"2M"``), ``compress`` and ``metrics``, which put middleware around it, and ``offload``
    (``"nginx:/internal/"``, ``"apache"``, ``"lighttpd"``), which leaves the sending to the server
    in front. With ``hls`` the folder is a Broadcast, which pages of any origin may play. With
    ``db`` (a URL) and ``queries`` (SQL by name) it is a ``QueryApp`` instead of files. What is not
    given is taken from the environment (``WSGISTREAM_ROOT`` and so on).

    Raises TypeError for an unknown setting and ValueError for one that cannot be, such as a root
    that is not there, or one that needs a library that is not installed.
    """
    chosen = of_the_app(settings, os.environ)
    try:
        return stack(_app(chosen), *_layers(chosen))
    except ImportError as error:
        raise ValueError(str(error)) from error
    except OSError as error:
        raise ValueError(f"{error.filename!r} cannot be used: {error.strerror}.") from error


def create_checked_app(**settings: Any) -> WSGIApp:
    """Make the same application, and look whether what it serves can be had.

    Raises ValueError where it cannot. No process may be forked after this.
    """
    app = create_app(**settings)
    chosen = of_the_app(settings, os.environ)
    if is_url(chosen["root"]):
        from wsgistream.sources.objects.bucket import Bucket

        Bucket(chosen["root"]).check(listing=chosen["listing"])
    return app


def place_of(root: str | os.PathLike[str]) -> str:
    """Name what is served, for a person."""
    return str(root) if is_url(root) else os.path.abspath(root)


def _layers(chosen: Mapping[str, Any]) -> Iterator[Callable[[WSGIApp], WSGIApp]]:
    """Give the middleware that is switched on, the outermost first."""
    if chosen["hls"]:
        from wsgistream.middleware.headers import HeadersMiddleware

        # A browser asks without a password whether a page may ask.
        yield partial(HeadersMiddleware, cors=True)
    if chosen["auth_file"] is not None:
        from wsgistream.middleware.auth import BasicAuthMiddleware

        # Nothing is told without a password, also not how much is asked for.
        yield partial(BasicAuthMiddleware, users=chosen["auth_file"])
    if chosen["metrics"]:
        from wsgistream.middleware.metrics import MetricsMiddleware

        # What is refused below is counted; and who asks for the counts needs no signature.
        yield MetricsMiddleware
    if chosen["sign_key_file"] is not None:
        from wsgistream.keys import read_keys
        from wsgistream.middleware.signed import SignedURLMiddleware

        # A link is signed as its client sees it, the prefix with it.
        yield partial(SignedURLMiddleware, keys=read_keys(chosen["sign_key_file"]))
    if chosen["throttle"] is not None:
        from wsgistream.middleware.throttle import ThrottleMiddleware

        # A client pays for what is sent, which is less where it is compressed.
        yield partial(ThrottleMiddleware, per_connection=read_size(str(chosen["throttle"])))
    if chosen["compress"]:
        from wsgistream.middleware.compress import CompressMiddleware

        yield CompressMiddleware
    if chosen["prefix"]:
        from wsgistream.middleware.prefix import PrefixMiddleware

        yield partial(PrefixMiddleware, prefix=chosen["prefix"])


def _app(chosen: Mapping[str, Any]) -> WSGIApp:
    if chosen["db"] is not None or chosen["queries"]:
        return _queries(chosen["db"], dict(chosen["queries"]), chosen["headers"])
    root = chosen["root"]
    for name in ("live", "hls"):
        if chosen[name] and not os.path.isdir(root):
            raise ValueError(f"What is live ({name}) is a folder, and {os.fspath(root)!r} is none.")
    if is_url(root):
        return _objects(root, chosen)
    if os.path.isfile(root):
        options = {name: chosen[name] for name in ("cache_control", "headers")}
        app = FileApp(root, responder=_responder(chosen), **options)
        return _AtItsName(os.path.basename(os.fspath(root)), app)
    if not os.path.isdir(root):
        raise ValueError(f"There is no file or folder {os.fspath(root)!r}.")
    return _folder(root, _responder(chosen), chosen)


def _folder(root: Any, responder: Responder, chosen: Mapping[str, Any]) -> WSGIApp:
    options = {name: chosen[name] for name in _OF_A_FOLDER}
    of_the_store = {name: chosen[name] for name in _OF_A_STORE}
    if chosen["hls"]:
        from wsgistream.rules.playlists import cache_segments
        from wsgistream.sources.live.broadcast import Broadcast

        root = Broadcast(root, **of_the_store)
        options["cache_control"] = chosen["cache_control"] or cache_segments
    else:
        options.update(of_the_store)
    fallback = "index.html" if chosen["spa"] else None
    return DirectoryApp(root, fallback=fallback, responder=responder, **options)


def _objects(url: str, chosen: Mapping[str, Any]) -> WSGIApp:
    """Make the application of a folder of objects."""
    if chosen["offload"] is not None:
        raise ValueError("A server in front cannot send what is in an object store.")
    return _folder(url, respond, chosen)


def _queries(db: str | None, queries: Mapping[str, Any], headers: Any) -> WSGIApp:
    if db is None or not queries:
        raise ValueError("Queries need a database, and a database queries: give db and queries.")
    # Rows bring a good deal with them, for which a server of files has no use.
    from wsgistream.apps.query import QueryApp

    try:
        return QueryApp(db, queries, headers=headers)
    except MissingLibrary as error:
        raise ValueError(str(error)) from error


def _responder(chosen: Mapping[str, Any]) -> Responder:
    """Choose who sends the files: this server, or one in front."""
    if chosen["offload"] is None:
        return respond
    front, _, location = read_offload(chosen["offload"]).partition(":")
    if front == "nginx":
        root = os.path.abspath(chosen["root"])
        return XAccelRedirect({root if os.path.isdir(root) else os.path.dirname(root): location})
    return XSendfile(quoted=front == "lighttpd")


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
