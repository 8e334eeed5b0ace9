"""Codings and formats, as a client weighs them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.rules.negotiation import (
    IDENTITY,
    SUFFIXES,
    acceptable_codings,
    prefers_json,
    with_vary,
)

EVERY = (*SUFFIXES, IDENTITY)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        pytest.param(None, "identity", id="no field"),
        pytest.param("", "identity", id="an empty field"),
        pytest.param("gzip", "gzip identity", id="one coding"),
        pytest.param("GZip", "gzip identity", id="one coding in capitals"),
        pytest.param("x-gzip", "gzip identity", id="the old name of gzip"),
        pytest.param("X-GZip", "gzip identity", id="the old name in capitals"),
        pytest.param("gzip, deflate", "gzip identity", id="a coding we do not know"),
        pytest.param("deflate", "identity", id="only codings we do not know"),
        pytest.param("gzip, deflate, br, zstd", "zstd br gzip identity", id="a browser of today"),
        pytest.param("gzip;q=1, br;q=0.5", "gzip br identity", id="weights decide"),
        pytest.param("gzip ; q=0.2 , br;Q=0.3", "br gzip identity", id="white space and a big Q"),
        pytest.param("br;q=0.001, gzip;q=0", "br identity", id="a weight of zero refuses"),
        pytest.param("gzip;q=0.000", "identity", id="a long zero refuses"),
        pytest.param("gzip;q=0, x-gzip", "identity", id="refused by its other name"),
        pytest.param("gzip, identity", "gzip identity", id="equal weights: the smaller"),
        pytest.param("gzip;q=0.5, identity", "identity gzip", id="identity wanted more"),
        pytest.param("identity;q=0.5, br, gzip;q=0.2", "br identity gzip", id="identity between"),
        pytest.param("gzip, identity;q=0", "gzip", id="identity refused"),
        pytest.param("identity;q=0", "", id="identity refused and nothing else named"),
        pytest.param("*", "zstd br gzip identity", id="a star"),
        pytest.param("*;q=0", "", id="everything refused"),
        pytest.param("gzip, *;q=0", "gzip", id="a star refuses identity"),
        pytest.param("identity, *;q=0", "identity", id="all but identity refused"),
        pytest.param("*, gzip;q=0", "zstd br identity", id="all but gzip"),
        pytest.param("gzip;q=0.1, *", "zstd br identity gzip", id="a star weighs identity too"),
        pytest.param("gzip, *;q=0.1", "gzip zstd br identity", id="a star of little weight"),
        pytest.param("gzip;q=2", "identity", id="a weight above one is malformed"),
        pytest.param("gzip;q=x", "identity", id="a weight that is no number"),
        pytest.param("gzip br", "identity", id="no comma"),
        pytest.param("gzip;level=9", "identity", id="a parameter"),
        pytest.param(" ,gzip,,br, ", "br gzip identity", id="empty elements"),
        pytest.param(",", "identity", id="nothing but empty elements"),
        pytest.param("\u20ac", "identity", id="beyond latin-1"),
        pytest.param("gzip," * 201, "identity", id="longer than any client's"),
    ],
)
def test_codings_stand_as_they_are_wanted(field: str | None, expected: str) -> None:
    assert acceptable_codings(field) == tuple(expected.split())


def test_a_field_is_read_up_to_a_thousand_characters() -> None:
    field = "gzip" + " " * 995 + ","
    assert acceptable_codings(field) == ("gzip", "identity")
    assert acceptable_codings(field + ",") == ("identity",)


@pytest.mark.parametrize(
    ("field", "offers", "expected"),
    [
        pytest.param("zstd, br, gzip", ("gzip", "zstd"), "gzip zstd identity", id="in their order"),
        pytest.param("br", ("gzip",), "identity", id="what is not offered"),
        pytest.param("*", (), "identity", id="nothing is offered"),
        pytest.param("*;q=0", ("gzip",), "", id="everything refused"),
        pytest.param(None, ("gzip",), "identity", id="no field"),
    ],
)
def test_only_what_is_offered_is_given(
    field: str | None, offers: tuple[str, ...], expected: str
) -> None:
    assert acceptable_codings(field, offers) == tuple(expected.split())


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([], "Origin", id="nothing"),
        pytest.param([""], "Origin", id="an empty one"),
        pytest.param(["Accept"], "Accept, Origin", id="another field"),
        pytest.param(["Accept", "Cookie"], "Accept, Cookie, Origin", id="two lines"),
        pytest.param(["Accept, origin"], "Accept, origin", id="itself, in other letters"),
        pytest.param(["*"], "*", id="all"),
        pytest.param(["Accept", "*"], "Accept, *", id="all, and one"),
        pytest.param(["X-Origin"], "X-Origin, Origin", id="a field that ends alike"),
    ],
)
def test_vary_names_a_field_once(values: list[str], expected: str) -> None:
    headers = [("ETag", '"t"'), *[("vArY", value) for value in values]]
    assert with_vary(headers, "Origin") == [("ETag", '"t"'), ("Vary", expected)]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param(None, False, id="no field"),
        pytest.param("", False, id="an empty field"),
        pytest.param("application/json", True, id="json"),
        pytest.param("Application/JSON", True, id="json in capitals"),
        pytest.param("text/html", False, id="html"),
        pytest.param("*/*", False, id="anything"),
        pytest.param("application/*", True, id="any application type"),
        pytest.param("text/html, application/json", False, id="both, equally"),
        pytest.param("application/json, text/html", False, id="both, equally, json named first"),
        pytest.param("application/json, text/html;q=0.9", True, id="json a little more"),
        pytest.param("application/json;q=0.8, text/html;q=0.9", False, id="html a little more"),
        pytest.param("application/json, */*;q=0.5", True, id="json, or else anything"),
        pytest.param("text/html;q=0, */*", True, id="anything but html"),
        pytest.param("application/json;q=0", False, id="json refused"),
        pytest.param("image/png", False, id="neither"),
        pytest.param(
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
            False,
            id="a browser of today",
        ),
        pytest.param("application/json/x", False, id="malformed"),
        pytest.param("json", False, id="no type at all"),
        pytest.param(" ,application/json,, ", True, id="empty elements"),
        pytest.param(",", False, id="nothing but empty elements"),
    ],
)
def test_json_is_given_where_it_is_preferred(accept: str | None, expected: bool) -> None:
    assert prefers_json(accept) is expected


def test_an_accept_field_is_read_up_to_a_thousand_characters() -> None:
    field = "application/json" + " " * 983 + ","
    assert prefers_json(field)
    assert not prefers_json(field + ",")


# What follows holds for every field, and is tried with many.

pieces = ["gzip", "br", "zstd", "identity", "*", "x-", ",", ";", "q=", "0", "1", ".5", " ", "\t"]
media = ["text/html", "application/json", "/", '"', "\\", ";a=", "é"]
codings_like = st.lists(st.sampled_from(pieces)).map("".join)
accept_like = st.lists(st.sampled_from([*pieces, *media])).map("".join)


@given(st.one_of(st.text(), codings_like))
def test_any_field_lists_codings_we_know_each_once(field: str) -> None:
    codings = acceptable_codings(field)
    assert set(codings) <= set(EVERY)
    assert len(set(codings)) == len(codings)


@given(st.one_of(st.text(), accept_like))
def test_json_is_never_given_where_it_is_not_named(accept: str) -> None:
    if prefers_json(accept):
        assert "application/" in accept or "*/*" in accept


weights = st.dictionaries(st.sampled_from([*EVERY, "deflate"]), st.integers(0, 1000), min_size=1)


@given(weights, st.permutations([*EVERY, "deflate"]))
def test_what_is_weighed_stands_by_its_weight(weighed: dict[str, int], order: list[str]) -> None:
    field = ", ".join(f"{name};q={weighed[name] / 1000:.3f}" for name in order if name in weighed)
    codings = acceptable_codings(field)
    listed = [weighed[coding] for coding in codings if coding in weighed]
    assert listed == sorted(listed, reverse=True)
    assert {coding for coding in weighed if weighed[coding]} - {"deflate"} <= set(codings)
    assert not {coding for coding in weighed if not weighed[coding]} & set(codings)
    # What the field does not weigh is not given, but for identity, which then is the last.
    assert set(codings) - weighed.keys() <= {IDENTITY}
    if IDENTITY not in weighed:
        assert codings[-1] == IDENTITY


@given(st.lists(st.text(st.characters(max_codepoint=255))))
def test_any_vary_names_the_field_once_and_keeps_the_rest(values: list[str]) -> None:
    headers = [("Vary", value) for value in values]
    ((_, vary),) = merged = with_vary(headers, "Origin")
    assert with_vary(merged, "Origin") == merged
    assert all(value in vary for value in values)
    named = [each.strip().lower() for each in vary.split(",")]
    assert "origin" in named or "*" in named
