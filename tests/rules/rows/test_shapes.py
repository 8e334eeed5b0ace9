"""Shapes: whatever is a row gives its columns and its values, and nothing is read ahead."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict, UserList, namedtuple
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest

from wsgistream.rules.rows import NotARow, rows_of


@dataclass
class Point:
    x: int
    y: int


class Model:
    def __init__(self, x: int, y: int) -> None:
        self.x, self.y = x, y

    def to_dict(self) -> dict[str, int]:
        return {"x": self.x, "y": self.y}


Pair = namedtuple("Pair", "x y")


class Result(UserList[int]):
    """As a row of SQLAlchemy: a sequence that is no tuple, and has the fields of one."""

    _fields = ("x", "y")


NAMED = [
    pytest.param({"x": 1, "y": 2}, id="a dict"),
    pytest.param(OrderedDict(x=1, y=2), id="an ordered dict"),
    pytest.param(MappingProxyType({"x": 1, "y": 2}), id="a mapping that is no dict"),
    pytest.param(Point(1, 2), id="a dataclass"),
    pytest.param(Model(1, 2), id="an object with to_dict"),
]
PLACED = [
    pytest.param(Pair(1, 2), id="a named tuple"),
    pytest.param(Result([1, 2]), id="a sequence with fields"),
]


@pytest.mark.parametrize("row", [*NAMED, *PLACED])
def test_columns_are_learnt_from_the_first_row(row: Any) -> None:
    columns, values = rows_of([row, row])
    assert columns == ("x", "y")
    assert [tuple(each) for each in values] == [(1, 2), (1, 2)]


@pytest.mark.parametrize("row", NAMED)
@pytest.mark.parametrize(("names", "expected"), [(("y",), (2,)), (("y", "x"), (2, 1))])
def test_columns_may_be_picked(row: Any, names: tuple[str, ...], expected: Any) -> None:
    columns, values = rows_of([row], names)
    assert columns == names
    assert list(map(tuple, values)) == [expected]


@pytest.mark.parametrize("row", [*NAMED, *PLACED])
@pytest.mark.parametrize(("names", "ahead"), [(None, 1), (("x", "y"), 0)])
def test_rows_are_read_as_they_are_asked_for(
    row: Any, names: tuple[str, ...] | None, ahead: int
) -> None:
    rows = iter([row] * 5)
    _, values = rows_of(rows, names)
    assert rows.__length_hint__() == 5 - ahead
    next(values)
    assert rows.__length_hint__() == 4
    next(values)
    assert rows.__length_hint__() == 3


@pytest.mark.parametrize(
    "row", [pytest.param((1, 2), id="a tuple"), pytest.param([1, 2], id="a list")]
)
def test_a_plain_sequence_needs_names(row: Any) -> None:
    columns, values = rows_of([row], ["x", "y"])
    assert (columns, list(values)) == (("x", "y"), [row])
    with pytest.raises(NotARow, match=r"has no columns: name them\."):
        rows_of([row])


def test_a_row_of_sqlite_knows_its_columns() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.row_factory = sqlite3.Row
        columns, values = rows_of(connection.execute("SELECT 1 AS x, 2 AS y"))
        assert columns == ("x", "y")
        assert list(map(tuple, values)) == [(1, 2)]


def test_an_object_has_the_attributes_that_are_named() -> None:
    author = SimpleNamespace(name="Ada")
    columns, values = rows_of([SimpleNamespace(x=1, author=author)], ["x", "author.name"])
    assert list(values) == [(1, "Ada")]
    assert columns == ("x", "author.name")


def test_anything_may_be_converted() -> None:
    columns, values = rows_of(range(3), convert=lambda number: {"n": number})
    assert (columns, list(values)) == (("n",), [(0,), (1,), (2,)])
    columns, values = rows_of(range(2), ["n"], lambda number: (number,))
    assert (columns, list(values)) == (("n",), [(0,), (1,)])


def test_no_rows_are_of_no_columns_but_those_named() -> None:
    assert rows_of([])[0] == ()
    assert list(rows_of([])[1]) == []
    columns, values = rows_of([], ["a"])
    assert (columns, list(values)) == (("a",), [])


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        pytest.param([{"a": 1}, {"b": 1}], None, id="a mapping without the column"),
        pytest.param([{"a": 1}, (1,)], None, id="a tuple after a mapping"),
        pytest.param([{"a": 1}, None], None, id="nothing after a mapping"),
        pytest.param([Point(1, 2)], ["z"], id="a dataclass without the field"),
        pytest.param([Model(1, 2)], ["z"], id="an object without it in its dict"),
        pytest.param([Model(1, 2), object()], None, id="an object without a to_dict"),
        pytest.param(["ab"], ["a", "b"], id="text"),
        pytest.param([b"ab"], ["a", "b"], id="bytes"),
        pytest.param([1], ["a"], id="a number"),
    ],
)
def test_what_is_no_row_is_refused(rows: list[Any], columns: list[str] | None) -> None:
    with pytest.raises(NotARow, match=r"\.$"):
        list(rows_of(rows, columns)[1])


@pytest.mark.parametrize("row", [object(), None, 1, "text", Point])
def test_what_has_no_columns_is_refused(row: Any) -> None:
    with pytest.raises(NotARow, match="has no columns"):
        rows_of([row])


def test_columns_are_checked_at_once() -> None:
    with pytest.raises(ValueError, match="two columns 'a'"):
        rows_of([], ["a", "a"])
    with pytest.raises(ValueError, match="at least one name"):
        rows_of([{1: 2}])


def test_what_the_rows_raise_is_raised() -> None:
    def failing() -> Iterator[dict[str, int]]:
        yield {"a": 1}
        raise ConnectionError("the server has gone")

    _, values = rows_of(failing())
    assert next(values) == (1,)
    with pytest.raises(ConnectionError):
        next(values)
