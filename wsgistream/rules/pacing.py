"""Pacing: how many bytes may go, and when, by token buckets; the time is an argument."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import islice
from typing import Final

# Bytes that are sent at a time: a tenth of a second's, but neither so few that each costs more than
# it carries, nor so many that the others wait for long.
_LEAST: Final = 16 * 1024
_MOST: Final = 64 * 1024
_SHARE: Final = 0.1

# Buckets that are kept although nobody uses them.
_KEPT: Final = 10_000


class Bucket:
    """``rate`` bytes a second, and up to ``burst`` bytes that were saved up; full at first.

    Bytes are promised in the order in which they were asked for, and then spent: in no time more
    than ``burst``, and ``rate`` for each second of it. Times are seconds of any clock; one that
    stands, or is set back, adds nothing.
    """

    __slots__ = ("_level", "_promised", "_then", "burst", "line", "rate", "users")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        #: Claims that wait for a promise, the first first.
        self.line: OrderedDict[Claim, None] = OrderedDict()
        #: Answers that may still claim something.
        self.users = 0
        self._level = burst
        self._promised = 0
        self._then = now

    def wait(self, size: float, now: float) -> float:
        """Tell after how many seconds ``size`` bytes may be there for a promise; 0: they are."""
        self._fill(now)
        return max(0.0, size + self._promised - self._level) / self.rate

    def promise(self, size: int) -> None:
        """Promise bytes (``wait`` tells that they are there)."""
        self._promised += size

    def settle(self, promised: int, spent: int, now: float) -> None:
        """Spend some of the bytes that were promised, and let go of the others."""
        self._fill(now)
        self._promised -= promised
        self._level -= spent

    def serve(self, now: float) -> Iterator[Claim]:
        """Promise to those in the line what they wait for, as far as it is there."""
        while self.line:
            claim = next(iter(self.line))
            if self.wait(claim.size, now):
                return
            del self.line[claim]
            self.promise(claim.size)
            yield claim

    def is_new(self, now: float) -> bool:
        """Tell whether nobody could tell it from a new one."""
        return not self.users and not self.wait(self.burst, now)

    def _fill(self, now: float) -> None:
        elapsed = max(0.0, now - self._then)
        self._level = min(self.burst, self._level + elapsed * self.rate)
        self._then = now


class Claim:
    """The bytes that one answer wants to send next: each of its buckets has to promise them.

    It waits in the line of one after the other, in their order. What the first have promised stays
    in them meanwhile, so that no more can be saved up, and is spent in all at once.
    """

    __slots__ = ("_buckets", "_promises", "piece", "size", "wake")

    def __init__(self, buckets: Sequence[Bucket]) -> None:
        self._buckets = buckets
        self._promises = 0
        for bucket in buckets:
            bucket.users += 1
        #: To be called by whoever served it, when it is granted.
        self.wake: Callable[[], object] = bool
        #: Bytes that are best asked for at a time.
        self.piece = min(map(_piece, buckets))
        #: Bytes that are asked for; 0: none.
        self.size = 0

    @property
    def is_granted(self) -> bool:
        """Whether all have promised."""
        return bool(self.size) and self._promises == len(self._buckets)

    def ask(self, size: int, now: float) -> Bucket | None:
        """Ask for bytes, as many as ``piece`` at most.

        Gives the bucket in whose line it then stands; None: they are granted.
        """
        self.size = size
        return self._go_on(now)

    def passed(self, now: float) -> Bucket | None:
        """Go on to the next bucket, when one has served it; gives what ``ask`` does."""
        self._promises += 1
        return self._go_on(now)

    def spend(self, size: int, now: float) -> bool:
        """Spend bytes at once, however many; False: they are not there, or others are first."""
        if any(bucket.line or bucket.wait(size, now) for bucket in self._buckets):
            return False
        for bucket in self._buckets:
            bucket.settle(0, size, now)
        return True

    def settle(self, spent: int, now: float) -> Bucket | None:
        """Spend some of what is promised and give up the rest; gives the bucket it waited for."""
        for bucket in self._buckets[: self._promises]:
            bucket.settle(self.size, spent, now)
        waited = None
        if self.size and not self.is_granted:
            waited = self._buckets[self._promises]
            del waited.line[self]
        self.size = self._promises = 0
        return waited

    def leave(self) -> None:
        """Use its buckets no more; it is settled."""
        for bucket in self._buckets:
            bucket.users -= 1

    def _go_on(self, now: float) -> Bucket | None:
        for bucket in self._buckets[self._promises :]:
            if bucket.line or bucket.wait(self.size, now):
                bucket.line[self] = None
                return bucket
            bucket.promise(self.size)
            self._promises += 1
        return None


def _piece(bucket: Bucket) -> int:
    # Half a burst, so that what comes late is not lost: the other half can be saved up meanwhile.
    most = min(_MOST, bucket.burst / 2)
    return int(max(1, min(most, max(_LEAST, bucket.rate * _SHARE))))


class Buckets:
    """A bucket for each key, such as the address of a client.

    One that nobody uses is forgotten when it is full, or when too many are kept.
    """

    def __init__(self, rate: float, burst: float, kept: int = _KEPT) -> None:
        self._rate = rate
        self._burst = burst
        self._kept = kept
        self._buckets: OrderedDict[Hashable, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def get(self, key: Hashable, now: float) -> Bucket:
        """Find the bucket of a key, or make one."""
        bucket = self._buckets.get(key)
        if bucket is None:
            self._forget(now)
            bucket = self._buckets[key] = Bucket(self._rate, self._burst, now)
        return bucket

    def _forget(self, now: float) -> None:
        """Look at two of the oldest for each that is made, so that the work is never much."""
        for key in list(islice(self._buckets, 2)):
            bucket = self._buckets[key]
            too_many = len(self._buckets) >= self._kept and not bucket.users
            if too_many or bucket.is_new(now):
                del self._buckets[key]
            else:
                self._buckets.move_to_end(key)
