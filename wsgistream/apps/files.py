"""Files: one file, or a folder of them, wherever they are, as a WSGI application."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from wsgistream.apps.listing import ListingResponse
from wsgistream.errors import NotFound
from wsgistream.respond import (
    FileResponse,
    answer_other_method,
    begin,
    extra_fields,
    plan_body,
    refuse,
    respond,
    with_fields,
)
from wsgistream.rules.decide import sentence
from wsgistream.rules.disposition import content_disposition
from wsgistream.rules.negotiation import acceptable_codings
from wsgistream.rules.paths import folder_location, parse_path
from wsgistream.sources.file import EtagMaker, etag_of_status
from wsgistream.sources.folder import Folder, NotAcceptable
from wsgistream.sources.objects.address import is_url
from wsgistream.sources.shelf import Shelf
from wsgistream.types import (
    Body,
    Environ,
    Header,
    Responder,
    Source,
    StartResponse,
    Store,
    StoreOfRequests,
    WSGIApp,
)
from wsgistream.wsgi.bodies import close
from wsgistream.wsgi.waiting import IN_LOOP, WouldBlock, is_quick

if TYPE_CHECKING:
    from wsgistream.apps.live import LiveListing

_READING = ("GET", "HEAD")


class FileApp(FileResponse):
    """One file as an application, at whatever path it is mounted: ``FileApp("logo.svg")``.

    It takes what FileResponse takes. Beyond that it answers OPTIONS and refuses other methods.
    """

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        if environ["REQUEST_METHOD"] not in _READING:
            return answer_other_method(environ, start_response)
        return super().__call__(environ, start_response)


class DirectoryApp:
    """The files below a folder as an application: ``DirectoryApp("media", listing=True)``.

    ``root``: a folder, the URL of a folder of objects such as ``s3://bucket/prefix``, or a Store.
    ``index``: names that answer for their folder, the first there is. ``listing``: show the
    folders that have none; ``live``: and what happens in them, by the events at ``/-/events/``.
    ``hidden``: give dot-files too. ``follow_symlinks``: let links lead out of ``root``.
    ``download``: send every file, or those whose name it says yes to, as an attachment. ``etag``:
    makes the entity-tags; None: no tags. ``cache_control``, or what it finds for the name of a
    file, and ``headers`` go with every file. ``fallback``: what answers for the missing: an
    application, or the name of a file below ``root``; ``app``: the same, as this class is used as a
    middleware. ``responder``: what answers with the file that was found.

    Raises ValueError where there is no such folder, and for a header that could not be sent.
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | Store,
        *,
        index: Sequence[str] = ("index.html",),
        listing: bool = False,
        live: bool = False,
        cache_control: str | Callable[[str], str | None] | None = None,
        headers: Iterable[Header] = (),
        follow_symlinks: bool = False,
        hidden: bool = False,
        download: bool | Callable[[str], bool] = False,
        etag: EtagMaker | None = etag_of_status,
        fallback: WSGIApp | str | None = None,
        app: WSGIApp | None = None,
        responder: Responder = respond,
    ) -> None:
        if isinstance(index, str):
            raise ValueError(f"index is a list of names, such as [{index!r}].")
        if app is not None and fallback is not None:
            raise ValueError("app and fallback both answer for what is missing: give one of them.")
        store = _store_at(root, hidden, follow_symlinks, etag)
        self._index = tuple(index)
        self._listing = listing
        self._live = _live(store, listing) if live else None
        self._keep = cache_control if callable(cache_control) else None
        always = None if callable(cache_control) else cache_control
        self._extra = extra_fields(always, headers)
        # A listing is made of what is there now, however long its files may be kept.
        self._listed = extra_fields("no-cache", headers)
        self._download = download
        self._responder = responder
        self._inner, self._fallback = _what_is_missing(fallback if app is None else app)
        # What others wrote may block; a listing does, and says so when it is asked for.
        self.quick = (
            isinstance(store, Folder)
            and etag in (None, etag_of_status)
            and responder is respond
            and not callable(download)
            and self._keep is None
            and (self._inner is None or is_quick(self._inner))
        )
        self._store = Shelf(store) if isinstance(store, Folder) and is_quick(self) else store
        # Any other responder may want no bytes, and then none should be asked for.
        self._asked = store if responder is respond and isinstance(store, StoreOfRequests) else None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        if self._live is not None and self._live.answers(environ):
            return self._live(environ, start_response)
        if environ["REQUEST_METHOD"] not in _READING:
            other = self._inner or answer_other_method
            return other(environ, start_response)
        try:
            store = self._store if self._asked is None else self._asked.for_request(environ)
            answer = self._find(store, environ) or self._inner or self._fallen_back(store, environ)
        except (NotFound, NotAcceptable, OSError) as error:
            return refuse(error, environ, start_response)
        return answer(environ, start_response)

    def _find(self, store: Store, environ: Environ) -> WSGIApp | None:
        """Find what answers for a path: a file, an index, a listing or a redirect to a folder."""
        target = parse_path(environ.get("PATH_INFO", ""))
        if target is None:
            return None
        encodings = acceptable_codings(environ.get("HTTP_ACCEPT_ENCODING"))
        # Without SCRIPT_NAME an empty path is the root (RFC 9110 §4.2.3): there is no other.
        if target.folder or not (target.segments or environ.get("SCRIPT_NAME")):
            found = self._folder(store, target.segments, encodings, IN_LOOP in environ)
            if found is None or isinstance(found, ListingResponse):
                return found
            return self._give(found)
        source = self._open(store, target.segments, encodings)
        if source is not None:
            return self._give(source, target.segments[-1])
        folder = self._folder(store, target.segments, encodings, IN_LOOP in environ)
        if folder is None:
            return None
        close(folder)
        return _redirect

    def _folder(
        self, store: Store, path: tuple[str, ...], encodings: Sequence[str], in_loop: bool
    ) -> Source | ListingResponse | None:
        for name in self._index:
            source = self._open(store, (*path, name), encodings)
            if source is not None:
                return source
        if self._listing and in_loop:
            raise WouldBlock
        entries = store.list(path) if self._listing else None
        script = None if self._live is None else self._live.script
        return (
            None if entries is None else ListingResponse(path, entries, self._listed, script=script)
        )

    def _fallen_back(self, store: Store, environ: Environ) -> WSGIApp:
        encodings = acceptable_codings(environ.get("HTTP_ACCEPT_ENCODING"))
        source = self._open(store, self._fallback, encodings)
        if source is None:
            raise NotFound
        return self._give(source)

    def _open(self, store: Store, path: Sequence[str], encodings: Sequence[str]) -> Source | None:
        """Open a file, and say how long it may be kept."""
        source = store.find(path, encodings)
        if source is not None and self._keep is not None:
            with _closed_on_failure(source):
                fields = extra_fields(self._keep(path[-1]), ())
                source.meta = with_fields(source.meta, fields)
        return source

    def _give(self, source: Source, name: str = "") -> WSGIApp:
        extra = self._extra
        if name and self._download:
            with _closed_on_failure(source):
                extra = (*self._disposition(name), *extra)
        if extra:
            source.meta = with_fields(source.meta, extra)
        return partial(_give, self._responder, source)

    def _disposition(self, name: str) -> tuple[Header, ...]:
        if callable(self._download) and not self._download(name):
            return ()
        return (("Content-Disposition", content_disposition(name, download=True)),)


