"""Client: asks a store for objects by their keys, and remembers for a while what it said."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from wsgistream.sources.objects.binding import attempt, library
from wsgistream.sources.objects.failures import Replaced, StoreRefusal
from wsgistream.sources.objects.known import Head, Known
from wsgistream.sources.objects.part import Answer
from wsgistream.sources.objects.resting import Resting
from wsgistream.sources.objects.wish import HEAD


class First(NamedTuple):
    """What is known of an object first, and the bytes that have come with it."""

    head: Head
    result: Any | None


class Client:
    """What can be asked of ``store``, one of the library's; options are those of its ``get``.

    All of it raises FileNotFoundError, PermissionError or a StoreFailure.
    """

    def __init__(self, store: Any, known: Known) -> None:
        self.store = store
        #: What is kept of its answers while clients take their time.
        self.resting: Resting[Answer] = Resting()
        self._known = known
        self._library = library()

    def first(self, key: str, wish: Mapping[str, Any]) -> First:
        """Ask for an object for the first time, or remember what was said of it."""
        self._known.check(key)
        if wish is HEAD:
            return First(self._head(key), None)
        try:
            result = self.get(key, wish)
        except StoreRefusal:
            if "range" not in wish:
                raise
            # There is no such range, or none at all of such a kind; the size will tell.
            return First(self._head(key), None)
        return First(self._keep(key, result), result)

    def get(self, key: str, options: Mapping[str, Any]) -> Any:
        try:
            return attempt(self._library.get, self.store, key, options=dict(options))
        except FileNotFoundError:
            self._known.keep(key, None)
            raise
        except Replaced:
            self._known.forget(key)
            raise

    def link(self, key: str, seconds: float) -> str:
        """Make a link that holds for so long, where the store has any."""
        link: str = attempt(self._library.sign, self.store, "GET", key, timedelta(seconds=seconds))
        return link

    def list(self, prefix: str) -> Any:
        """List what is directly below a prefix."""
        return attempt(self._library.list_with_delimiter, self.store, prefix)

    def look(self, prefix: str) -> None:
        """Ask for no more than one page of all that is below a prefix."""
        attempt(next, self._library.list(self.store, prefix, chunk_size=1), None)

    def _head(self, key: str) -> Head:
        return self._known.head(key) or self._keep(key, self.get(key, HEAD))

    def _keep(self, key: str, result: Any) -> Head:
        head = Head(result.meta, result.attributes)
        self._known.keep(key, head)
        return head
