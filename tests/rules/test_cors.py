"""Which other origins may read an answer."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.rules.cors import Cors, is_preflight

HERE = "https://example.org"
EXPOSED = "Accept-Ranges, Content-Disposition, Content-Range, ETag"
HEADERS = (
    "Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Range, If-Unmodified-Since, Range"
)


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        pytest.param(True, HERE, "*", id="any origin may"),
        pytest.param(True, None, "*", id="whom any may read, a cache may keep"),
        pytest.param([HERE], HERE, HERE, id="an origin that is named"),
        pytest.param([HERE, "null"], "null", "null", id="null, if it is named"),
        pytest.param([HERE], "null", None, id="null, if it is not"),
        pytest.param([HERE], None, None, id="a request without an origin"),
        pytest.param([HERE], "http://example.org", None, id="another scheme"),
        pytest.param([HERE], "https://example.org:8443", None, id="another port"),
        pytest.param([HERE], "https://example.org.evil.test", None, id="a name that begins alike"),
        pytest.param([HERE], "https://EXAMPLE.org", None, id="other letters"),
        pytest.param([HERE], "", None, id="an empty origin"),
        pytest.param([HERE], "*", None, id="a star"),
    ],
)
def test_an_answer_may_be_read_by(origins: Any, origin: str | None, allowed: str | None) -> None:
    cors = Cors(origins)
    expected = [
        ("Access-Control-Allow-Origin", allowed),
        ("Access-Control-Expose-Headers", EXPOSED),
    ]
    assert cors.fields(origin) == (expected if allowed else [])
    assert cors.varies is (origins is not True)


def test_credentials_go_with_an_origin_that_is_named() -> None:
    cors = Cors([HERE], credentials=True, exposed=())
    assert cors.fields(HERE) == [
        ("Access-Control-Allow-Origin", HERE),
        ("Access-Control-Allow-Credentials", "true"),
    ]
    assert cors.fields(None) == []


def test_a_preflight_says_what_may_be_asked() -> None:
    plan = Cors(True).preflight(HERE)
    assert plan == (
        204,
        (
            ("Access-Control-Allow-Origin", "*"),
            ("Access-Control-Allow-Methods", "GET, HEAD, POST"),
            ("Access-Control-Allow-Headers", HEADERS),
            ("Access-Control-Max-Age", "600"),
        ),
        (),
    )


def test_a_preflight_of_an_origin_that_is_named_varies() -> None:
    cors = Cors([HERE], methods=["PUT"], headers=[], credentials=True, max_age=0)
    assert cors.preflight(HERE).headers == (
        ("Access-Control-Allow-Origin", HERE),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Allow-Methods", "PUT"),
        ("Access-Control-Max-Age", "0"),
        ("Vary", "Origin"),
    )


def test_a_preflight_of_another_origin_is_refused() -> None:
    plan = Cors([HERE]).preflight("https://evil.test")
    assert (plan.status, plan.pieces) == (
        403,
        (b"Pages of this origin may not read what is here.\n",),
    )
    assert ("Vary", "Origin") in plan.headers
    assert not [name for name, _ in plan.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize(
    ("method", "origin", "asked_method", "expected"),
    [
        pytest.param("OPTIONS", HERE, "GET", True, id="a preflight"),
        pytest.param("OPTIONS", None, "GET", False, id="no origin"),
        pytest.param("OPTIONS", HERE, None, False, id="OPTIONS that is meant"),
        pytest.param("GET", HERE, "GET", False, id="another method"),
    ],
)
def test_a_preflight_is_told_from_others(
    method: str, origin: str | None, asked_method: str | None, expected: bool
) -> None:
    assert is_preflight(method, origin, asked_method) is expected


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:8000",
        "https://sub.example.org",
        "https://xn--bcher-kva.example:8443",
        "http://127.0.0.1",
        "http://[::1]:3000",
        "http://example.org:443",
        "capacitor://localhost",
        "chrome-extension://abcdefghijklmnop",
    ],
)
def test_an_origin_may_be(origin: str) -> None:
    assert Cors([origin]).fields(origin)[0] == ("Access-Control-Allow-Origin", origin)


@pytest.mark.parametrize(
    "origin",
    [
        pytest.param("*", id="a star"),
        pytest.param("example.org", id="a host alone"),
        pytest.param("https://example.org/", id="a path"),
        pytest.param("https://Example.org", id="capital letters"),
        pytest.param("https://bücher.example", id="letters that a browser encodes"),
        pytest.param("https://*.example.org", id="a pattern"),
        pytest.param("https://user@example.org", id="a user"),
        pytest.param("https://example.org:443", id="the usual port"),
        pytest.param("http://example.org:80", id="the usual port of http"),
        pytest.param("http://example.org:65536", id="no port"),
        pytest.param("http://example.org:080", id="a port with a zero before it"),
        pytest.param("https://example.org\r\nX: y", id="another line"),
        pytest.param("https://example.org\n", id="the end of a line"),
        pytest.param("https://", id="no host"),
        pytest.param("", id="nothing"),
        pytest.param(b"https://example.org", id="bytes"),
        pytest.param(None, id="no text"),
    ],
)
def test_an_origin_that_no_browser_sends_is_refused(origin: Any) -> None:
    with pytest.raises(ValueError, match=re.escape(f"not {origin!r}.")):
        Cors([origin])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        pytest.param({"origins": []}, "or a list of them, not []", id="no origins"),
        pytest.param({"origins": False}, "or a list of them, not False", id="False"),
        pytest.param({"origins": HERE}, "or a list of them, not 'https:", id="text for a list"),
        pytest.param({"max_age": -1}, "whole seconds from 0, not -1", id="a negative age"),
        pytest.param({"max_age": True}, "whole seconds from 0, not True", id="no number"),
        pytest.param({"max_age": 1.5}, "whole seconds from 0, not 1.5", id="half a second"),
        pytest.param({"methods": "GET"}, "more than one method", id="text for methods"),
        pytest.param({"headers": "Range"}, "more than one header", id="text for headers"),
        pytest.param({"headers": ["a b"]}, "A header is a word", id="two words"),
        pytest.param({"exposed": ["a\n"]}, "A readable header is a word", id="another line"),
        pytest.param({"origins": True, "credentials": True}, "one by one", id="any, and cookies"),
        pytest.param(
            {"origins": [HERE, "null"], "credentials": True}, "nor null", id="null, and cookies"
        ),
        pytest.param(
            {"headers": ["*"], "credentials": True}, "a star means none", id="a star, and cookies"
        ),
    ],
)
def test_what_a_browser_would_not_understand_is_refused(
    options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Cors(**{"origins": [HERE], **options})


def test_a_star_may_stand_for_headers_without_credentials() -> None:
    cors = Cors([HERE], headers=["*", "Authorization"])
    assert ("Access-Control-Allow-Headers", "*, Authorization") in cors.preflight(HERE).headers


@given(st.text(st.characters(max_codepoint=255)), st.booleans())
def test_any_origin_is_answered_and_only_its_own_is_told(origin: str, named: bool) -> None:
    cors = Cors([HERE] if named else True)
    told = dict(cors.fields(origin)).get("Access-Control-Allow-Origin")
    assert told == ((HERE if origin == HERE else None) if named else "*")
    assert cors.preflight(origin).status == (204 if told else 403)


@given(st.lists(st.text()))
def test_any_list_of_origins_is_taken_or_refused(origins: list[str]) -> None:
    try:
        cors = Cors(origins)
    except ValueError:
        return
    assert all(dict(cors.fields(origin)) for origin in origins)
