"""The parameters of a statement, as drivers want them."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.rules.placeholders import bound, names_in


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        pytest.param("select 1", (), id="none"),
        pytest.param("select :a, :b_2, :a", ("a", "b_2"), id="two, one of them twice"),
        pytest.param("select ':a', '12:30', 'it''s :b'", (), id="in a text"),
        pytest.param(r"select E'it\'s :a', :b", ("b",), id="in a text with backslashes"),
        pytest.param("select name':a' , :b", ("b",), id="behind a name that ends in e"),
        pytest.param('select ":a", `:b`', (), id="in a name"),
        pytest.param("select 1 -- :a\n, :b", ("b",), id="in a comment to the end of the line"),
        pytest.param("select /* :a\n :b */ :c", ("c",), id="in a comment of several lines"),
        pytest.param("select $$ :a $$, $x$ :b $$ $x$, :c", ("c",), id="between dollars"),
        pytest.param("select a::text, b::int[1:2]", (), id="a cast, and a slice"),
        pytest.param("select @x := :a", ("a",), id="an assignment"),
        pytest.param("select (:a)::int + :b::int", ("a", "b"), id="a cast of a parameter"),
    ],
)
def test_the_names_in_a_statement(statement: str, names: tuple[str, ...]) -> None:
    assert names_in(statement) == names


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("named", ("select ':x%', :a, 5%2, :b, :a", {"a": 1, "b": 2})),
        ("pyformat", ("select ':x%%', %(a)s, 5%%2, %(b)s, %(a)s", {"a": 1, "b": 2})),
        ("format", ("select ':x%%', %s, 5%%2, %s, %s", (1, 2, 1))),
        ("qmark", ("select ':x%', ?, 5%2, ?, ?", (1, 2, 1))),
        ("numeric", ("select ':x%', :1, 5%2, :2, :3", (1, 2, 1))),
    ],
)
def test_each_style_of_a_driver(style: str, expected: object) -> None:
    assert bound("select ':x%', :a, 5%2, :b, :a", {"b": 2, "a": 1}, style) == expected


@pytest.mark.parametrize(
    ("values", "style", "said"),
    [
        pytest.param({}, "named", "The parameter a has no value.", id="a value is missing"),
        pytest.param(
            {"a": 1, "b": 2}, "named", "There is no parameter b in the statement.", id="one more"
        ),
        pytest.param({"a": 1}, "x", "A driver has no paramstyle 'x' (PEP 249).", id="no style"),
    ],
)
def test_what_does_not_fit_is_told(values: dict[str, int], style: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("(", r"\(").replace(")", r"\)")):
        bound("select :a", values, style)


@given(st.text("':a\"%- \n/*$`E\\b"))
def test_any_text_is_read_and_comes_back(statement: str) -> None:
    values = dict.fromkeys(names_in(statement), 1)
    assert bound(statement, values, "named") == (statement, values)


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8")))
def test_a_value_is_never_part_of_the_statement(value: str) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        found = connection.execute(*bound("select :a, ':a'", {"a": value}, "qmark")).fetchone()
        assert found == (value, ":a")
