"""What a client reads before a body, and what it refuses."""

from __future__ import annotations

import pytest

from bench.wire import Broken, Head, byte_range, parse_head, request, sized


@pytest.mark.parametrize(
    ("data", "head"),
    [
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nbody", Head(200, 12, 39), id="a length"
        ),
        pytest.param(
            b"HTTP/1.1 206 Partial Content\r\ncontent-length:7\r\n\r\n",
            Head(206, 7, 50),
            id="in small letters",
        ),
        pytest.param(
            b"HTTP/1.0 200 OK\r\nX-Content-Length: 12\r\n\r\n",
            Head(200, None, 41),
            id="another field that is called like it",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Len", None, id="there is more to come"),
    ],
)
def test_the_head_of_an_answer(data: bytes, head: Head | None) -> None:
    assert parse_head(data) == head


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"SSH-2.0-server\r\n\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000, id="a head without an end"),
    ],
)
def test_what_is_no_answer_is_broken(data: bytes) -> None:
    with pytest.raises(Broken):
        parse_head(data)


def test_an_answer_of_another_status_or_of_no_length_is_broken() -> None:
    assert sized(Head(206, 5, 40), 200, 206) == 5
    with pytest.raises(Broken, match="status is 404"):
        sized(Head(404, 5, 40), 200, 206)
    with pytest.raises(Broken, match="length"):
        sized(Head(200, None, 40), 200)


def test_a_range_is_asked_for_by_its_last_byte() -> None:
    message = request("/a", byte_range(10, 20))
    assert message == b"GET /a HTTP/1.1\r\nHost: bench\r\nRange: bytes=10-19\r\n\r\n"
    assert byte_range(10) == {"Range": "bytes=10-"}
