"""What a Range field asks for, and the slices that answer it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log2
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.steps import steps_of
from wsgistream.rules.ranges import (
    MOST_RANGES,
    NEAR,
    Spec,
    coalesce,
    content_range,
    parse_range,
    satisfy,
    select,
)
from wsgistream.types import Slice

#: Longer than the digits that int() takes at once.
DIGITS = 5000


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("bytes=0-499", [(0, 499)], id="a first and a last position"),
        pytest.param("bytes=9500-", [(9500, None)], id="a first position alone"),
        pytest.param("bytes=-500", [(None, 500)], id="a suffix"),
        pytest.param("bytes=7-7", [(7, 7)], id="one byte"),
        pytest.param("bytes=-0", [(None, 0)], id="a suffix of zero bytes is well formed"),
        pytest.param("bytes=00-0004", [(0, 4)], id="leading zeros count for nothing"),
        pytest.param("bytes=0005-7", [(5, 7)], id="zeros before a first position"),
        pytest.param("bytes=5-004", None, id="zeros before a last position that is too small"),
        pytest.param("bytes=010-9", None, id="leading zeros do not hide a last before a first"),
        pytest.param("bytes=0-0,-1", [(0, 0), (None, 1)], id="a list"),
        pytest.param("bytes=5-6,1-2", [(5, 6), (1, 2)], id="a list keeps its order"),
        pytest.param("bytes= 0-1 ,\t2-3 ", [(0, 1), (2, 3)], id="white space around elements"),
        pytest.param("bytes=,,0-1, ,2-3,", [(0, 1), (2, 3)], id="empty elements are passed over"),
        pytest.param("BYTES=0-1", [(0, 1)], id="the unit in capitals"),
        pytest.param("bYtEs=0-1", [(0, 1)], id="the unit in mixed letters"),
        pytest.param("", None, id="nothing at all"),
        pytest.param("bytes", None, id="a unit alone"),
        pytest.param("bytes=", None, id="no range"),
        pytest.param("bytes=, ,", None, id="a list of nothing"),
        pytest.param("bytes=-", None, id="a dash alone"),
        pytest.param("bytes=--1", None, id="two dashes"),
        pytest.param("bytes=-1-2", None, id="three positions"),
        pytest.param("bytes=7", None, id="a position without a dash"),
        pytest.param("bytes=5-4", None, id="a last before its first"),
        pytest.param("bytes=0-1,5-4", None, id="one malformed range spoils the list"),
        pytest.param("bytes=0 - 1", None, id="white space inside a range"),
        pytest.param("bytes=+0-1", None, id="a plus sign"),
        pytest.param("bytes=1_0-20", None, id="an underscore between digits"),
        pytest.param("bytes=0x0-0x9", None, id="hexadecimal digits"),
        pytest.param("bytes=0-1.5", None, id="a fraction"),
        pytest.param("bytes=0-\u0664", None, id="an Arabic digit"),
        pytest.param("bytes=\u00b2-5", None, id="a superscript digit"),
        pytest.param("bytes=0-1\n", None, id="a line feed is no white space"),
        pytest.param("bytes=0-1;x=1", None, id="a parameter"),
        pytest.param("bytes =0-1", None, id="white space before the equals sign"),
        pytest.param("bytes:0-1", None, id="a colon for the equals sign"),
        pytest.param("byte\u017f=0-1", None, id="a long s is not the s of bytes"),
        pytest.param("items=0-1", None, id="an unknown unit"),
        pytest.param("0-1", None, id="no unit"),
        pytest.param("bytes=0-1, bytes=2-3", None, id="two fields joined by a comma"),
    ],
)
def test_a_range_field_is_read(value: str, expected: list[tuple[Any, Any]] | None) -> None:
    assert parse_range(value) == (None if expected is None else tuple(expected))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(f"bytes=0-{'9' * DIGITS}", (Slice(0, 10),), id="a huge last position"),
        pytest.param(f"bytes={'9' * DIGITS}-", (), id="a huge first position"),
        pytest.param(f"bytes=-{'9' * DIGITS}", (Slice(0, 10),), id="a huge suffix"),
        pytest.param(f"bytes={'0' * DIGITS}3-4", (Slice(3, 5),), id="thousands of zeros"),
        pytest.param(
            f"bytes={'9' * DIGITS}-{'9' * DIGITS}1", (), id="two huge positions in their order"
        ),
        pytest.param(
            f"bytes=0-1,{'9' * DIGITS}2-{'9' * DIGITS}1", None, id="two huge positions out of order"
        ),
        pytest.param(
            f"bytes=0-1,{'9' * DIGITS}-1", None, id="a huge first position before a small last"
        ),
        pytest.param(
            "bytes=18446744073709551616-18446744073709551617",
            (),
            id="positions beyond 64 bits do not wrap",
        ),
    ],
)
def test_numbers_of_any_length_are_read(value: str, expected: tuple[Slice, ...] | None) -> None:
    assert select(value, 10) == expected


def test_the_longest_position_is_read_to_its_last_digit() -> None:
    size = 10**18
    assert select(f"bytes={size - 1}-", size) == (Slice(size - 1, size),)


@pytest.mark.parametrize(
    ("value", "size", "expected"),
    [
        pytest.param("bytes=0-499", 1000, [(0, 500)], id="the first half"),
        pytest.param("bytes=500-", 1000, [(500, 1000)], id="from the middle to the end"),
        pytest.param("bytes=-500", 1000, [(500, 1000)], id="the last half"),
        pytest.param("bytes=999-", 1000, [(999, 1000)], id="the last byte by its position"),
        pytest.param("bytes=-1", 1000, [(999, 1000)], id="the last byte as a suffix"),
        pytest.param("bytes=0-0", 1, [(0, 1)], id="the only byte"),
        pytest.param("bytes=0-", 1000, [(0, 1000)], id="the whole by its first position"),
        pytest.param("bytes=0-999", 1000, [(0, 1000)], id="the whole by both positions"),
        pytest.param("bytes=990-9999", 1000, [(990, 1000)], id="a last position past the end"),
        pytest.param("bytes=-1000", 1000, [(0, 1000)], id="a suffix as long as the whole"),
        pytest.param("bytes=-1001", 1000, [(0, 1000)], id="a suffix longer than the whole"),
        pytest.param("bytes=1000-", 1000, [], id="just past the end"),
        pytest.param("bytes=1000-1000", 1000, [], id="one byte just past the end"),
        pytest.param("bytes=-0", 1000, [], id="a suffix of zero bytes cannot be satisfied"),
        pytest.param("bytes=1000-,-0,2000-3000", 1000, [], id="none of several can be satisfied"),
        pytest.param(
            "bytes=5000-,0-9,-0", 1000, [(0, 10)], id="one satisfiable among several is enough"
        ),
        pytest.param("bytes=900-,0-9", 1000, [(900, 1000), (0, 10)], id="the order that was asked"),
        pytest.param("items=0-1", 1000, None, id="an unknown unit is ignored"),
        pytest.param("bytes=0-", 0, None, id="an empty file is sent whole"),
        pytest.param("bytes=-0", 0, None, id="an empty file is sent whole to an empty suffix"),
    ],
)
def test_slices_answer_a_range_field(
    value: str, size: int, expected: list[tuple[int, int]] | None
) -> None:
    assert select(value, size) == (None if expected is None else tuple(expected))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("bytes=0-999,0-0", None, id="one byte more than the whole"),
        pytest.param("bytes=0-,0-", None, id="the whole twice"),
        pytest.param("bytes=0-499,500-999", (Slice(0, 1000),), id="just the whole, in halves"),
        pytest.param("bytes=0-599,400-", None, id="halves that overlap"),
        pytest.param("bytes=0-998,5000-", (Slice(0, 999),), id="what is past the end is no byte"),
    ],
)
def test_more_bytes_than_the_whole_are_the_whole(
    value: str, expected: tuple[Slice, ...] | None
) -> None:
    assert select(value, 1000) == expected


def spaced(count: int) -> str:
    """A field of so many single bytes, far from one another."""
    return "bytes=" + ",".join(f"{1000 * n}-{1000 * n}" for n in range(count))


def test_as_many_ranges_as_we_give_are_given() -> None:
    slices = select(spaced(64), 10**6)
    assert slices == tuple(Slice(1000 * n, 1000 * n + 1) for n in range(64))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(spaced(65), id="one range too many"),
        pytest.param(spaced(64) + ",5-4", id="a malformed range after the last"),
        pytest.param("bytes=" + "9999999-," * 64 + "0-0", id="past the end all but one"),
    ],
)
def test_too_many_ranges_are_the_whole(value: str) -> None:
    assert select(value, 10**6) is None


def test_empty_elements_are_no_ranges_to_be_counted() -> None:
    assert select("bytes=" + "," * 1000 + "0-0" + " ," * 1000, 10) == (Slice(0, 1),)


@pytest.mark.parametrize(
    ("slices", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([(0, 10), (5, 20)], [(0, 20)], id="overlapping"),
        pytest.param([(0, 10), (10, 20)], [(0, 20)], id="touching"),
        pytest.param([(0, 100), (10, 20)], [(0, 100)], id="one inside the other"),
        pytest.param([(0, 10), (10 + NEAR - 1, 200)], [(0, 200)], id="nearly a part header apart"),
        pytest.param(
            [(0, 10), (10 + NEAR, 200)], [(0, 10), (10 + NEAR, 200)], id="a part header apart"
        ),
        pytest.param([(5000, 5010), (0, 10)], [(5000, 5010), (0, 10)], id="far apart, descending"),
        pytest.param(
            [(5000, 5010), (0, 10), (5005, 5020)],
            [(5000, 5020), (0, 10)],
            id="a joined slice stands where its first member stood",
        ),
        pytest.param(
            [(200, 210), (2000, 2010), (0, 10), (100, 110)],
            [(200, 210), (2000, 2010), (0, 10), (100, 110)],
            id="near counts between neighbours, and these are not",
        ),
        pytest.param(
            [(140, 150), (2000, 2010), (0, 10), (70, 80)],
            [(0, 150), (2000, 2010)],
            id="a chain is joined through its middle",
        ),
    ],
)
def test_near_slices_are_joined(
    slices: list[tuple[int, int]], expected: list[tuple[int, int]]
) -> None:
    assert coalesce(Slice(*piece) for piece in slices) == tuple(expected)


@pytest.mark.parametrize(
    ("piece", "expected"),
    [
        pytest.param(Slice(0, 500), "bytes 0-499/1234", id="a slice"),
        pytest.param(Slice(1233, 1234), "bytes 1233-1233/1234", id="the last byte"),
        pytest.param(None, "bytes */1234", id="unsatisfied"),
    ],
)
def test_a_content_range_is_written(piece: Slice | None, expected: str) -> None:
    assert content_range(piece, 1234) == expected


# What follows holds for every value, and is tried with many.

SIZE = 400
positions = st.integers(0, SIZE + 50)
specs = st.one_of(
    st.builds(Spec, st.none(), positions),
    st.builds(Spec, positions, st.none()),
    st.tuples(positions, positions).map(lambda pair: Spec(*sorted(pair))),
)
slices_of_size = (
    st.tuples(st.integers(0, SIZE), st.integers(0, SIZE))
    .filter(lambda pair: pair[0] != pair[1])
    .map(lambda pair: Slice(*sorted(pair)))
)


def bytes_of(specs: Sequence[Spec], size: int) -> set[int]:
    """The positions that are asked for, one by one, as RFC 9110 §14.1.2 words it."""
    asked: set[int] = set()
    for first, last in specs:
        for position in range(size):
            if first is None:
                assert last is not None
                wanted = position >= size - last
            else:
                wanted = first <= position and (last is None or position <= last)
            if wanted:
                asked.add(position)
    return asked


def positions_of(slices: Sequence[Slice]) -> list[int]:
    return [position for start, stop in slices for position in range(start, stop)]


@given(st.text(alphabet=st.sampled_from("bytes=BYTES0123456789-, \t\u0661\u00b2x"), max_size=40))
def test_any_text_is_a_range_or_is_ignored(value: str) -> None:
    for text in (value, f"bytes={value}"):
        found = parse_range(text)
        assert found is None or 0 < len(found) <= MOST_RANGES
        for first, last in found or ():
            assert first is not None or last is not None
            assert first is None or last is None or 0 <= first <= last


@given(
    st.lists(specs, min_size=1, max_size=MOST_RANGES),
    st.sampled_from(["bytes=", "Bytes=", "BYTES="]),
    st.sampled_from([",", " , ", ",,", "\t,", ", ,\t,"]),
    st.sampled_from(["", "0", "000"]),
)
def test_what_is_written_as_a_range_field_is_read_back(
    asked: list[Spec], unit: str, comma: str, zeros: str
) -> None:
    def written(position: int | None) -> str:
        return "" if position is None else f"{zeros}{position}"

    value = unit + comma.join(f"{written(first)}-{written(last)}" for first, last in asked)
    assert parse_range(value) == tuple(asked)


@given(st.lists(specs, max_size=8), st.integers(0, SIZE))
def test_slices_hold_the_bytes_asked_for_and_no_others(asked: list[Spec], size: int) -> None:
    slices = satisfy(asked, size)
    assert set(positions_of(slices)) == bytes_of(asked, size)
    assert len(slices) == sum(bool(bytes_of([spec], size)) for spec in asked)


@given(st.lists(slices_of_size, max_size=10), st.integers(1, 100))
def test_joined_slices_are_the_union_and_the_gaps_less_than_near(
    slices: list[Slice], near: int
) -> None:
    wanted = sorted(set(positions_of(slices)))
    filled = set(wanted)
    for before, after in pairwise(wanted):
        if after - before - 1 < near:
            filled.update(range(before, after))
    joined = coalesce(slices, near)
    assert sorted(positions_of(joined)) == sorted(filled)
    # Two slices that touched would have been one.
    assert all(before.stop < after.start for before, after in pairwise(sorted(joined)))
    first_asked = [
        min(order for order, piece in enumerate(slices) if whole.start <= piece.start < whole.stop)
        for whole in joined
    ]
    assert first_asked == sorted(first_asked)


@given(st.lists(specs, min_size=1, max_size=MOST_RANGES + 2), st.integers(0, SIZE))
def test_what_is_selected_is_never_more_than_the_whole(asked: list[Spec], size: int) -> None:
    value = "bytes=" + ",".join(
        f"{'' if first is None else first}-{'' if last is None else last}" for first, last in asked
    )
    slices = select(value, size)
    if slices is None:
        return
    assert all(0 <= start < stop <= size for start, stop in slices)
    sent = positions_of(slices)
    assert len(sent) == len(set(sent)) <= size
    assert bytes_of(asked, size) <= set(sent)
    assert (slices == ()) == (not bytes_of(asked, size))


# Work is counted, not timed.


class Counted(int):
    """A number that counts how often numbers of its kind are compared."""

    compared = 0

    def __lt__(self, other: int) -> bool:
        Counted.compared += 1
        return int(self) < int(other)

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return int(self) == other

    __hash__ = int.__hash__


@pytest.mark.parametrize("step", [pytest.param(7, id="near"), pytest.param(1000, id="far apart")])
def test_joining_takes_n_log_n_comparisons(step: int) -> None:
    count = 2048
    shuffled = [(n * 1021) % count for n in range(count)]
    slices = [Slice(Counted(n * step), Counted(n * step + 5)) for n in shuffled]
    Counted.compared = 0
    assert len(coalesce(slices)) == (1 if step < NEAR else count)
    assert 0 < Counted.compared < 6 * count * log2(count)


@pytest.mark.parametrize(
    "element",
    [
        pytest.param(",", id="commas"),
        pytest.param(" ,\t", id="white space between commas"),
        pytest.param("0-0,", id="ranges"),
        pytest.param("x,", id="what is no range"),
    ],
)
def test_reading_a_field_twice_as_long_takes_at_most_twice_the_steps(element: str) -> None:
    short, long = (steps_of(parse_range, "bytes=" + element * n) for n in (1000, 2000))
    assert 0 < short <= long <= 2 * short
