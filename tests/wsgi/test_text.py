"""Making bytes of chunks of text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.wsgi.text import Encoder, as_bytes

CHARSETS = ["utf-8", "utf-16", "utf-8-sig", "iso-2022-jp"]
TEXT = st.text("ab あ漢\n")


@pytest.mark.parametrize(
    "chunk", [b"ab", bytearray(b"ab"), memoryview(b"ab")], ids=lambda c: type(c).__name__
)
def test_what_is_bytes_stays(chunk: Any) -> None:
    for made in (as_bytes(chunk), Encoder().feed(chunk)):
        assert type(made) is bytes
        assert made == b"ab"


@pytest.mark.parametrize("chunk", [1, None, ["a"]], ids=repr)
def test_what_is_neither_bytes_nor_text_is_refused(chunk: Any) -> None:
    for make in (as_bytes, Encoder().feed):
        with pytest.raises(TypeError, match=r"PEP 3333"):
            make(chunk)


@given(st.sampled_from(CHARSETS), st.lists(TEXT), TEXT)
def test_text_in_chunks_is_the_text_as_a_whole(charset: str, texts: list[str], end: str) -> None:
    encoder = Encoder(charset, end)
    data = b"".join([*map(encoder.feed, texts), encoder.finish()])
    assert data.decode(charset) == "".join([*texts, end])
    if texts or end:
        # One mark at the beginning, one return to the first state at the end.
        assert data == "".join([*texts, end]).encode(charset)


def test_bytes_pass_between_text() -> None:
    encoder = Encoder("latin-1", b"\xff")
    assert encoder.feed("ä") + encoder.feed(b"\x00") + encoder.finish() == b"\xe4\x00\xff"


@pytest.mark.parametrize(
    ("charset", "text", "error"),
    [
        pytest.param("no-such", "a", LookupError, id="a charset that is none"),
        pytest.param("ascii", "ä", UnicodeEncodeError, id="a character that it lacks"),
    ],
)
def test_text_that_cannot_be_encoded_is_refused(
    charset: str, text: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        Encoder(charset).feed(text)
