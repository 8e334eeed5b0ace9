"""An iterable of bytes as a source."""

from __future__ import annotations

from tests.sources.contract import DATA, SourceContract
from tests.watched import WatchedBody
from wsgistream.sources.stream import Stream
from wsgistream.types import UNKNOWN, Meta, Source


class TestStream(SourceContract):
    def make(self) -> Source:
        return Stream((DATA[i : i + 7] for i in range(0, len(DATA), 7)), Meta(len(DATA)))

    def test_its_size_may_be_unknown(self) -> None:
        source = Stream([b"ab", b"c"])
        assert source.meta.size is None
        assert b"".join(source.read(0, UNKNOWN)) == b"abc"

    def test_it_is_read_once_and_so_in_order(self) -> None:
        assert Stream([], Meta(0)).meta.one_pass

    def test_it_closes_what_it_reads_from(self) -> None:
        body = WatchedBody([b"abc"])
        Stream(body).close()
        assert (body.closed, body.taken) == (1, 0)
