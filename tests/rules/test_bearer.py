"""A token is shown as RFC 6750 has it, or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.rules.bearer import check_token, has_token


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        pytest.param("Bearer s3cret", True, id="as it is written"),
        pytest.param("bearer  s3cret ", True, id="in lower case, with spaces"),
        pytest.param("Bearer s3cre", False, id="a part of it"),
        pytest.param("Bearer s3crets", False, id="more than it"),
        pytest.param("Basic s3cret", False, id="another scheme"),
        pytest.param("s3cret", False, id="no scheme"),
        pytest.param("Bearer s3cr\xe9t", False, id="another alphabet"),
        pytest.param("Bearer", False, id="nothing"),
        pytest.param("", False, id="no field"),
    ],
)
def test_a_token_is_shown(field: str, expected: bool) -> None:
    assert has_token(field, "s3cret") is expected


@given(st.text(st.characters(max_codepoint=255)))
def test_any_field_shows_it_or_not(field: str) -> None:
    assert has_token(field, "s3cret") is ("s3cret" in field and "bearer" in field.lower())


@pytest.mark.parametrize("token", ["", "two words", "ü", "a=b", 5, b"bytes"])
def test_what_is_no_token_is_refused_and_not_told(token: Any) -> None:
    with pytest.raises(ValueError, match=r"^A bearer token is made of letters"):
        check_token(token)


def test_a_token_may_have_what_base64_has() -> None:
    assert check_token("aA0._~+/-==") == "aA0._~+/-=="
