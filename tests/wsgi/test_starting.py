"""Starting: a head is as PEP 3333 says, or refused by a sentence."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.wsgi.starting import check_start


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        pytest.param([], None, id="no headers"),
        pytest.param([("Content-Length", "12")], 12, id="a length"),
        pytest.param([("content-length", " 12 ")], 12, id="a length with spaces"),
        pytest.param([("X-Length", "12")], None, id="another header"),
    ],
)
def test_a_head_has_a_length_or_none(headers: list[tuple[str, str]], length: int | None) -> None:
    assert check_start("200 OK", headers) == length


@pytest.mark.parametrize(
    ("status", "headers", "error", "text"),
    [
        pytest.param(b"200 OK", [], AssertionError, "are strings", id="a status of bytes"),
        pytest.param("200 OK", [("A", 1)], AssertionError, "are strings", id="a number"),
        pytest.param("200 OK", [("A", "b\r\nC: d")], ValueError, "line end", id="two fields"),
        pytest.param("200\nOK", [], ValueError, "line end", id="a status of two lines"),
        pytest.param("OK", [], ValueError, "three digits", id="no number"),
        pytest.param("2000 OK", [], ValueError, "three digits", id="four digits"),
        pytest.param(
            "200 OK",
            [("Connection", "close")],
            AssertionError,
            "connection",
            id="a hop-by-hop field",
        ),
        pytest.param(
            "200 OK", [("Content-Length", "1")] * 2, ValueError, "two lengths", id="two lengths"
        ),
        pytest.param(
            "200 OK", [("Content-Length", "-1")], ValueError, "'-1' is none", id="below zero"
        ),
        pytest.param(
            "200 OK", [("Content-Length", "٣")], ValueError, "is none", id="digits of others"
        ),
    ],
)
def test_what_cannot_be_sent_is_refused(
    status: Any, headers: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        check_start(status, headers)


@given(st.text(), st.lists(st.tuples(st.text(), st.text())))
def test_anything_gives_a_length_or_one_of_two_errors(
    status: str, headers: list[tuple[str, str]]
) -> None:
    with suppress(AssertionError, ValueError):
        length = check_start(status, headers)
        assert length is None or length >= 0
