"""Query strings, and the parameters that are declared in a signature."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.rules.parameters import KINDS, BadParameter, read_query, read_signature, read_value


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("", {}, id="nothing"),
        pytest.param("a=1&b=x+y%26z", {"a": "1", "b": "x y&z"}, id="two"),
        pytest.param("a&b=&&c==", {"a": "", "b": "", "c": "="}, id="without values"),
        pytest.param("a=%C3%A4&b=\xc3\xa4", {"a": "ä", "b": "ä"}, id="UTF-8"),
        pytest.param("a=%zz", {"a": "%zz"}, id="what is no escape"),
    ],
)
def test_a_query_string_is_read_as_a_form_writes_it(query: str, expected: object) -> None:
    assert read_query(query) == expected


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("a=1&b=2&a=1", "The parameter a is given twice."),
        ("a=%ff", "The query is not UTF-8."),
    ],
)
def test_a_query_string_that_cannot_be_is_refused(query: str, said: str) -> None:
    with pytest.raises(BadParameter) as raised:
        read_query(query)
    assert str(raised.value) == said


@given(st.text(st.characters(max_codepoint=255)))
def test_any_query_string_is_read_or_refused(query: str) -> None:
    with suppress(BadParameter):
        assert all(isinstance(value, str) for value in read_query(query).values())


ZONE = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("text", "a ä", "a ä"),
        ("text", "", ""),
        ("int", "-7", -7),
        ("float", "1e3", 1000.0),
        ("float", "-.5", None),
        ("decimal", "10.50", Decimal("10.50")),
        ("decimal", "NaN", None),
        ("bool", "true", True),
        ("bool", "0", False),
        ("bool", "yes", None),
        ("date", "2024-02-29", date(2024, 2, 29)),
        ("date", "2023-02-29", None),
        ("date", "20240229", None),
        ("datetime", "2024-02-29T12:30", datetime(2024, 2, 29, 12, 30)),
        ("datetime", "2024-02-29 12:30:01.5", datetime(2024, 2, 29, 12, 30, 1, 500000)),
        ("datetime", "2024-02-29T12:30:01+01:00", datetime(2024, 2, 29, 12, 30, 1, 0, ZONE)),
        ("datetime", "2024-02-29", None),
        ("uuid", "0123456789abcdef0123456789abcdef", UUID(int=0x0123456789ABCDEF0123456789ABCDEF)),
        ("uuid", "x", None),
        ("int", "1_000", None),
        ("int", "٣", None),
        ("int", " 1", None),
        ("int", "9" * 30, None),
        ("int", "", None),
        ("text", "a\0b", None),
    ],
)
def test_a_value_is_of_its_kind_or_refused(kind: str, text: str, value: object) -> None:
    if value is not None:
        found = read_value("a", kind, text)
        assert (found, type(found)) == (value, type(value))
    else:
        with pytest.raises(BadParameter) as raised:
            read_value("a", kind, text)
        assert str(raised.value) == f"The parameter a is {KINDS[kind].what}."


@given(st.sampled_from(list(KINDS)), st.text("0123456789-+.:TeE aé\0"))
def test_any_value_is_read_or_refused(kind: str, text: str) -> None:
    with suppress(BadParameter):
        assert read_value("a", kind, text) is not None


@pytest.mark.parametrize(
    ("text", "name", "kinds", "defaults"),
    [
        pytest.param("orders", "orders", {}, {}, id="a name"),
        pytest.param(" or-ders ( ) ", "or-ders", {}, {}, id="no parameters"),
        pytest.param("a(b)", "a", {"b": "text"}, {}, id="text"),
        pytest.param(
            "a(b: int, c:date=2024-01-02,d = x y )",
            "a",
            {"b": "int", "c": "date", "d": "text"},
            {"c": date(2024, 1, 2), "d": "x y"},
            id="several",
        ),
        pytest.param("a(b=)", "a", {"b": "text"}, {"b": ""}, id="an empty default"),
    ],
)
def test_a_signature_is_read(
    text: str, name: str, kinds: dict[str, str], defaults: dict[str, Any]
) -> None:
    assert read_signature(text) == (name, kinds, defaults)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "a b",
        "a(",
        "a)b(",
        "a(b: number)",
        "a(b, b)",
        "a(b: int = x)",
        "a(,)",
        "a(:int)",
        "ä",
    ],
)
def test_a_signature_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_signature(text)


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ({"b": "1"}, {"b": 1, "c": "x"}),
        ({"b": "1", "c": "2"}, {"b": 1, "c": "2"}),
        ({}, "The parameter b is missing: it is a whole number."),
        ({"b": "x"}, "The parameter b is a whole number."),
        ({"b": "1", "d": "1"}, "There is no parameter 'd'; there are b, c."),
    ],
)
def test_values_are_read_by_a_signature(given_: dict[str, str], expected: object) -> None:
    signature = read_signature("a(b: int, c = x)")
    if isinstance(expected, dict):
        assert signature.read(given_) == expected
    else:
        with pytest.raises(BadParameter) as raised:
            signature.read(given_)
        assert str(raised.value) == expected


def test_a_signature_without_parameters_has_none() -> None:
    with pytest.raises(BadParameter, match=r"There is no parameter 'b'; there is none\."):
        read_signature("a").read({"b": "1"})
