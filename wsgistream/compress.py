"""Compress: writing the precompressed siblings that a folder's files are served from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from wsgistream.rules.coding import (
    LEVELS,
    Encoder,
    MissingLibrary,
    encoder_maker,
    present_codings,
)
from wsgistream.rules.media import guess_media, is_compressible
from wsgistream.rules.negotiation import SUFFIXES
from wsgistream.rules.paths import is_dot_file

# Below this size (bytes) a compressed file and its head are no smaller than the file.
_SMALLEST: Final = 256
# A sibling that saves less than a twentieth is not worth unpacking.
_WORTH: Final = 0.95
_BLOCK: Final = 1024 * 1024
# The largest that every client takes (RFC 9659), as a power of two.
_WINDOW: Final = 23

#: The codings that can be asked for.
CODINGS: Final = tuple(LEVELS)

__all__ = ["CODINGS", "MissingLibrary", "Written", "compress_tree"]


class Written(NamedTuple):
    """A sibling that was written; sizes in bytes."""

    path: str
    size: int
    plain_size: int


def compress_tree(root: str, codings: Iterable[str] | None = None) -> Iterator[Written]:
    """Write a sibling in each coding for every file below ``root`` that shrinks, as it goes.

    ``codings``: of gzip, br and zstd; None: those whose library is there. Siblings that are up to
    date stay as they are; links and dot-files are passed over. Raises MissingLibrary before
    anything is written, and OSError where a file cannot be read or written.
    """
    makers = {
        coding: encoder_maker(coding, LEVELS[coding].highest) for coding in present_codings(codings)
    }
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not is_dot_file(name))
        for name in sorted(names):
            path = os.path.join(folder, name)
            if _is_wanted(path, name):
                for coding, maker in makers.items():
                    written = _write_sibling(path, path + SUFFIXES[coding], maker(_WINDOW))
                    if written is not None:
                        yield written


def _is_wanted(path: str, name: str) -> bool:
    return (
        not is_dot_file(name)
        and is_compressible(guess_media(name).content_type)
        and os.path.isfile(path)
        and not os.path.islink(path)
        and os.path.getsize(path) >= _SMALLEST
    )


def _write_sibling(path: str, sibling: str, encoder: Encoder) -> Written | None:
    """Write a sibling with the times and rights of its file, or none where it would not help."""
    status = os.stat(path)
    with suppress(FileNotFoundError):
        if os.stat(sibling).st_mtime_ns == status.st_mtime_ns:
            return None
    # Named before it is there, so that an interruption at any moment finds it.
    temporary = os.path.join(os.path.dirname(path), f".{os.urandom(8).hex()}.tmp")
    try:
        size = _write(path, temporary, encoder)
        if size > status.st_size * _WORTH:
            os.unlink(temporary)
            with suppress(FileNotFoundError):
                os.unlink(sibling)  # what is there is of an earlier content
            return None
        with suppress(PermissionError):  # only the system's own user can give files away
            os.chown(temporary, status.st_uid, status.st_gid)
        os.chmod(temporary, status.st_mode & 0o777)
        os.utime(temporary, ns=(status.st_atime_ns, status.st_mtime_ns))
        os.replace(temporary, sibling)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    return Written(sibling, size, status.st_size)


def _write(path: str, temporary: str, encoder: Encoder) -> int:
    """Write a file in its coding where only we can read it yet; returns its size."""
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as out, open(path, "rb") as plain:
        while block := plain.read(_BLOCK):
            out.write(encoder.feed(block))
        out.write(encoder.finish())
        return out.tell()
