"""Source: one object of a store, open for one response."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from wsgistream.sources.objects.client import Client, First
from wsgistream.sources.objects.failures import Replaced
from wsgistream.sources.objects.part import NEAR, Answer, Part
from wsgistream.sources.objects.wish import WHOLE
from wsgistream.types import Meta, Slice

# What tells one version of an object from another.
_OF_A_VERSION: Final = ("e_tag", "size", "last_modified")


class Object:
    """The object at ``key``, as a source of the one version that ``first`` tells of.

    ``meta`` describes it. What has come of it already is not asked for again. What breaks off is
    asked for again from there on, and is never joined to another version.
    """

    file = None

    def __init__(self, client: Client, key: str, first: First, meta: Meta) -> None:
        self.meta = meta
        self._client = client
        self._key = key
        self._version = first.head.meta
        self._runs: Sequence[Slice] = ()
        self._part: Part | None = None
        if first.result is not None:
            self._begin(Answer(first.result))

    def prepare(self, slices: Sequence[Slice]) -> None:
        """Ask for what is read first of these slices, so that a failure can still be answered.

        Those that lie near each other are asked for at once. Raises what the store's failure is.
        """
        self._runs = _runs(slices)
        self._part_with(slices[0])

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        return self._part_with(Slice(start, stop)).read(start, stop)

    def close(self) -> None:
        """Give up what is open: the store's connection with it, if there is more to come."""
        part, self._part = self._part, None
        if part is not None:
            part.close()

    def _part_with(self, piece: Slice) -> Part:
        if self._part is not None and self._part.holds(piece):
            return self._part
        self.close()
        run = next((run for run in self._runs if run.start == piece.start), piece)
        return self._begin(self._ask(*run))

    def _begin(self, answer: Answer) -> Part:
        self._part = Part(self._ask, self._client.resting, answer)
        return self._part

    def _ask(self, start: int, stop: int) -> Answer:
        whole = (start, stop) == (0, self.meta.size)
        options = dict(WHOLE) if whole else {"range": (start, stop)}
        tag = self._version["e_tag"]
        # A weak tag never matches (RFC 9110 §13.1.1); but what comes is looked at in any case.
        if self.meta.etag is not None and self.meta.etag == tag and not tag.startswith("W/"):
            options["if_match"] = tag
        result = self._client.get(self._key, options)
        if any(result.meta[name] != self._version[name] for name in _OF_A_VERSION):
            raise Replaced("The object was replaced while it was being sent.")
        return Answer(result)


def _runs(slices: Iterable[Slice]) -> Sequence[Slice]:
    """Join slices of which each begins soon after the one before it."""
    runs: list[Slice] = []
    for piece in slices:
        if runs and runs[-1].stop <= piece.start <= runs[-1].stop + NEAR:
            runs.append(Slice(runs.pop().start, piece.stop))
        else:
            runs.append(piece)
    return runs


class LinkedObject(Object):
    """An object of a store that signs links to what it has."""

    def link(self, seconds: float) -> str:
        return self._client.link(self._key, seconds)
