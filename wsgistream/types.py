"""The nouns of wsgistream: what every other room speaks of, and nothing that does anything."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final, NamedTuple, Protocol, TypeAlias, runtime_checkable

Environ: TypeAlias = dict[str, Any]
Header: TypeAlias = tuple[str, str]
Body: TypeAlias = Iterable[bytes]


class StartResponse(Protocol):
    """What a WSGI server hands to an application to begin its answer (PEP 3333)."""

    def __call__(
        self, status: str, headers: list[Header], exc_info: Any = None, /
    ) -> Callable[[bytes], object]: ...


WSGIApp: TypeAlias = Callable[[Environ, StartResponse], Body]

#: The stop of a slice whose length nobody knows before it has been sent.
UNKNOWN: Final = sys.maxsize


class Slice(NamedTuple):
    """The bytes from ``start`` up to, and not with, ``stop`` of a representation."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Meta:
    """What is known of a representation before one byte of it is read."""

    size: int | None
    """Bytes; None: unknown, so there are no ranges and no Content-Length."""
    content_type: str = "application/octet-stream"
    etag: str | None = None
    """An entity-tag with its quotes, and with its ``W/`` if it is weak (RFC 9110 §8.8.3)."""
    modified: int | None = None
    """Whole seconds since 1970, UTC."""
    encoding: str | None = None
    """The Content-Encoding of these very bytes."""
    extra: tuple[Header, ...] = ()
    """Further fields of the 200 answer: Cache-Control, Vary, Content-Disposition and so on."""
    one_pass: bool = False
    """The bytes come once and in order, so several ranges are given only in ascending order."""


class Plan(NamedTuple):
    """A whole answer as data. Its Content-Length is the sum of its pieces."""

    status: int
    headers: tuple[Header, ...]
    pieces: tuple[bytes | Slice, ...]


class Source(Protocol):
    """One representation, open, for one response."""

    meta: Meta

    @property
    def file(self) -> IO[bytes] | None:
        """A regular local file of exactly these bytes, if there is one."""

    def read(self, start: int, stop: int) -> Iterable[bytes]:
        """Give the bytes of a slice, in chunks of any size."""

    def close(self) -> None: ...


@runtime_checkable
class Prepared(Protocol):
    """A source that likes to know what will be read of it, before the answer begins."""

    def prepare(self, slices: Sequence[Slice]) -> None:
        """Make ready to give these, one after the other; what fails can still be answered."""


@runtime_checkable
class Linked(Protocol):
    """A source that can be had elsewhere, by who has a link."""

    def link(self, seconds: float) -> str:
        """Make a URL that holds for so long; raises OSError where none can be made."""


class Entry(NamedTuple):
    """One line of a folder's listing."""

    name: str
    kind: str
    """``"file"`` or ``"folder"``."""
    size: int | None
    """Bytes; None for a folder."""
    modified: int | None
    """Whole seconds since 1970, UTC."""


class Store(Protocol):
    """A place to find sources by path: a folder, a bucket, an archive."""

    def find(self, path: Sequence[str], encodings: Sequence[str] = ()) -> Source | None:
        """Open the file at ``path`` in the first of ``encodings`` it has; None: no such file."""

    def list(self, path: Sequence[str]) -> Iterable[Entry] | None:
        """Name what the folder at ``path`` holds, sorted; None: no such folder."""


@runtime_checkable
class StoreOfRequests(Store, Protocol):
    """A store where it helps to know what a request will want, as where each look costs time."""

    def for_request(self, request: Mapping[str, Any]) -> Store:
        """Give the same store for one request, which is a WSGI environ."""


#: Something that answers a request with a source: ``respond``, or an offload to a front server.
Responder: TypeAlias = Callable[[Environ, StartResponse, Source], Body]
