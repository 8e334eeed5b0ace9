"""Formats: each has its names, and each option is checked."""

from __future__ import annotations

from typing import Any

import pytest

from wsgistream.rules.media import with_charset
from wsgistream.rules.rows import FORMATS, RowOptions


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_has_names_of_its_own(name: str) -> None:
    found = FORMATS[name]
    assert found.name == name
    assert found.suffix.startswith(".")
    assert found.content_type.startswith(found.media_type)
    assert ";" not in found.media_type
    # It says itself in which charset it is, where its type has one to say.
    assert with_charset(found.content_type) == found.content_type


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        pytest.param({"size": 0}, ValueError, "size of a piece", id="a piece of nothing"),
        pytest.param({"size": True}, ValueError, "size of a piece", id="a size that is true"),
        pytest.param({"decimals": "float"}, ValueError, "'number', not 'float'", id="decimals"),
        pytest.param({"default": "str"}, TypeError, "a function", id="a default that is text"),
        pytest.param({"quote": "`"}, ValueError, "Quotes are", id="a quote that is none"),
        pytest.param({"newline": "\r"}, ValueError, "CRLF or LF", id="a newline of another age"),
        pytest.param({"delimiter": ""}, ValueError, "one character", id="no delimiter"),
        pytest.param({"delimiter": ", "}, ValueError, "one character", id="a long delimiter"),
        pytest.param({"delimiter": "a"}, ValueError, "one character", id="a letter"),
        pytest.param({"delimiter": "."}, ValueError, "one character", id="a decimal point"),
        pytest.param({"delimiter": '"'}, ValueError, "one character", id="a quote"),
        pytest.param({"delimiter": "·"}, ValueError, "one character", id="beyond ASCII"),
        pytest.param({"delimiter": None}, TypeError, "one character", id="nothing"),
        pytest.param({"types": ["a"]}, TypeError, "by the names", id="types without names"),
    ],
)
def test_an_option_that_cannot_be_is_refused(
    options: dict[str, Any], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        RowOptions(**options)
