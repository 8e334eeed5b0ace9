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
    read_named_query,
    read_offload,
    read_prefix,
    read_proxy,
    read_size,
    read_socket_path,
    read_switch,
    read_workers,
)


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        pytest.param(read_address, "[]:1", ("", 1), id="empty brackets"),
        pytest.param(read_address, "a.example:65535", ("a.example", 65535), id="the last port"),
        pytest.param(read_header, "X-A:", ("X-A", ""), id="a header without a value"),
        pytest.param(read_header, "X-A : b:c ", ("X-A", "b:c"), id="a header with spaces"),
        pytest.param(
            read_named_query,
            "a (b: int = 1)=select '='",
            ("a (b: int = 1)", "select '='"),
            id="a query with parameters",
        ),
        pytest.param(read_prefix, "", "", id="an empty prefix"),
        pytest.param(read_prefix, "/é", "/é", id="a prefix of other letters"),
        pytest.param(read_switch, "YES", True, id="a switch in capitals"),
        pytest.param(read_switch, "0", False, id="a switch that is off"),
        pytest.param(read_size, "1", 1, id="the least size"),
        pytest.param(read_size, "65536", 65536, id="a size in bytes"),
        pytest.param(read_size, "100B", 100, id="a size in bytes, said so"),
        pytest.param(read_size, "512K", 512 * 1024, id="a size in K"),
        pytest.param(read_size, "2M", 2 * 1024**2, id="a size in M"),
        pytest.param(read_size, "2MB", 2 * 1000**2, id="a size in MB"),
        pytest.param(read_size, "2mib", 2 * 1024**2, id="a size in small letters"),
        pytest.param(read_size, "1.5 MiB", 3 * 512 * 1024, id="a size with a part and a space"),
        pytest.param(read_size, "0.3K", 307, id="a size that comes to no whole number"),
        pytest.param(read_size, "8388607T", 8388607 * 1024**4, id="the largest size in T"),
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


NO_SIZES = [
    *("", "0", "0M", "0.0001K", "-1", "+1", "1.5", "1,5M", "M", "2iB", "2MM", "2  M", "2M ", "nan"),
    *("2E", "1e6", "\u0661", "9" * 30, "8388608T", "2.M", ".5M", "2Mi"),
]


@pytest.mark.parametrize("text", NO_SIZES)
def test_what_is_no_size_is_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="A size is above zero, such as 65536, 512K, 2M or "):
        read_size(text)


@given(number=st.integers(1, 10**6), unit=st.sampled_from("KMGT"), base=st.booleans())
def test_a_size_is_its_number_times_its_unit(number: int, unit: str, base: bool) -> None:
    factor = (1000 if base else 1024) ** " KMGT".index(unit)
    text = f"{number}{unit}{'B' * base}"
    assert read_size(text) == read_size(text.lower()) == number * factor
    assert read_size(f"{number}.5 {unit}") == int((number + 0.5) * 1024 ** " KMGT".index(unit))


READERS = [
    read_address,
    read_header,
    read_log_format,
    read_named_query,
    read_offload,
    read_prefix,
    read_proxy,
    read_size,
    read_socket_path,
    read_switch,
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


@pytest.mark.parametrize("text", ["127.0.0.1", "::1", "localhost"])
def test_a_proxy_is_an_address(text: str) -> None:
    assert read_proxy(text) == text


@pytest.mark.parametrize("text", ["nginx:/internal/", "nginx:/", "apache", "lighttpd"])
def test_a_front_server_is_named(text: str) -> None:
    assert read_offload(text) == text


@pytest.mark.parametrize(
    "text", ["", "nginx", "nginx:", "nginx:internal/", "nginx:/a", "apache:/a/", "Nginx:/a/"]
)
def test_any_other_front_server_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Files are sent by nginx:/internal/"):
        read_offload(text)
