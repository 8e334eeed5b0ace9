"""Bodies that close what they read from, once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.watched import WatchedBody
from wsgistream.sources.memory import Memory
from wsgistream.types import UNKNOWN, Meta, Slice
from wsgistream.wsgi.bodies import Closing, OnePass, Pieces, Truncated, Unbegun, close


class Lying:
    """A source that gives ``chunks`` whatever it is asked for."""

    file = None

    def __init__(self, *chunks: bytes) -> None:
        self.meta = Meta(10)
        self.body = WatchedBody(chunks)

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        return iter(self.body)

    def close(self) -> None:
        self.body.close()


def test_what_has_no_close_need_not_be_closed() -> None:
    assert close([b"a"]) is None


def test_a_closing_body_does_what_it_was_told_once_after_closing_its_own() -> None:
    done: list[str] = []
    body = WatchedBody([b"a", b"b"])
    closing = Closing(body, done.append, "done")
    assert (next(closing), done) == (b"a", [])
    closing.close()
    closing.close()
    assert (body.closed, done, list(closing)) == (1, ["done"], [])


def test_a_closing_body_may_be_paused_if_its_own_may() -> None:
    source = Memory(b"a")
    pieces = Pieces(source, [Slice(0, 1)])
    assert Closing(pieces, lambda: None).pausable
    assert not Closing([b"a"], lambda: None).pausable
    source.pausable = False  # type: ignore[attr-defined]
    assert not pieces.pausable


def test_a_closing_body_that_was_never_read_closes_its_own() -> None:
    body = WatchedBody([b"a"])
    Closing(body, lambda: None).close()
    assert (body.closed, body.taken) == (1, 0)


def test_a_body_that_fails_to_close_does_not_keep_the_rest_from_being_done() -> None:
    class Stubborn(WatchedBody):
        def close(self) -> None:
            raise LookupError

    done: list[str] = []
    with pytest.raises(LookupError):
        Closing(Stubborn([]), done.append, "done").close()
    assert done == ["done"]


def test_pieces_are_given_in_order() -> None:
    body = Pieces(Memory(b"0123456789"), (b"<", Slice(4, 6), b"|", Slice(0, 2), b">"))
    assert b"".join(body) == b"<45|01>"


@pytest.mark.parametrize(
    ("chunks", "error"),
    [
        pytest.param((b"1234",), Truncated, id="fewer bytes than announced"),
        pytest.param((b"", b"123", b"456"), Truncated, id="more bytes than announced"),
        pytest.param((), Unbegun, id="no byte at all"),
        pytest.param((b"", b""), Unbegun, id="empty chunks"),
        pytest.param((b"123456",), Unbegun, id="more bytes at once"),
    ],
)
def test_a_source_that_does_not_keep_its_word_is_cut_off(
    chunks: tuple[bytes, ...], error: type[Exception]
) -> None:
    source = Lying(*chunks)
    body = Pieces(source, (Slice(0, 5),))
    with pytest.raises(error):
        list(body)
    body.close()
    body.close()
    assert source.body.closed == 1


def test_a_surplus_byte_is_never_given() -> None:
    chunks = iter(Pieces(Lying(b"123", b"456"), (Slice(0, 5),)))
    assert next(chunks) == b"123"
    with pytest.raises(Truncated):
        next(chunks)


def test_a_slice_of_unknown_length_ends_with_its_source() -> None:
    assert b"".join(Pieces(Lying(b"123", b"456"), (Slice(0, UNKNOWN),))) == b"123456"


@given(
    chunks=st.lists(st.binary(max_size=5), max_size=8),
    cuts=st.lists(st.integers(0, 30), max_size=8).map(sorted),
)
def test_one_pass_gives_the_slices_that_indexing_gives(
    chunks: list[bytes], cuts: list[int]
) -> None:
    whole, body = b"".join(chunks), OnePass(chunks)
    for start, stop in zip(cuts[::2], cuts[1::2], strict=False):
        assert b"".join(body.read(start, stop)) == whole[start:stop]


def test_one_pass_reads_no_chunk_beyond_the_last_byte_asked_for() -> None:
    body = WatchedBody([b"ab", b"cd", b"ef"])
    one_pass = OnePass(body)
    assert b"".join(one_pass.read(1, 4)) == b"bcd"
    assert body.taken == 2
    one_pass.close()
    assert body.closed == 1
