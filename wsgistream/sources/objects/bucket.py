"""Bucket: a store of the objects below a prefix, where a slash in a key ends a folder's name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any, Final, TypeVar

from wsgistream.rules.fields import check_header
from wsgistream.rules.media import guess_media, is_compressible
from wsgistream.rules.negotiation import IDENTITY, SUFFIXES
from wsgistream.rules.paths import is_hidden
from wsgistream.sources.folder import VARY, NotAcceptable, encoded
from wsgistream.sources.objects.access import Access, open_store
from wsgistream.sources.objects.address import parse_address, path_of
from wsgistream.sources.objects.binding import can_sign
from wsgistream.sources.objects.client import Client
from wsgistream.sources.objects.description import describe
from wsgistream.sources.objects.failures import StoreRefusal
from wsgistream.sources.objects.known import Known
from wsgistream.sources.objects.source import LinkedObject, Object
from wsgistream.sources.objects.wish import HEAD, first_wish
from wsgistream.types import Entry, Store

# Bytes of a key: of S3, and of the others.
_LONGEST_KEY: Final = 1024

_Seen = TypeVar("_Seen")


class Bucket:
    """The objects whose keys begin with ``prefix``, below ``url``: ``Bucket("s3://media/films")``.

    ``url``: of S3 and what speaks like it (``s3://``), of Google's store (``gs://``), of Azure's
    (``az://``), of any server (``https://``), or ``memory://``, whose ``store`` is the library's,
    to be filled. What is not said here is taken from where each store's own tools take it.

    ``endpoint`` and ``region``: where S3 is. ``anonymous``: sign no request. ``credentials``:
    what asks for keys, a provider of ``obstore.auth``. ``config``: further options of obstore.
    ``timeout``: seconds of silence after which the store is taken for down; ``patience``: seconds
    for which what fails is tried again.

    ``hidden``: give dot-files too. ``precompressed``: look for siblings (``.gz``, ``.br``,
    ``.zst``) of what is text. ``tell_forbidden``: say 403 of what may not be read; False: as of
    what is missing, 404. ``metadata_prefix``: what the fields of the user's metadata begin with,
    such as ``X-Meta-``; None: they are not told. ``metadata_cache``: seconds for which what was
    said of an object, or that there is none, is taken for true without asking; 0: always ask.

    Nothing is asked before the first ``find``, so that it may be made before a process forks.
    Raises ValueError for a URL or an option that cannot be, and ImportError without the library.
    """

    def __init__(
        self,
        url: str,
        prefix: str = "",
        *,
        endpoint: str | None = None,
        region: str | None = None,
        anonymous: bool = False,
        credentials: Callable[[], Any] | None = None,
        config: Mapping[str, Any] | None = None,
        timeout: float = 10.0,
        patience: float = 5.0,
        hidden: bool = False,
        precompressed: bool = True,
        tell_forbidden: bool = True,
        metadata_prefix: str | None = None,
        metadata_cache: float = 0.0,
    ) -> None:
        if not (timeout > 0 and patience >= 0 and metadata_cache >= 0):
            raise ValueError("timeout is more than 0 seconds; none of the others is below 0.")
        if metadata_prefix is not None:
            check_header(f"{metadata_prefix}name", "")
        address = parse_address(url)
        who = (anonymous, credentials, config or {})
        access = Access(endpoint, region, *who, timeout, patience)
        self.url = url
        #: The library's own store.
        self.store = open_store(address.store, access)
        self._client = Client(self.store, Known(metadata_cache))
        self._above = tuple(filter(None, f"{address.prefix}/{prefix}".split("/")))
        self._path = path_of(address.store)
        self._hidden = hidden
        self._precompressed = precompressed
        self._tell_forbidden = tell_forbidden
        self._metadata_prefix = metadata_prefix

    def check(self, *, listing: bool = True) -> None:
        """Ask the store once, so that what is wrong with its URL or its keys is seen at once.

        ``listing``: folders will be listed. Raises ValueError in one sentence for a person. No
        process may be forked after this.
        """
        if type(self.store).__name__ == "HTTPStore":
            return  # which has no lists, unless it speaks WebDAV
        try:
            self._client.look(self._key(()))
        except StoreRefusal:
            return  # it is there, with a key that the library cannot name
        except OSError as error:
            # Who may read but not list is told so in this one word.
            if listing or "AccessDenied" not in str(error):
                reason = error.strerror or error
                raise ValueError(f"{self.url} cannot be served: {reason}.") from None

    def for_request(self, request: Mapping[str, Any]) -> Store:
        """Give the same store, which asks for what this request (a WSGI environ) will want."""
        return _Asked(self, first_wish(request))

    def find(self, path: Sequence[str], encodings: Sequence[str] = ()) -> Object | None:
        """Open the object at ``path``, or its sibling in one of ``encodings``, the first there is.

        None: no such object. Raises PermissionError where it may not be read, NotAcceptable where
        ``encodings`` leaves out every form it is looked for in, and StoreFailure.
        """
        return self.find_as(HEAD, path, encodings)

    def find_as(
        self, wish: Mapping[str, Any], path: Sequence[str], encodings: Sequence[str]
    ) -> Object | None:
        """Find, with these options for the first request to the store."""
        if not path or not self._shows(path):
            return None
        media = guess_media(path[-1])
        if self._precompressed and media.encoding is None and is_compressible(media.content_type):
            return self._choose(wish, path, encodings or (IDENTITY,))
        found = self._open(wish, path)
        if found is not None and encodings and IDENTITY not in encodings:
            found.close()
            raise NotAcceptable
        return found

    def list(self, path: Sequence[str]) -> Iterator[Entry] | None:
        """Name the folders and then the objects at ``path``.

        None: no such folder, or not to be given. Raises as ``find`` does.
        """
        if not self._shows(path):
            return None
        prefix = self._key(path)
        found = self._seen(self._client.list, prefix)
        # A folder may hold no more than an object of its own name, which some tools make.
        if found is None or (path and not (found["common_prefixes"] or found["objects"])):
            return None
        itself = "/".join(filter(None, (self._path, prefix)))
        if self._path and itself in map(itemgetter("path"), found["objects"]):
            return None  # a file, of which WebDAV makes a list too
        return self._entries(tuple(path), itself, found)

    def _entries(
        self, path: tuple[str, ...], itself: str, found: Mapping[str, Any]
    ) -> Iterator[Entry]:
        for name in sorted(_last(each) for each in found["common_prefixes"] if each != itself):
            if self._shows((*path, name)):
                yield Entry(name, "folder", None, None)
        for known in sorted(found["objects"], key=itemgetter("path")):
            name = _last(known["path"])
            if known["path"] != itself and self._shows((*path, name)):
                yield Entry(name, "file", known["size"], int(known["last_modified"].timestamp()))

    def _shows(self, path: Sequence[str]) -> bool:
        """Tell whether a path may be shown, and can be a key at all."""
        key = self._key(path).encode("utf-8", "surrogateescape")
        return len(key) <= _LONGEST_KEY and (self._hidden or not is_hidden(path))

    def _key(self, path: Sequence[str]) -> str:
        return "/".join((*self._above, *path))

    def _choose(
        self, wish: Mapping[str, Any], path: Sequence[str], encodings: Sequence[str]
    ) -> Object | None:
        """Open the first form there is; whether there are others is not asked, so all may vary."""
        for coding in encodings:
            if coding == IDENTITY:
                plain = self._open(wish, path)
                return None if plain is None else _varying(plain)
            sibling = self._open_in(coding, wish, path)
            if sibling is not None:
                return _varying(sibling)
        if self._open(HEAD, path) is None:
            return None
        raise NotAcceptable

    def _open_in(self, coding: str, wish: Mapping[str, Any], path: Sequence[str]) -> Object | None:
        """Open the object in a coding, unless it is older than the plain one."""
        try:
            sibling = self._open(wish, (*path[:-1], path[-1] + SUFFIXES[coding]))
        except PermissionError:  # which Amazon also says of what is missing, to who may not list
            return None
        if sibling is None:
            return None
        try:
            plain = self._open(HEAD, path)
        except BaseException:
            sibling.close()
            raise
        if plain is None or plain.meta.encoding is not None or _is_older(sibling, plain):
            sibling.close()
            return None
        sibling.meta = encoded(sibling.meta, plain.meta, coding)
        return sibling

    def _open(self, wish: Mapping[str, Any], path: Sequence[str]) -> Object | None:
        key = self._key(path)
        first = self._seen(self._client.first, key, wish)
        if first is None:
            return None
        meta = describe(first.head, path[-1], self._metadata_prefix)
        make = LinkedObject if can_sign(self.store, key) else Object
        return make(self._client, key, first, meta)

    def _seen(self, look: Callable[..., _Seen], *arguments: Any) -> _Seen | None:
        """Look at the store; None: what is looked for is missing, or is to seem so."""
        try:
            return look(*arguments)
        except FileNotFoundError:
            return None
        except PermissionError:
            if self._tell_forbidden:
                raise
            return None


class _Asked:
    """A bucket as one request sees it."""

    def __init__(self, bucket: Bucket, wish: Mapping[str, Any]) -> None:
        self._bucket = bucket
        self._wish = wish
        self.list = bucket.list

    def find(self, path: Sequence[str], encodings: Sequence[str] = ()) -> Object | None:
        return self._bucket.find_as(self._wish, path, encodings)


def _varying(found: Object) -> Object:
    found.meta = replace(found.meta, extra=(*found.meta.extra, VARY))
    return found


def _is_older(sibling: Object, plain: Object) -> bool:
    return (sibling.meta.modified or 0) < (plain.meta.modified or 0)


def _last(key: str) -> str:
    return key.rpartition("/")[2]
