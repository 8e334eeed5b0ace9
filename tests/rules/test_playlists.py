"""Playlists and segments: how long each may be kept, and what is whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.rules.playlists import cache_segments, is_playlist, is_whole

LIVE = b"""#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:7
#EXTINF:2.000000,
live7.ts
"""
MASTER = b"""#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=1280000
low.m3u8
"""
DASH = b'<?xml version="1.0"?>\n<MPD type="dynamic">\n<Period id="0"></Period>\n</MPD>\n'


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("live.m3u8", "max-age=1", id="a playlist of HLS"),
        pytest.param("LIVE.M3U8", "max-age=1", id="in capitals"),
        pytest.param("live.mpd", "max-age=1", id="a playlist of DASH"),
        pytest.param("live7.ts", "max-age=86400, immutable", id="a segment"),
        pytest.param("live7.m4s", "max-age=86400, immutable", id="a segment in MP4"),
        pytest.param("player.html", None, id="something else"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_what_may_be_kept_and_for_how_long(name: str, expected: str | None) -> None:
    assert cache_segments(name) == expected
    assert is_playlist(name) == (expected == "max-age=1")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        pytest.param("live.m3u8", LIVE, True, id="a live one"),
        pytest.param("live.m3u8", LIVE.replace(b"\n", b"\r\n"), True, id="with CRLF"),
        pytest.param("live.m3u8", LIVE + b"#EXT-X-ENDLIST\n", True, id="one that has ended"),
        pytest.param("live.m3u8", MASTER, True, id="of several qualities"),
        pytest.param("live.m3u8", b"#EXTM3U\n", True, id="without a segment"),
        pytest.param("live.m3u8", b"", False, id="nothing yet"),
        pytest.param("live.m3u8", LIVE[:-1], False, id="cut in a name"),
        pytest.param("live.m3u8", LIVE[:-9], False, id="cut before a name"),
        pytest.param("live.m3u8", MASTER[:-9], False, id="cut before a name of several"),
        pytest.param("live.m3u8", LIVE[8:], False, id="without its beginning"),
        pytest.param("live.mpd", DASH, True, id="of DASH"),
        pytest.param("live.mpd", DASH.rstrip(), True, id="of DASH, without a last line"),
        pytest.param("live.mpd", DASH[:-9], False, id="of DASH, cut"),
        pytest.param("live.mpd", b"", False, id="of DASH, nothing yet"),
    ],
)
def test_what_has_its_end(name: str, content: bytes, expected: bool) -> None:
    assert is_whole(name, content) is expected


@given(st.integers(0, len(LIVE) - 1))
def test_what_is_cut_in_a_line_is_not_whole(size: int) -> None:
    cut = LIVE[:size]
    assert not is_whole("live.m3u8", cut) or cut.endswith(b"\n")


@given(st.text(), st.binary())
def test_anything_may_be_asked(name: str, content: bytes) -> None:
    assert cache_segments(name) in ("max-age=1", "max-age=86400, immutable", None)
    assert is_whole(name, content) in (True, False)
