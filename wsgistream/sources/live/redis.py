"""Redis: a hub of many processes and machines, whose events are a stream of Redis."""

from __future__ import annotations

import itertools
import os
import re
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Any, Final

from wsgistream.rules.coding import MissingLibrary
from wsgistream.rules.sse import LONGEST
from wsgistream.sources.live.following import Follower, pauses
from wsgistream.sources.live.hub import BadId, Hub, HubAway, Published
from wsgistream.sources.live.log import Log, Slow
from wsgistream.sources.live.viewer import Viewer

# Adds an event, unless this publisher has added it already and was not told: so whoever tries
# again, this module or the library, doubles nothing.
_ADD: Final = """
local told = redis.call('GET', KEYS[2])
if told then
    local number, id = told:match('^(%d+) (.*)$')
    if tonumber(number) >= tonumber(ARGV[1]) then return id end
end
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], ARGV[3], unpack(ARGV, 4))
redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. id, 'EX', 600)
return id
"""

# Seconds after which a Redis that does not answer is taken to be away.
_TIMEOUT: Final = 5.0

_CLUSTER: Final = "+cluster://"


class RedisHub(Hub):
    """A hub of many processes and machines: ``RedisHub("redis://localhost:6379/0")``.

    ``url`` is one of redis-py, or ``redis+cluster://`` and a node of a cluster. The events are the
    stream ``key``, which anybody may add to: the fields ``topic`` and ``data``, and perhaps
    ``event`` and ``retry``. Their ids are those of the stream. Redis keeps the last ``history`` of
    them and some more, and each process that has viewers as many, which one thread reads. While
    Redis is away viewers wait, and then have what they have missed; what is published is tried
    again for ``patience`` seconds, and never doubled. ``slow`` and ``longest``: see MemoryHub.
    ``clock`` and ``sleep``: seconds from anywhere, and what waits for some.

    Raises ValueError for an option that cannot be, and MissingLibrary without redis-py.
    """

    shared = True

    def __init__(
        self,
        url: str = "redis://localhost:6379/0",
        *,
        key: str = "wsgistream",
        history: int = 1000,
        slow: Slow = "drop",
        longest: int = LONGEST,
        patience: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        if not 0 <= patience <= threading.TIMEOUT_MAX:
            raise ValueError(f"Patience is seconds from 0, not {patience!r}.")
        self._redis = _library()
        self._url = url
        self._key = key
        self._history = history
        self.longest = longest
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        # In a cluster both keys have to be in one slot.
        tag = key if re.search(r"\{[^}]+\}", key) else f"{{{key}}}"
        self._name = f"{tag}:publisher:{uuid.uuid4().hex}"
        self._numbers = itertools.count(1)
        self._log = Log(history, slow)
        errors = self._redis.exceptions
        self._refused = errors.ResponseError
        self._away = (
            OSError,
            errors.ConnectionError,
            errors.TimeoutError,
            errors.ClusterDownError,
            errors.ReadOnlyError,
            errors.RedisClusterException,
        )
        self._forget()
        _forget_in_children(self)

    def _forget(self) -> None:
        """Begin anew, as a process does that was forked: the thread is the parent's."""
        self._beginning = threading.Lock()
        self._connecting = threading.Lock()
        self._client: Any = None
        self._follower: Follower | None = None
        self._log.forget()

    @property
    def quick(self) -> bool:
        return self._follower is not None and self._follower.tried.is_set()

    def add(self, published: Published) -> str:
        fields = published._asdict()
        given = [
            part
            for name in ("topic", "data", "event", "retry")
            if fields[name] is not None
            for part in (name, fields[name])
        ]
        return self._add([next(self._numbers), self._history, str(published.id or "*"), *given])

    def _add(self, arguments: Sequence[Any]) -> str:
        # A thread publishes one event after the other, so of each the last one is enough to know.
        publisher = f"{self._name}:{os.getpid()}:{threading.get_ident()}"
        until = self._clock() + self._patience
        waits = pauses()
        while True:
            try:
                told: bytes = self._connected().eval(_ADD, 2, self._key, publisher, *arguments)
            except self._away as error:
                wait = next(waits)
                if self._clock() + wait > until:
                    raise HubAway("Redis is away: the event is perhaps not published.") from error
                self._sleep(wait)
            except self._refused as error:
                if "ID specified in XADD" in str(error):
                    raise BadId from None
                raise
            else:
                return told.decode()

    def subscribe(self, topics: Iterable[str], last_id: str | None = None) -> Viewer:
        if not self.quick:
            self._begin()
        return Viewer(self._log, topics, last_id)

    def _begin(self) -> None:
        """Have the events read, and wait until it is known where they stand, or cannot be."""
        with self._beginning:
            if self._follower is None:
                self._follower = Follower(
                    self._connected,
                    self._log,
                    key=self._key,
                    history=self._history,
                    longest=self.longest,
                    away=self._away,
                    refused=self._refused,
                )
        self._follower.tried.wait()

    def _connected(self) -> Any:
        """Give a client; that of a cluster connects at once."""
        with self._connecting:
            if self._client is None:
                kind = self._redis.RedisCluster if _CLUSTER in self._url else self._redis.Redis
                never = import_module("redis.backoff").NoBackoff()
                self._client = kind.from_url(
                    self._url.replace(_CLUSTER, "://", 1),
                    socket_timeout=_TIMEOUT,
                    socket_connect_timeout=_TIMEOUT,
                    retry=import_module("redis.retry").Retry(never, 0),
                    protocol=2,
                )
            return self._client

    def close(self) -> None:
        """End the thread that reads, and the connections; viewers get nothing more."""
        follower, client = self._follower, self._client
        if follower is not None:
            follower.close()
        if client is not None:
            client.close()


def _forget_in_children(hub: RedisHub) -> None:
    reference = weakref.ref(hub)

    def forget() -> None:
        alive = reference()
        if alive is not None:
            alive._forget()

    os.register_at_fork(after_in_child=forget)


def _library() -> Any:
    try:
        return import_module("redis")
    except ImportError:
        raise MissingLibrary(
            "A RedisHub needs a library: pip install 'wsgistream[redis]'."
        ) from None
