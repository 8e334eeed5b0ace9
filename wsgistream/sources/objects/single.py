"""Single: one object by its URL, as it is opened for each request."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from wsgistream.sources.objects.address import split_object
from wsgistream.sources.objects.bucket import Bucket
from wsgistream.types import Source


def object_at(url: str) -> Callable[[Mapping[str, Any]], Source]:
    """Say how the object at a URL is opened for a request (a WSGI environ).

    Raises ValueError for a URL that cannot be, and ImportError without the library; when it is
    opened, OSError for what is missing or cannot be had.
    """
    folder, name = split_object(url)
    bucket = _bucket(folder)

    def open_for(request: Mapping[str, Any]) -> Source:
        source = bucket.for_request(request).find((name,))
        if source is None:
            raise FileNotFoundError(errno.ENOENT, "There is no such object.")
        return source

    return open_for


@lru_cache(maxsize=128)
def _bucket(folder: str) -> Bucket:
    """Make a store once, so that all who ask it share its connections."""
    return Bucket(folder, hidden=True, precompressed=False)
