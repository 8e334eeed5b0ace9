"""Which answers may get a coding, by what their heads say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.rules.encodable import Whole, check_types, is_of, whole_of

TEXT = ("Content-Type", "text/plain; charset=utf-8")
LENGTH = ("Content-Length", "100")
PART = ("Content-Range", "bytes 0-9/200")


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        pytest.param("200 OK", [TEXT, LENGTH], Whole("text/plain", 100, True), id="a whole"),
        pytest.param("200 OK", [TEXT], Whole("text/plain", None, True), id="of unknown length"),
        pytest.param("200 OK", [], Whole("", None, True), id="of no type"),
        pytest.param("404 No", [TEXT], Whole("text/plain", None, True), id="an error"),
        pytest.param(
            "200 OK",
            [TEXT, ("Content-Length", "x")],
            Whole("text/plain", None, True),
            id="no length",
        ),
        pytest.param("206 Part", [TEXT, PART], Whole("text/plain", 200, False), id="a part"),
        pytest.param(
            "206 Part",
            [TEXT, LENGTH, ("Content-Range", "bytes 0-9/*")],
            Whole("text/plain", None, False),
            id="a part of who knows what",
        ),
        pytest.param(
            "206 Part",
            [("Content-Type", "multipart/byteranges; boundary=x")],
            Whole(None, None, False),
            id="several parts",
        ),
        pytest.param("304 Not", [], Whole(None, None, False), id="not modified"),
        pytest.param("304 Not", [TEXT], Whole("text/plain", None, False), id="of a type"),
        pytest.param("100 Continue", [TEXT], None, id="continue"),
        pytest.param("204 No Content", [TEXT], None, id="no content"),
        pytest.param("205 Reset Content", [TEXT], None, id="reset content"),
        pytest.param("416 No", [TEXT, ("Content-Range", "bytes */9")], None, id="no such range"),
        pytest.param("200 OK", [TEXT, ("Content-Encoding", "br")], None, id="encoded"),
        pytest.param("200 OK", [TEXT, ("CONTENT-encoding", "identity")], None, id="as identity"),
        pytest.param("304 Not", [("Cache-Control", "no-transform")], None, id="no-transform"),
        pytest.param(
            "200 OK",
            [TEXT, ("cache-control", "public"), ("Cache-Control", "max-age=1 , No-Transform")],
            None,
            id="no-transform among others",
        ),
        pytest.param(
            "200 OK",
            [TEXT, ("Cache-Control", "no-transform"), ("X-Accel-Buffering", "No")],
            Whole("text/plain", None, True),
            id="no-transform for those that might hold a live stream back",
        ),
        pytest.param(
            "200 OK",
            [TEXT, ("Cache-Control", "public"), ("Content-Range", "bytes 0-1/2")],
            None,
            id="a range that is no part",
        ),
    ],
)
def test_the_head_tells_of_the_whole(
    status: str, headers: list[tuple[str, str]], expected: Whole | None
) -> None:
    assert whole_of(status, headers) == expected


def test_a_type_is_read_without_its_parameters() -> None:
    whole = whole_of("200 OK", [("Content-Type", " Text/HTML ;charset=utf-8")])
    assert whole is not None
    assert whole.kind == "text/html"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        pytest.param("text/html", True, id="one of a kind"),
        pytest.param("application/json", True, id="the very one"),
        pytest.param("application/jsonl", False, id="another"),
        pytest.param("", False, id="none"),
    ],
)
def test_a_type_is_of_those_that_are_named(kind: str, expected: bool) -> None:
    assert is_of(kind, check_types(["Text/*", "application/json"])) is expected


names = st.sampled_from(["Content-Type", "content-length", "Content-Range", "Cache-Control"])
statuses = st.sampled_from(["200 OK", "206 Part", "304 Not", "416 No"])


@given(statuses, st.lists(st.tuples(names, st.text())))
def test_any_head_is_read(status: str, headers: list[tuple[str, str]]) -> None:
    whole = whole_of(status, headers)
    assert whole is None or whole.size is None or whole.size >= 0
