"""An iterable of bytes as a source."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.bodies import Feed
from tests.sources.contract import DATA, SourceContract
from tests.watched import WatchedBody
from wsgistream.sources.stream import Stream
from wsgistream.types import UNKNOWN, Meta, Source
from wsgistream.wsgi.bodies import Truncated
from wsgistream.wsgi.waiting import Wakeable


class TestStream(SourceContract):
    def make(self) -> Source:
        return Stream((DATA[i : i + 7] for i in range(0, len(DATA), 7)), Meta(len(DATA)))

    def test_its_size_may_be_unknown(self) -> None:
        source = Stream([b"ab", b"c"])
        assert source.meta.size is None
        assert b"".join(source.read(0, UNKNOWN)) == b"abc"

    def test_it_is_read_once_and_so_in_order(self) -> None:
        assert Stream([], Meta(0)).meta.one_pass

    def test_it_closes_what_it_reads_from_and_only_once(self) -> None:
        body = WatchedBody([b"abc"])
        source = Stream(body)
        source.close()
        source.close()
        assert (body.closed, body.taken) == (1, 0)

    def test_an_iterator_that_was_begun_is_ended_with_it(self) -> None:
        ended = []

        class Body:
            def __iter__(self) -> Iterator[bytes]:
                try:
                    yield b"a"
                    yield b"b"
                finally:
                    ended.append(True)

        source = Stream(Body())
        assert next(source.read(0, UNKNOWN)) == b"a"
        source.close()
        assert ended == [True]


class TestStreamOfText(SourceContract):
    def make(self) -> Source:
        text = DATA[:-4].decode("latin-1")
        chunks = (text[i : i + 7] for i in range(0, len(text), 7))
        return Stream(chunks, Meta(len(DATA)), charset="latin-1", end=DATA[-4:])


@pytest.mark.parametrize(
    ("chunks", "size"),
    [
        pytest.param([b"abc", b"d"], 3, id="a chunk more"),
        pytest.param([b"abc", b"", b"d"], 3, id="a chunk more behind an empty one"),
        pytest.param([b"abcd"], 3, id="a chunk that is too long"),
    ],
)
def test_more_than_was_announced_is_seen_before_the_last_is_given(
    chunks: list[bytes], size: int
) -> None:
    body = Stream(chunks, Meta(size)).read(0, size)
    with pytest.raises(Truncated):
        assert next(body) == b""


def test_what_was_announced_is_given_as_it_comes() -> None:
    body = WatchedBody([b"a", b"b", b"", b"c", b""])
    chunks = Stream(body, Meta(3)).read(0, 3)
    assert [(next(chunks), body.taken) for _ in range(2)] == [(b"a", 1), (b"b", 2)]
    assert b"".join(chunks) == b"c"


@given(
    st.lists(st.binary(max_size=9) | st.text("aä€", max_size=4), max_size=9),
    st.binary(max_size=3),
    st.lists(st.integers(0, 99), max_size=6),
    st.booleans(),
)
def test_any_slices_that_ascend_are_its_bytes(
    chunks: list[Any], end: bytes, cuts: list[int], known: bool
) -> None:
    whole = b"".join(c.encode() if isinstance(c, str) else c for c in chunks) + end
    source = Stream(iter(chunks), Meta(len(whole) if known else None), end=end)
    for start, stop in pairwise(sorted(min(cut, len(whole)) for cut in cuts)):
        assert b"".join(source.read(start, stop)) == whole[start:stop]


def test_it_is_idle_only_if_its_body_may_be_and_its_size_is_unknown() -> None:
    assert Stream([b"a"]).idle() is None
    assert Stream(Feed(), Meta(5)).idle() is None


def idle(feed: Wakeable, **options: Any) -> Wakeable:
    body = Stream(feed, **options).idle()
    assert body is not None
    return body


def test_an_idle_body_is_encoded_and_its_end_marked_once() -> None:
    feed = Feed(b"a", "ä", None)  # type: ignore[arg-type]
    body = idle(feed, charset="latin-1", end="\n")
    assert [body.take() for _ in range(3)] == [b"a", b"\xe4", b"\n"]
    for _ in range(2):
        with pytest.raises(StopIteration):
            body.take()
    assert feed.takes == 3


def test_an_idle_body_that_has_nothing_now_says_so() -> None:
    assert idle(Feed()).take() is None


def test_an_idle_body_that_fails_has_no_end() -> None:
    body = idle(Feed(LookupError()), end="\n")
    with pytest.raises(LookupError):
        body.take()


def test_an_idle_body_is_woken_kept_alive_and_closed_as_it_is() -> None:
    class Slow(Feed):
        quick = False
        heartbeat = 7.0

    feed, told = Slow(), []
    body = idle(feed)
    body.wake_by(lambda: told.append(1))
    feed.wake()
    body.wake()
    assert told == [1, 1]
    assert (body.beat(), body.quick, body.heartbeat) == (b":\n", False, 7.0)
    body.close()
    assert feed.closings == 1


def test_an_idle_body_is_an_iterable_as_well() -> None:
    assert list(idle(Feed(b"a", "b", None), end=b"!")) == [b"a", b"b", b"!"]  # type: ignore[arg-type]
