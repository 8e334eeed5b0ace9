"""Entity-tags of variants: told apart on the way out, and understood on the way in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.rules.conditions import is_entity_tag
from wsgistream.rules.encoded import Variant, known_tag, tag_of, translated, variant_of
from wsgistream.rules.negotiation import IDENTITY

CODINGS = ("zstd", "br", "gzip")
GZIP = ("gzip", IDENTITY)
PLAIN = (IDENTITY,)


@pytest.mark.parametrize(
    ("etag", "coding", "expected"),
    [
        pytest.param('"a"', "gzip", '"a--gzip"', id="in gzip"),
        pytest.param('"a"', IDENTITY, '"a"', id="as it is"),
        pytest.param('""', "br", '"--br"', id="an empty tag"),
        pytest.param('"a,b"', "zstd", '"a,b--zstd"', id="a comma"),
        pytest.param('W/"a"', "gzip", 'W/"a"', id="a weak tag"),
        pytest.param('"a--gzip"', IDENTITY, '"a--gzip--identity"', id="it looks like a variant"),
        pytest.param(
            '"a--gzip"', "gzip", '"a--gzip--gzip"', id="it looks like one, and is in gzip"
        ),
        pytest.param('"a--identity"', IDENTITY, '"a--identity--identity"', id="it looks like ours"),
        pytest.param(
            'W/"a--br"', "gzip", 'W/"a--br--identity"', id="weak, and looks like a variant"
        ),
        pytest.param('"a--deflate"', IDENTITY, '"a--deflate"', id="a coding that is not ours"),
    ],
)
def test_a_variant_has_a_tag_of_its_own(etag: str, coding: str, expected: str) -> None:
    assert tag_of(Variant(etag, coding), CODINGS) == expected


opaque = st.lists(
    st.sampled_from(
        [
            "a",
            "-",
            ",",
            "--",
            "-gzip",
            "gzip",
            "--gzip",
            "--br",
            "--zstd",
            "--identity",
            "W/",
            "\xff",
        ]
    )
).map("".join)
strong = opaque.map('"{}"'.format)
weak = strong.map("W/{}".format)
codings = st.sampled_from([*CODINGS, IDENTITY])
offered = st.lists(st.sampled_from(CODINGS), unique=True).map(tuple)


@given(strong, codings, offered)
def test_the_way_back_from_a_strong_tag_is_never_in_doubt(
    etag: str, coding: str, offers: tuple[str, ...]
) -> None:
    variant = Variant(etag, coding if coding in offers else IDENTITY)
    tag = tag_of(variant, offers)
    assert is_entity_tag(tag)
    assert variant_of(tag, offers) == variant


@given(weak, codings)
def test_a_weak_tag_comes_back_whatever_the_coding(etag: str, coding: str) -> None:
    tag = tag_of(Variant(etag, coding), CODINGS)
    assert tag.startswith('W/"')
    assert variant_of(tag, CODINGS) == (etag, IDENTITY)


@given(st.text(), offered)
def test_any_text_is_read(text: str, offers: tuple[str, ...]) -> None:
    assert variant_of(text, offers).coding in (*offers, IDENTITY)


def request(method: str = "GET", **fields: str) -> dict[str, Any]:
    named = {f"HTTP_{name.upper()}": value for name, value in fields.items()}
    return {"REQUEST_METHOD": method, **named}


@pytest.mark.parametrize(
    ("fields", "accepted", "expected"),
    [
        pytest.param({}, GZIP, {}, id="no conditions"),
        pytest.param({"range": "bytes=0-1"}, GZIP, {}, id="a range"),
        pytest.param({"if_none_match": "*"}, GZIP, {}, id="a star"),
        pytest.param({"if_none_match": "a--gzip"}, GZIP, {}, id="no tag"),
        pytest.param({"if_none_match": ""}, GZIP, {}, id="an empty field"),
        pytest.param(
            {"if_none_match": '"a--gzip"'}, GZIP, {"if_none_match": '"a"'}, id="what the client has"
        ),
        pytest.param(
            {"if_none_match": ' "a", W/"b--gzip" ,"c,--gzip",'},
            GZIP,
            {"if_none_match": '"a", W/"b", "c,"'},
            id="a list",
        ),
        pytest.param(
            {"if_none_match": '"a--br", "b--gzip"'},
            GZIP,
            {"if_none_match": '"b"'},
            id="not what the client takes no more",
        ),
        pytest.param(
            {"if_none_match": '"a--br"', "if_modified_since": "then"},
            GZIP,
            {"if_none_match": None, "if_modified_since": None},
            id="nothing that the client takes, nor a date instead of it",
        ),
        pytest.param(
            {"if_none_match": '"a--br--identity"'},
            PLAIN,
            {"if_none_match": '"a--br"'},
            id="a tag that looked like a variant",
        ),
        pytest.param({"if_match": "*"}, GZIP, {}, id="any that is there"),
        pytest.param(
            {"if_match": '"a--gzip", "b"'}, GZIP, {"if_match": '"a", "b"'}, id="one of these"
        ),
        pytest.param(
            {"if_match": '"a--br", W/"b--br"'},
            GZIP,
            {"if_match": 'W/"a--br", W/"b--br"'},
            id="only what the client takes no more: never",
        ),
        pytest.param(
            {"if_match": '"a--gzip"', "range": "bytes=0-1"},
            GZIP,
            {"if_match": 'W/"a--gzip"'},
            id="a part of what has no parts",
        ),
        pytest.param(
            {"if_match": '"a"', "range": "bytes=0-1"}, GZIP, {"if_match": '"a"'}, id="a part"
        ),
        pytest.param(
            {"if_range": '"a"', "range": "bytes=0-1"}, GZIP, {"if_range": '"a"'}, id="the rest"
        ),
        pytest.param(
            {"if_range": ' "a--gzip--identity"'},
            GZIP,
            {"if_range": '"a--gzip"'},
            id="the rest, by a tag that looked like a variant",
        ),
        pytest.param(
            {"if_range": '"a--gzip"', "range": "bytes=1-"},
            GZIP,
            {"if_range": None, "range": None},
            id="the rest of what has no parts",
        ),
        pytest.param(
            {"if_range": '"a--gzip"', "range": "bytes=1-", "if_match": '"a--gzip"'},
            GZIP,
            {"if_range": None, "range": None, "if_match": '"a"'},
            id="the whole instead of a part",
        ),
        pytest.param(
            {"if_range": "Thu, 04 Mar 2021 05:06:07 GMT"},
            PLAIN,
            {"if_range": "Thu, 04 Mar 2021 05:06:07 GMT"},
            id="a date of who takes nothing else",
        ),
        pytest.param(
            {"if_range": "Thu, 04 Mar 2021 05:06:07 GMT", "range": "bytes=1-"},
            GZIP,
            {"if_range": None, "range": None},
            id="a date of what may be of any coding",
        ),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_conditions_are_put_in_the_terms_of_the_application(
    method: str, fields: dict[str, str], accepted: tuple[str, ...], expected: dict[str, str | None]
) -> None:
    changes = translated(request(method, **fields), CODINGS, accepted)
    assert changes == {f"HTTP_{name.upper()}": value for name, value in expected.items()}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
def test_who_changes_something_may_have_seen_it_in_any_coding(method: str) -> None:
    fields = {"if_match": '"a--br"', "if_none_match": '"b--zstd"', "range": "bytes=0-1"}
    assert translated(request(method, **fields), CODINGS, PLAIN) == {
        "HTTP_IF_MATCH": '"a"',
        "HTTP_IF_NONE_MATCH": '"b"',
    }


@pytest.mark.parametrize(
    ("field", "etag", "accepted", "expected"),
    [
        pytest.param('"a--gzip"', '"a"', GZIP, '"a--gzip"', id="what it has"),
        pytest.param('"a", "a--gzip"', '"a"', GZIP, '"a--gzip"', id="the better of two"),
        pytest.param('"a--gzip", "a"', '"a"', (IDENTITY, "gzip"), '"a"', id="the one wanted more"),
        pytest.param('"a--br", "a"', '"a"', GZIP, '"a"', id="the one that it takes"),
        pytest.param('W/"a--gzip"', '"a"', GZIP, 'W/"a--gzip"', id="weakened on its way"),
        pytest.param('W/"a"', 'W/"a"', GZIP, 'W/"a"', id="a weak tag"),
        pytest.param('"b--gzip"', '"a"', GZIP, None, id="another"),
        pytest.param('"a--br"', '"a"', GZIP, None, id="only what it does not take"),
        pytest.param("*", '"a"', GZIP, None, id="a star"),
        pytest.param("", '"a"', GZIP, None, id="nothing"),
    ],
)
def test_what_a_client_has_is_found_again(
    field: str, etag: str, accepted: tuple[str, ...], expected: str | None
) -> None:
    assert known_tag(field, etag, CODINGS, accepted) == expected


@given(st.text(), st.text(), st.text())
def test_any_conditions_are_read(if_match: str, if_none_match: str, if_range: str) -> None:
    fields = {"if_match": if_match, "if_none_match": if_none_match, "if_range": if_range}
    changes = translated(request(range="bytes=0-", **fields), CODINGS, GZIP)
    assert set(changes) <= {f"HTTP_{name.upper()}" for name in (*fields, "range")} | {
        "HTTP_IF_MODIFIED_SINCE"
    }


@given(st.lists(st.tuples(strong, codings), min_size=1))
def test_a_list_is_translated_tag_by_tag(variants: list[tuple[str, str]]) -> None:
    field = ", ".join(tag_of(Variant(*variant), CODINGS) for variant in variants)
    changes = translated(request(if_none_match=field), CODINGS, (*CODINGS, IDENTITY))
    assert changes["HTTP_IF_NONE_MATCH"] == ", ".join(etag for etag, _ in variants)
