"""Throttle: no more bytes a second than a connection, a client or all of them may have."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from wsgistream.rules.client import client_of, connection_of
from wsgistream.rules.head import has_body
from wsgistream.rules.pacing import Bucket, Buckets, Claim
from wsgistream.types import Body, Environ, StartResponse, WSGIApp
from wsgistream.wsgi import Reply, call
from wsgistream.wsgi.alarm import ALARMS, Alarm, Alarms, call_each
from wsgistream.wsgi.files import FileWrapper, length_of
from wsgistream.wsgi.pacing import paced
from wsgistream.wsgi.waiting import is_quick

# Bytes of a burst at least, if nobody says: at a low rate they make pieces that are worth it.
_BURST: Final = 32 * 1024

# Seconds after which a line is looked at again, however slow its bucket is.
_LONGEST: Final = 3600.0


class ThrottleMiddleware:
    """Send the bodies of ``app`` no faster than so many bytes a second.

    ``per_connection`` holds for each connection (REMOTE_ADDR and REMOTE_PORT; for each answer where
    the server gives no port), ``per_address`` for each client (REMOTE_ADDR; a network of 64 bits in
    IPv6), ``total`` for all. ``burst``: bytes that each of them may have at once after a silence
    (default: those of a second, and 32 KiB at least); less than those of a tenth of a second slow
    it down.

    Answers of one client take turns, piece by piece. What is there as a whole, as a list or a file,
    and may go at once stays as it is; the rest becomes a stream that waits without a thread, or in
    its own if it is not pausable (``pausable``: all are). What stands outside of it changes what is
    counted already. ``alarms`` wake it, and are its clock. Raises ValueError or TypeError for an
    option that cannot be.
    """

    def __init__(
        self,
        app: WSGIApp,
        *,
        per_connection: float | None = None,
        per_address: float | None = None,
        total: float | None = None,
        burst: int | None = None,
        pausable: bool = False,
        alarms: Alarms = ALARMS,
    ) -> None:
        rates = {"per_connection": per_connection, "per_address": per_address, "total": total}
        for name, value in {**rates, "burst": burst}.items():
            _check(name, value)
        if burst is not None and burst < 1:
            raise ValueError(f"burst is 1 byte or more, not {burst!r}.")
        if not any(rates.values()):
            raise ValueError("Nothing is throttled: give per_connection, per_address or total.")
        self.app = app
        self.quick = is_quick(app)
        self._pausable = pausable
        self._traffic = _Traffic(alarms)
        self._connections, self._addresses, self._total = (
            None if rate is None else Buckets(rate, burst or max(_BURST, rate))
            for rate in rates.values()
        )

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        if environ["REQUEST_METHOD"] == "HEAD":
            return self.app(environ, start_response)
        reply = call(self.app, environ)
        try:
            if has_body(reply.status):
                self._throttle(reply, environ)
        except BaseException:
            reply.close()
            raise
        return reply.send(start_response)

    def _throttle(self, reply: Reply, environ: Environ) -> None:
        size = _size(reply)
        if size == 0:
            return
        pace = self._join(environ)
        if size is not None and pace.passes(size):
            pace.leave()
            return
        if size is not None and reply.get("Content-Length") is None:
            reply.set("Content-Length", str(size))
        reply.body = paced(reply.body, pace, size=size, pausable=self._pausable)

    def _join(self, environ: Environ) -> _Pace:
        # The total comes last: who has its promise waits for nobody any more.
        levels = (
            (self._connections, connection_of(environ) or object()),
            (self._addresses, client_of(environ)),
            (self._total, None),
        )
        with self._traffic.lock:
            now = self._traffic.clock()
            buckets = [level.get(key, now) for level, key in levels if level is not None]
            return _Pace(self._traffic, Claim(buckets))


class _Traffic:
    """What all answers share: one lock, and an alarm for each bucket that has a line."""

    def __init__(self, alarms: Alarms) -> None:
        self.lock = threading.Lock()
        self.clock = alarms.clock
        self._all = alarms
        self._set: dict[Bucket, Alarm] = {}

    def watch(self, bucket: Bucket, now: float) -> None:
        """See that a bucket has an alarm if it has a line, and none if it has none."""
        if not bucket.line:
            self._unset(bucket)
        elif bucket not in self._set:
            wait = min(_LONGEST, bucket.wait(next(iter(bucket.line)).size, now))
            self._set[bucket] = self._all.at(now + wait, partial(self._serve, bucket))

    def _unset(self, bucket: Bucket) -> None:
        alarm = self._set.pop(bucket, None)
        if alarm is not None:
            self._all.cancel(alarm)

    def _serve(self, bucket: Bucket) -> None:
        granted = []
        with self.lock:
            now = self.clock()
            self._unset(bucket)
            for claim in bucket.serve(now):
                after = claim.passed(now)
                if after is None:
                    granted.append(claim.wake)
                else:
                    self.watch(after, now)
            self.watch(bucket, now)
        call_each(granted)


class _Pace:
    """The claim of one answer, under the lock of all."""

    def __init__(self, traffic: _Traffic, claim: Claim) -> None:
        self._traffic = traffic
        self._claim = claim

    def passes(self, size: int) -> bool:
        """Spend bytes at once, if they are there and nobody is first."""
        with self._traffic.lock:
            return self._claim.spend(size, self._traffic.clock())

    def ask(self, size: int, /) -> int:
        with self._traffic.lock:
            claim = self._claim
            if not claim.size:
                now = self._traffic.clock()
                bucket = claim.ask(min(size, claim.piece), now)
                if bucket is not None:
                    self._traffic.watch(bucket, now)
            return claim.size if claim.is_granted else 0

    def spend(self, count: int, /) -> None:
        with self._traffic.lock:
            self._claim.settle(count, self._traffic.clock())

    def wake_by(self, waker: Callable[[], object], /) -> None:
        self._claim.wake = waker

    def leave(self) -> None:
        with self._traffic.lock:
            now = self._traffic.clock()
            bucket = self._claim.settle(0, now)
            self._claim.leave()
            if bucket is not None:
                self._traffic.watch(bucket, now)


def _check(name: str, value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} is a number of bytes, not {value!r}.")
    if not 0 < value <= sys.float_info.max:
        raise ValueError(f"{name} is a number of bytes above 0, not {value!r}.")


def _size(reply: Reply) -> int | None:
    """Count the bytes of a body that is there as a whole; None: it is not."""
    body, length = reply.body, reply.get("Content-Length") or ""
    if isinstance(body, (list, tuple)):
        return sum(map(len, body))
    if not isinstance(body, FileWrapper):
        return None
    size = length_of(body.file)
    if size and length.isascii() and length.isdigit():
        size = min(size, int(length))  # a file may be given for a part of it
    return size or None
