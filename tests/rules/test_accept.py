"""Accept: what a client weighs; WebOb, which reads the same fields, is asked beside us."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webob.acceptparse import (
    AcceptEncodingValidHeader,
    AcceptValidHeader,
    create_accept_encoding_header,
    create_accept_header,
)

from wsgistream.rules.accept import best_type, read_codings

OFFERS = ("text/html", "application/json", "text/csv; charset=utf-8")


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        pytest.param("", {}, id="nothing"),
        pytest.param("gzip", {"gzip": 1.0}, id="no weight is the whole one"),
        pytest.param("gzip;q=0.25,br", {"gzip": 0.25, "br": 1.0}, id="a weight"),
        pytest.param("\tGZip\t;\tQ=0.5 , *;q=0", {"gzip": 0.5, "*": 0.0}, id="spaces and capitals"),
        pytest.param("gzip;q=1., br;q=0.", {"gzip": 1.0, "br": 0.0}, id="no digits at a point"),
        pytest.param("gzip;q=0.1, gzip", {"gzip": 0.1}, id="of two weights the lesser"),
        pytest.param(",, gzip,", {"gzip": 1.0}, id="empty elements"),
        pytest.param("gzip;q=0.1234", None, id="four digits"),
        pytest.param("gzip;q=1.001", None, id="more than the whole"),
        pytest.param("gzip;q=-0", None, id="a sign"),
        pytest.param("gzip;q= 1", None, id="a space in the weight"),
        pytest.param("gzip;", None, id="a weight that is not there"),
        pytest.param("gzip;q=1;q=1", None, id="two weights"),
        pytest.param("gzip br", None, id="no comma"),
        pytest.param("gzip\n", None, id="a line end"),
        pytest.param("gzip;q=\u0661", None, id="a digit of another language"),
    ],
)
def test_codings_are_read_with_their_weights(field: str, expected: dict[str, float] | None) -> None:
    assert read_codings(field) == expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        pytest.param("text/csv", 2, id="a type without its parameter"),
        pytest.param("text/csv;charset=utf-8", 2, id="with it"),
        pytest.param('text/csv ; charset="utf-8"', 2, id="with it in quotes"),
        pytest.param(r'text/csv;Charset="\utf-8"', 2, id="with a character escaped"),
        pytest.param("text/csv;charset=UTF-8", 2, id="in capitals"),
        pytest.param("text/csv;charset=ascii", None, id="with another"),
        pytest.param("text/csv;charset=utf-8;header=present", None, id="with one more"),
        pytest.param("text/csv;charset", None, id="with a name alone"),
        pytest.param("text/csv;;charset=utf-8;", 2, id="and empty parameters"),
        pytest.param("text/*;q=0.5, text/csv;q=0.1, */*;q=0.2", 0, id="the exacter range counts"),
        pytest.param("*/*, text/*;q=0", 1, id="all but a kind"),
        pytest.param("text/csv;q=0, text/csv;charset=utf-8", 2, id="all but with the parameter"),
        pytest.param('text/x;a="b,c\\"", text/csv', 2, id="a comma and a quote in quotes"),
        pytest.param("application/json;q=0.9;more=1, text/csv;q=0.8", 1, id="beyond the weight"),
        pytest.param("text/html;q=0.3, text/csv;Q=0.4", 2, id="a big Q"),
        pytest.param("image/png", None, id="none of them"),
        pytest.param("*/*;q=0", None, id="all refused"),
        pytest.param("", 0, id="nothing"),
        pytest.param("text/csv;q=2", 0, id="more than the whole is malformed"),
        pytest.param("*/csv, application/json", 1, id="a kind that is named by a star"),
        pytest.param('text/csv;a="b', 0, id="a quote without its end is malformed"),
        pytest.param("text/csv text/html", 0, id="no comma is malformed"),
    ],
)
def test_the_type_is_the_one_that_is_weighed_most(field: str, expected: int | None) -> None:
    assert best_type(field, OFFERS) == (None if expected is None else OFFERS[expected])


def test_what_could_be_read_in_many_ways_is_refused_at_once() -> None:
    assert best_type("text/csv" + " ; " * 300 + "?", OFFERS) == OFFERS[0]
    assert best_type('text/csv;a="' + "\\" * 301, OFFERS) == OFFERS[0]
    assert read_codings("gzip" + " " * 900 + "?") is None


# What follows holds for every field, and is tried with many.

weights = st.sampled_from(["", ";q=0", "; q=0.25", " ;q=0.5", ";Q=1", ";q=1.000", ";q=2", ";q=x"])
codings = st.sampled_from(["gzip", "br", "identity", "*", "deflate", "GZIP", "g/zip"])
ranges = st.sampled_from(
    [
        *("*/*", "text/*", "application/*", "text/html", "TEXT/CSV", "image/png", "*/csv", "text"),
        *("text/csv;charset=utf-8", 'text/csv; charset="utf-8"', "text/csv;a=b"),
    ]
)


def listed(elements: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    weighed = st.builds(str.__add__, elements, weights)
    return st.lists(weighed, min_size=1, max_size=5, unique_by=lambda one: one.split(";")[0])


@given(listed(codings).map(", ".join))
def test_codings_are_read_as_webob_reads_them(field: str) -> None:
    header = create_accept_encoding_header(field)
    theirs = isinstance(header, AcceptEncodingValidHeader) and header.parsed
    ours = read_codings(field)
    assert (ours is not None) == bool(theirs)
    for coding, weight in theirs or ():
        assert ours is not None
        assert ours[coding.lower()] <= weight


@given(st.lists(st.builds(str.__add__, ranges, weights), min_size=1, max_size=5).map(", ".join))
def test_types_are_weighed_as_webob_weighs_them(field: str) -> None:
    header = create_accept_header(field)
    if isinstance(header, AcceptValidHeader):
        theirs = [offer for offer, _ in header.acceptable_offers(list(OFFERS))]
        assert best_type(field, OFFERS) == (theirs[0] if theirs else None)
    else:
        assert best_type(field, OFFERS) == OFFERS[0]


fragments = ["gzip", "*", "text/csv", "/", ",", ";", "q", "=", "0", "1", ".5", " ", "\t", '"', "\\"]


@given(st.text() | st.lists(st.sampled_from(fragments)).map("".join))
def test_any_field_is_read_or_is_none(field: str) -> None:
    weights = read_codings(field) or {}
    assert all(0 <= weight <= 1 for weight in weights.values())
    assert best_type(field, OFFERS) in (None, *OFFERS)
