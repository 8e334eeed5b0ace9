"""Following: a stream of Redis read into a log, once for all viewers of a process."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from wsgistream.rules.sse import EventId, encode_event
from wsgistream.sources.live.log import Entry, Log, wake_all

_logger: Final = logging.getLogger("wsgistream")

#: What redis-py raises; a tuple, as ``except`` wants it.
Errors: TypeAlias = tuple[type[Exception], ...]

# Events that are fetched at once, and milliseconds to wait for the next.
_BATCH: Final = 1000
_BLOCK: Final = 500

# Seconds between two attempts to reach Redis: the first, and the longest.
_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0

_NOTHING: Final = EventId(0, 0)


def pauses() -> Iterator[float]:
    """Give the seconds between attempts to reach Redis, which are not those of all others."""
    pause = _PAUSE
    while True:
        yield random.uniform(pause / 2, pause)  # noqa: S311
        pause = min(2 * pause, _LONGEST_PAUSE)


class Follower:
    """A thread that reads the stream ``key`` into a log, and reads on when Redis was away.

    ``connected`` gives a client, and raises one of ``away`` where it cannot; ``refused`` is what
    Redis answers to what it does not do.
    """

    def __init__(
        self,
        connected: Callable[[], Any],
        log: Log,
        *,
        key: str,
        history: int,
        longest: int,
        away: Errors,
        refused: type[Exception],
    ) -> None:
        self._connected = connected
        self._log = log
        self._key = key
        self._history = history
        self._longest = longest
        self._away = away
        self._refused = refused
        self._last: EventId | None = None
        self._closed = threading.Event()
        #: Redis was reached, or could not be.
        self.tried = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wsgistream events", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread; viewers get nothing more."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        waits: Iterator[float] | None = None
        while not self._closed.is_set():
            try:
                self._begin()
                self.tried.set()
                waits = None
                self._follow()
            except (*self._away, self._refused) as error:
                if waits is None:  # once, however long it lasts
                    _logger.warning("The events of Redis cannot be read; trying again: %s", error)
                    waits = pauses()
                self.tried.set()
                self._closed.wait(next(waits))

    def _begin(self) -> None:
        """See that nothing is between what the log has and what Redis will tell."""
        client = self._connected()
        if self._last is None or self._gone(client) > self._last:
            self._load(client)

    def _follow(self) -> None:
        client = self._connected()
        while not self._closed.is_set():
            found = client.xread({self._key: str(self._last)}, count=_BATCH, block=_BLOCK)
            rows = found[0][1] if found else []
            if len(rows) == _BATCH and self._gone(client) > (self._last or _NOTHING):
                self._load(client)  # it was too slow
            elif rows:
                self._last = _id_of(rows[-1])
                wake_all(self._log.add(self._entries(rows)))

    def _load(self, client: Any) -> None:
        """Begin with the last events there are."""
        rows = client.xrevrange(self._key, count=self._history + 1)[::-1]
        gone = self._gone(client)
        if len(rows) > self._history:
            gone = max(gone, _id_of(rows.pop(0)))
        self._last = _id_of(rows[-1]) if rows else gone
        wake_all(self._log.begin(gone, self._entries(rows)))

    def _gone(self, client: Any) -> EventId:
        """Find out up to where Redis may have forgotten events."""
        try:
            info = client.xinfo_stream(self._key)
        except self._refused:  # there is none, or something else, as will be told elsewhere
            return _NOTHING
        if info.get("entries-added") == info["length"]:  # from Redis 7 on
            return _NOTHING
        first = info["first-entry"]
        return _before(_id_of(first)) if first else _id_of((info["last-generated-id"],))

    def _entries(self, rows: Iterable[Any]) -> list[Entry]:
        """Encode what can be; anybody may add to the stream."""
        entries = []
        for row in rows:
            try:
                entries.append(_entry(_id_of(row), row[1], self._longest))
            except (KeyError, ValueError):
                _logger.warning("The event %s of Redis is none, and is passed over.", row[0])
        return entries


def _entry(place: EventId, row: Mapping[bytes, bytes], longest: int) -> Entry:
    """Read an event; raises KeyError and ValueError for what is none."""
    fields = {name: value.decode() for name, value in row.items()}
    retry = int(fields[b"retry"]) if b"retry" in fields else None
    event = encode_event(fields[b"data"], event=fields.get(b"event"), retry=retry, longest=longest)
    return Entry.of(place, fields[b"topic"], event)


def _id_of(row: Any) -> EventId:
    return EventId(*map(int, row[0].split(b"-")))


def _before(place: EventId) -> EventId:
    if place.number:
        return EventId(place.time, place.number - 1)
    return EventId(place.time - 1, 2**64 - 1)