@contextmanager
def _closed_on_failure(source: Source) -> Iterator[None]:
    try:
        yield
    except BaseException:
        source.close()
        raise


def _store_at(
    root: str | os.PathLike[str] | Store,
    hidden: bool,
    follow_symlinks: bool,
    etag: EtagMaker | None,
) -> Store:
    if isinstance(root, os.PathLike) or (isinstance(root, str) and not is_url(root)):
        return Folder(root, hidden=hidden, follow_symlinks=follow_symlinks, etag=etag)
    if follow_symlinks or etag is not etag_of_status:
        raise ValueError("A store that is no folder has no links, and entity-tags of its own.")
    if isinstance(root, str):
        from wsgistream.sources.objects.bucket import Bucket  # noqa: PLC0415 - few need it

        return Bucket(root, hidden=hidden)
    if hidden:
        raise ValueError("What a Store hides is its own option.")
    return root


def _live(store: Store, listing: bool) -> LiveListing:
    if not listing:
        raise ValueError("Only the pages of a listing show what happens: live needs listing.")
    from wsgistream.apps.live import LiveListing  # noqa: PLC0415 - few need it

    return LiveListing(store)


def _give(
    responder: Responder, source: Source, environ: Environ, start_response: StartResponse
) -> Body:
    try:
        return responder(environ, start_response, source)
    except OSError as error:
        return refuse(error, environ, start_response)


def _redirect(environ: Environ, start_response: StartResponse) -> Body:
    location = folder_location(
        environ.get("SCRIPT_NAME", ""),
        environ.get("PATH_INFO", ""),
        environ.get("QUERY_STRING", ""),
    )
    plan = sentence(
        301, "The folder is at the same address with a slash.", (("Location", location),)
    )
    begin(plan, start_response)
    return plan_body(plan, environ)


def _what_is_missing(fallback: WSGIApp | str | None) -> tuple[WSGIApp | None, tuple[str, ...]]:
    """Split a fallback into an application and the path of a file (empty: there is none)."""
    if isinstance(fallback, str):
        return None, tuple(fallback.strip("/").split("/"))
    return fallback, ()
