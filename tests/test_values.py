"""Reading the text of one option: a value, or a sentence."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.values import (
    number,
    read_address,
    read_duration,
    read_header,
    read_log_format,
    read_prefix,
    read_socket_path,
    read_workers,
)


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        pytest.param(read_address, "[]:1", ("", 1), id="empty brackets"),
        pytest.param(read_address, "a.example:65535", ("a.example", 65535), id="the last port"),
        pytest.param(read_header, "X-A:", ("X-A", ""), id="a header without a value"),
        pytest.param(read_header, "X-A : b:c ", ("X-A", "b:c"), id="a header with spaces"),
        pytest.param(read_prefix, "", "", id="an empty prefix"),
        pytest.param(read_prefix, "/é", "/é", id="a prefix of other letters"),
        pytest.param(number(int, 1), "1", 1, id="the least number"),
        pytest.param(number(int, 1, 5), "5", 5, id="the largest number"),
        pytest.param(number(float, 0), "0.5", 0.5, id="a part of a second"),
        pytest.param(read_duration, "90", 90, id="seconds by themselves"),
        pytest.param(read_duration, "5s", 5, id="seconds"),
        pytest.param(read_duration, "30m", 1800, id="minutes"),
        pytest.param(read_duration, "2h", 7200, id="hours"),
        pytest.param(read_duration, "1d", 86400, id="a day"),
        pytest.param(read_duration, "2w", 1209600, id="weeks"),
    ],
)
def test_a_value_is_read(read: Callable[[str], object], text: str, expected: object) -> None:
    assert read(text) == expected


READERS = [
    read_address,
    read_header,
    read_log_format,
    read_prefix,
    read_socket_path,
    number(int, 1, 5),
    number(float, 0),
    read_workers,
    read_duration,
]


@pytest.mark.parametrize("read", READERS)
@given(text=st.text() | st.from_regex(r"[\[a-z.0-9:/{}\]-]{1,20}", fullmatch=True))
def test_any_text_is_a_value_or_one_sentence(read: Callable[[str], object], text: str) -> None:
    try:
        found, fault = read(text), None
    except argparse.ArgumentTypeError as error:
        found, fault = None, str(error)
    assert (found is None) == (fault is not None)
    assert fault is None or fault.endswith(".")
