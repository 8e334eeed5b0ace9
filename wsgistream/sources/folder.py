"""Folder: a store of the files below one folder, which no path and no link leads out of."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from wsgistream.rules.negotiation import IDENTITY, SUFFIXES
from wsgistream.rules.paths import is_hidden
from wsgistream.sources.file import EtagMaker, File, etag_of_status, open_regular
from wsgistream.types import Entry, Meta

# What "no such file" looks like to the system: no name, a name below a file, links in a circle, a
# name too long, and (ENXIO) a socket that took a file's place just before it was opened.
_MISSING: Final = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO}
)

# Where the system tells what is open; elsewhere the path is resolved and compared.
_OPEN_FILES: Final = "/proc/self/fd"

#: Said of what there may be in several codings.
VARY: Final = ("Vary", "Accept-Encoding")


class NotAcceptable(Exception):
    """The client refuses every coding that the file exists in (RFC 9110 §12.5.3)."""


class BeingWritten(OSError):
    """There is only a part of the file yet."""


class Folder:
    """The regular files below ``root``.

    ``hidden``: give dot-files too. ``follow_symlinks``: let links lead out of the root. ``etag``:
    as in File. Raises ValueError where there is no such folder.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        hidden: bool = False,
        follow_symlinks: bool = False,
        etag: EtagMaker | None = etag_of_status,
    ) -> None:
        if not os.path.isdir(root):
            raise ValueError(f"There is no folder {os.fspath(root)!r}.")
        self.root = os.path.abspath(root)
        self.hidden = hidden
        self.follow_symlinks = follow_symlinks
        self.etag = etag
        self._inside = _prefix(self.root)

    def find(self, path: Sequence[str], encodings: Sequence[str] = ()) -> File | None:
        """Open the file at ``path``, or its sibling in one of ``encodings``, the first there is.

        None: no such file, or not to be given. Raises PermissionError where it may not be read,
        and NotAcceptable where ``encodings`` leaves out every form that it exists in.
        """
        if not path or not self._shows(path):
            return None
        location = os.path.join(self.root, *path)
        plain = self._open(location)
        if plain is None:
            return None
        source = File(plain, name=path[-1], etag=self.etag)
        source.path = location
        try:
            siblings = [
                c for c, suffix in SUFFIXES.items() if os.access(location + suffix, os.F_OK)
            ]
            return self._choose(source, location, siblings, encodings or (IDENTITY,))
        except BaseException:
            source.close()
            raise

    def _choose(
        self, plain: File, location: str, siblings: Sequence[str], encodings: Sequence[str]
    ) -> File:
        if siblings:
            plain.meta = replace(plain.meta, extra=(*plain.meta.extra, VARY))
        for coding in encodings:
            if coding == IDENTITY:
                return plain
            if coding in siblings and plain.meta.encoding is None:
                sibling = self._open_sibling(plain, location + SUFFIXES[coding], coding)
                if sibling is not None:
                    plain.close()
                    return sibling
        raise NotAcceptable

    def _open_sibling(self, plain: File, location: str, coding: str) -> File | None:
        """Open the file in a coding, unless it is older than the plain file."""
        try:
            file = self._open(location)
        except PermissionError:
            return None
        if file is None:
            return None
        if os.fstat(file.fileno()).st_mtime_ns < os.fstat(plain.file.fileno()).st_mtime_ns:
            file.close()
            return None
        source = File(file, name="", etag=self.etag)
        source.path = location
        source.meta = encoded(source.meta, plain.meta, coding)
        return source

    def seen(self, path: Sequence[str], source: File) -> dict[str, os.stat_result]:
        """Name the files that ``source``, found at ``path``, depends on, and their status.

        Raises OSError where one of them has gone since.
        """
        location = os.path.join(self.root, *path)
        if source.path == location:
            return {location: source.status}
        return {location: os.stat(location), str(source.path): source.status}

    def list(self, path: Sequence[str]) -> Iterator[Entry] | None:
        """Name the folders and then the files at ``path``; their status is asked as they are read.

        None: no such folder, or not to be given. Raises PermissionError where it may not be read.
        """
        if not self._shows(path):
            return None
        location = os.path.join(self.root, *path)
        descriptor = self._descriptor(location)
        if descriptor is None:
            return None
        try:
            with os.scandir(descriptor) as entries:
                names = sorted((not _is_folder(entry), entry.name) for entry in entries)
        finally:
            os.close(descriptor)
        return self._entries(location, tuple((*path, name) for _, name in names))

    def _entries(self, location: str, paths: Iterable[tuple[str, ...]]) -> Iterator[Entry]:
        for path in paths:
            entry = os.path.join(location, path[-1])
            if self._shows(path) and (status := self._status(entry)) is not None:
                modified = status.st_mtime_ns // 1_000_000_000
                if stat.S_ISDIR(status.st_mode):
                    yield Entry(path[-1], "folder", None, modified)
                elif stat.S_ISREG(status.st_mode):
                    yield Entry(path[-1], "file", status.st_size, modified)

    def _status(self, location: str) -> os.stat_result | None:
        try:
            if os.path.islink(location) and not self._holds(os.path.realpath(location)):
                return None
            return os.stat(location)
        except OSError:
            return None

    def _shows(self, path: Sequence[str]) -> bool:
        return self.hidden or not is_hidden(path)

    def _open(self, location: str) -> io.FileIO | None:
        try:
            file = open_regular(location)
        except OSError as error:
            if self._is_missing(location, error):
                return None
            raise
        if not self._holds_open(location, file.fileno()):
            file.close()
            return None
        return file

    def _descriptor(self, location: str) -> int | None:
        try:
            descriptor = os.open(location, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            if self._is_missing(location, error):
                return None
            raise
        if not self._holds_open(location, descriptor):
            os.close(descriptor)
            return None
        return descriptor

    def _is_missing(self, location: str, error: OSError) -> bool:
        """Tell a missing file from one that may not be read; what lies outside is missing."""
        if isinstance(error, PermissionError):
            return not self._holds(os.path.realpath(location))
        return error.errno in _MISSING

    def _holds_open(self, location: str, descriptor: int) -> bool:
        """Tell whether what is open lies below the root, whatever its path has become since."""
        if self.follow_symlinks:
            return True
        try:
            return self._holds(os.readlink(f"{_OPEN_FILES}/{descriptor}"))
        except OSError:
            real = os.path.realpath(location)
            same = os.path.samestat(os.stat(real), os.fstat(descriptor))
            return same and self._holds(real)

    def _holds(self, real: str) -> bool:
        if self.follow_symlinks or f"{real}/".startswith(self._inside):
            return True
        # The root itself may be a link that now leads elsewhere, as after a release.
        self._inside = _prefix(self.root)
        return f"{real}/".startswith(self._inside)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle, or through a folder that may not be read
        return False


def _prefix(root: str) -> str:
    return os.path.realpath(root).rstrip("/") + "/"


def encoded(sibling: Meta, plain: Meta, coding: str) -> Meta:
    """Describe the sibling of a plain file that is stored in a coding."""
    # The tag says its coding, so that it is never that of the plain file (RFC 9110 §8.8.3.3).
    etag = None if sibling.etag is None else f'{sibling.etag[:-1]}-{coding}"'
    return replace(plain, size=sibling.size, etag=etag, encoding=coding)
