"""Address: a URL as the place of a store, or of one object in it."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

_URL: Final = re.compile(r"([a-z][a-z0-9+.-]*)://([^/]*)/*(.*)", re.DOTALL)

# Here what follows the bucket is a key as it is; elsewhere it is a part of a URL, with escapes.
_OF_KEYS: Final = frozenset({"gs", "s3", "s3a"})


class Address(NamedTuple):
    """The URL of a store, and the prefix of the keys in it."""

    store: str
    prefix: str


def is_url(place: object) -> bool:
    """Tell whether a place is a URL, and no path of a file."""
    return isinstance(place, str) and "://" in place and _URL.fullmatch(place) is not None


def parse_address(url: str) -> Address:
    """Split the URL of a folder of objects.

    Raises ValueError for what is none, and for a folder of this machine: a Folder lets nothing
    lead out of it, and the library follows every link.
    """
    found = _URL.fullmatch(url)
    if found is None:
        raise ValueError(f"A store has a URL such as s3://bucket/prefix, not {url!r}.")
    scheme, place, rest = found.groups()
    if scheme == "file":
        raise ValueError(f"A folder of this machine is given by its path, not as {url!r}.")
    if scheme in _OF_KEYS:
        return Address(f"{scheme}://{place}", rest.strip("/"))
    return Address(url.rstrip("/") if rest else url, "")


def path_of(store: str) -> str:
    """Give the path in the URL of a server of files; of other stores it is a prefix of theirs."""
    return unquote(urlsplit(store).path).strip("/") if store.startswith("http") else ""


def split_object(url: str) -> tuple[str, str]:
    """Split the URL of one object into that of its folder, and its name.

    Raises ValueError where it names none.
    """
    folder, _, name = url.rpartition("/")
    if not name or folder.endswith(":/"):
        raise ValueError(f"An object has a URL such as s3://bucket/name, not {url!r}.")
    return folder, name if url.partition(":")[0] in _OF_KEYS else unquote(name)
