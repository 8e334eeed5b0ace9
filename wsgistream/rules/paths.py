"""Paths: what the PATH_INFO of a request names below a root, and nothing above it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote

#: The folder that RFC 8615 sets aside for metadata of a site; never hidden.
WELL_KNOWN: Final = ".well-known"

# RFC 3986 §3.3: what may stand in a path segment unescaped, and the slash between them.
_PATH_MARKS: Final = "/~!$&'()*+,;=:@"
_QUERY_MARKS: Final = _PATH_MARKS + "?%"

# Windows takes these names for devices, whatever suffix follows them.
_DEVICE: Final = re.compile(
    r"(?:con|prn|aux|nul|(?:com|lpt)[\d¹²³]|conin\$|conout\$) *(?:\..*)?", re.I | re.S
)
_WINDOWS_MARKS: Final = frozenset('\\:*?"<>|')


class Target(NamedTuple):
    """A path below a root; ``folder``: it ends with a slash, or is the root itself."""

    segments: tuple[str, ...]
    folder: bool


# Longer paths are parsed each time, so that those that are remembered take little room.
_REMEMBERED: Final = 200


def parse_path(path_info: str, *, windows: bool = os.name == "nt") -> Target | None:
    """Split a PATH_INFO, which the server has decoded once, into names; None: it names nothing.

    PEP 3333 gives bytes as latin-1; the names are those of the file system, so that bytes which
    are not UTF-8 still name their file. Empty and dot segments, and NUL, name nothing; nor, on
    Windows, does what could leave the folder or reach a device.
    """
    parse = _parse_path if len(path_info) <= _REMEMBERED else _parse_path.__wrapped__
    return parse(path_info, windows)


@lru_cache(maxsize=1024)
def _parse_path(path_info: str, windows: bool) -> Target | None:
    if not path_info:
        return Target((), folder=False)
    root, *names = os.fsdecode(path_info.encode("latin-1")).split("/")
    folder = bool(names) and names[-1] == ""
    segments = tuple(names[:-1] if folder else names)
    if root or not all(_is_name(segment, windows) for segment in segments):
        return None
    return Target(segments, folder)


def _is_name(segment: str, windows: bool) -> bool:
    if segment in ("", ".", "..") or "\0" in segment:
        return False
    return not windows or not (
        _WINDOWS_MARKS.intersection(segment)
        or segment.endswith((".", " "))
        or _DEVICE.fullmatch(segment)
    )


def is_hidden(segments: Sequence[str]) -> bool:
    """Tell whether a path leads through a dot-file, other than ``/.well-known/`` at the root."""
    return any(
        is_dot_file(segment) and not (depth == 0 and segment == WELL_KNOWN)
        for depth, segment in enumerate(segments)
    )


def is_dot_file(name: str) -> bool:
    """Tell whether a name is one dot and then something else, such as ``.git``."""
    return name.startswith(".") and not name.startswith("..")


def quote_name(name: str) -> str:
    """Escape one name of the file system as a segment of a URL."""
    return quote(os.fsencode(name), safe=_PATH_MARKS[1:])


def folder_location(script_name: str, path_info: str, query: str) -> str:
    """Write the Location of the same folder with a slash after it, on this very host.

    A path that began with two slashes would name another host (RFC 3986 §4.2), so it gets one.
    """
    path = quote((script_name + path_info).encode("latin-1"), safe=_PATH_MARKS)
    location = f"/{path.strip('/')}/".replace("//", "/")
    return f"{location}?{quote(query.encode('latin-1'), safe=_QUERY_MARKS)}" if query else location
