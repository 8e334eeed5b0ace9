"""Encoders: each gives back, after its decoder, what it was fed, however it was cut."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.rules.coding import (
    LEVELS,
    LIVE,
    STREAM,
    MissingLibrary,
    encoder_maker,
    present_codings,
)
from wsgistream.rules.negotiation import SUFFIXES

#: What decodes as it goes.
DECODERS: dict[str, Callable[[], Callable[[bytes], bytes]]] = {
    "gzip": lambda: zlib.decompressobj(31).decompress,
    "br": lambda: brotli.Decompressor().process,
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj().decompress,
}


@pytest.fixture(params=["zstandard", "compression.zstd"])
def zstd_library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each library that zstd may come from; before Python 3.14, a backport is the second."""
    if request.param == "zstandard":
        monkeypatch.setitem(sys.modules, "compression.zstd", None)
    elif sys.version_info < (3, 14):
        backport = pytest.importorskip("backports.zstd")
        monkeypatch.setitem(sys.modules, "compression.zstd", backport)
        monkeypatch.setitem(sys.modules, "zstandard", None)
    return str(request.param)


def test_what_can_be_made_is_what_can_be_negotiated() -> None:
    assert tuple(LEVELS) == tuple(SUFFIXES) == tuple(DECODERS)[::-1] == present_codings()


@pytest.mark.parametrize("window", [LIVE, 13, STREAM, 23])
@pytest.mark.parametrize("coding", LEVELS)
@given(chunks=st.lists(st.binary(max_size=300)), flushes=st.lists(st.booleans()))
def test_whatever_is_fed_comes_back(
    coding: str, window: int, chunks: list[bytes], flushes: list[bool]
) -> None:
    encoder, decode = encoder_maker(coding)(window), DECODERS[coding]()
    decoded = b""
    for chunk, flush in zip(chunks, [*flushes, *[False] * len(chunks)], strict=False):
        decoded += decode(encoder.feed(chunk))
        if flush and chunk:
            decoded += decode(encoder.flush())
    assert decoded + decode(encoder.finish()) == b"".join(chunks)


@pytest.mark.parametrize("coding", LEVELS)
def test_what_was_fed_can_be_decoded_after_a_flush(coding: str) -> None:
    encoder, decode = encoder_maker(coding)(LIVE), DECODERS[coding]()
    for number in range(100):
        event = b"data: %d\n\n" % number
        assert decode(encoder.feed(event)) + decode(encoder.flush()) == event


def test_zstd_comes_from_either_library(zstd_library: str) -> None:
    for level in (LEVELS["zstd"].lowest, LEVELS["zstd"].highest):
        for window in (LIVE, STREAM, 23):
            encoder, decode = encoder_maker("zstd", level)(window), DECODERS["zstd"]()
            assert decode(encoder.feed(b"some") + encoder.flush()) == b"some"
            assert decode(encoder.feed(b"more") + encoder.finish()) == b"more"


@pytest.mark.parametrize("coding", LEVELS)
def test_a_higher_level_makes_less(coding: str) -> None:
    text = b"".join(b"%d bottles of %d\n" % (number, number**2) for number in range(2000))
    sizes = []
    for level in (LEVELS[coding].lowest, LEVELS[coding].highest):
        encoder = encoder_maker(coding, level)(STREAM)
        sizes.append(len(encoder.feed(text) + encoder.finish()))
    assert sizes[1] < sizes[0] < len(text)


@pytest.mark.parametrize(
    ("coding", "level", "said"),
    [
        pytest.param("deflate", None, "zstd, br, gzip", id="a coding that is not made"),
        pytest.param("gzip", 0, "from 1 to 9", id="too low"),
        pytest.param("br", 12, "from 0 to 11", id="too high"),
        pytest.param("zstd", "3", "from 1 to 19", id="a text"),
        pytest.param("gzip", True, "from 1 to 9", id="no number"),
    ],
)
def test_what_cannot_be_made_is_told(coding: str, level: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        encoder_maker(coding, level)


def test_without_its_library_a_coding_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("brotli", "zstandard", "compression.zstd"):
        monkeypatch.setitem(sys.modules, module, None)
    assert present_codings() == ("gzip",)
    assert present_codings(["gzip"]) == ("gzip",)
    for coding in ("br", "zstd"):
        with pytest.raises(MissingLibrary, match=r"pip install 'wsgistream\[compress\]'"):
            present_codings([coding])
