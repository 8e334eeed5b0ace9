"""Listing: what is directly below a prefix, as the entries of a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from typing import Any

from wsgistream.types import Entry


def entries(found: Mapping[str, Any], itself: str, shows: Callable[[str], bool]) -> Iterator[Entry]:
    """Name the folders and then the objects, those that ``shows`` lets through.

    ``found``: what the library tells of a prefix. ``itself``: how it names the prefix.
    """
    for name in sorted(_last(each) for each in found["common_prefixes"] if each != itself):
        if shows(name):
            yield Entry(name, "folder", None, None)
    for known in sorted(found["objects"], key=itemgetter("path")):
        name = _last(known["path"])
        # Some tools make an object of the folder's own name.
        if known["path"] != itself and shows(name):
            yield Entry(name, "file", known["size"], int(known["last_modified"].timestamp()))


def _last(key: str) -> str:
    return key.rpartition("/")[2]
