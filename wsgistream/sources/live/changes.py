"""Changes: what happens in the folders below a root, as events for whoever looks at one of them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from typing import Final, Protocol, runtime_checkable

from wsgistream.rules.sse import encode_event, encode_place
from wsgistream.sources.live.sight import Sight
from wsgistream.types import Store
from wsgistream.wsgi.alarm import ALARMS, Alarm, Alarms
from wsgistream.wsgi.waiting import Wakeable

# Seconds between two looks at a folder of which the system tells nothing, and between two events.
_POLL: Final = 2.0
_PAUSE: Final = 0.5


@runtime_checkable
class LocalStore(Store, Protocol):
    """A store of the files below a folder."""

    @property
    def root(self) -> str:
        """The path of that folder."""


class Changes:
    """A feed whose topics are the folders of a store, such as ``a/b``, or an empty text.

    An event says that what the store lists there is not what it was. Its id stands for that
    content, so that who comes again is told nothing if it is the same. ``poll``: see ``follow``.
    """

    quick = False
    shared = True

    def __init__(
        self, store: LocalStore, *, poll: float | None = None, alarms: Alarms = ALARMS
    ) -> None:
        self._store = store
        self._poll = poll
        self._alarms = alarms

    def subscribe(self, topics: Iterable[str], last_id: str | None = None) -> Wakeable:
        (folder,) = topics
        return _Folder(self._store, folder, last_id, self._poll, self._alarms)


class _Folder(Wakeable):
    """One who looks at a folder."""

    quick = False

    def __init__(
        self,
        store: LocalStore,
        folder: str,
        last_id: str | None,
        poll: float | None,
        alarms: Alarms,
    ) -> None:
        self._store = store
        self._path = tuple(folder.split("/")) if folder else ()
        self._seen = last_id
        self._alarms = alarms
        self._alarm: Alarm | None = None
        self._has_begun = self._rests = False
        self._changed = True
        location = os.path.join(store.root, *self._path, "")
        self._sight = Sight([location], self._stir, poll=poll, otherwise=_POLL, alarms=alarms)

    def take(self) -> bytes | None:
        if self._rests or not self._changed:
            return None
        self._rest()
        self._changed = False  # before it is looked at: what happens meanwhile is news
        content = self._content()
        if content == self._seen and self._has_begun:
            return None
        is_news, self._seen = content != self._seen, content
        self._has_begun = True
        return encode_event("changed", id=content) if is_news else encode_place(content)

    def beat(self) -> bytes:
        return b":\n\n"

    def close(self) -> None:
        self._sight.close()
        if self._alarm is not None:
            self._alarms.cancel(self._alarm)

    def _content(self) -> str:
        """Say in short what is listed; StopIteration: there is no such folder any more."""
        entries = self._store.list(self._path)
        if entries is None:
            raise StopIteration
        digest = hashlib.blake2b(digest_size=12)
        for entry in entries:
            digest.update(repr(entry).encode())
        return digest.hexdigest()

    def _stir(self) -> None:
        self._changed = True
        if not self._rests:
            self.wake()

    def _rest(self) -> None:
        """Look no more for a moment, in which much may happen."""
        self._rests = True
        self._alarm = self._alarms.at(self._alarms.clock() + _PAUSE, self._go_on)

    def _go_on(self) -> None:
        self._rests = False
        if self._changed:
            self.wake()
