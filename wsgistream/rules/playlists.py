"""Playlists: the files of a broadcast in segments, and which of them is whole (RFC 8216, DASH)."""

from __future__ import annotations

from typing import Final

# What is written once is never another; but a name may come again when an encoder begins anew.
_SEGMENT: Final = "max-age=86400, immutable"
# What is between a thousand viewers and the encoder is asked once in a second.
_PLAYLIST: Final = "max-age=1"

_HLS: Final = frozenset({"m3u8", "m3u"})
_DASH: Final = "mpd"
_SEGMENTS: Final = frozenset(
    {"aac", "ac3", "cmfa", "cmft", "cmfv", "ec3", "m4a", "m4s", "m4v", "mp3", "mp4", "ts", "vtt"}
    | {"webm"}
)

# Tags after which a line of their own has to come (RFC 8216 §4.3.2.1, §4.3.2.2, §4.3.4.2).
_ANNOUNCING: Final = (b"#EXTINF", b"#EXT-X-BYTERANGE", b"#EXT-X-STREAM-INF")


def cache_segments(name: str) -> str | None:
    """Say how long a file of a broadcast may be kept: ``DirectoryApp(…, cache_control=this)``.

    A playlist is another every few seconds, a segment never; of any other file nothing is said.
    """
    if is_playlist(name):
        return _PLAYLIST
    return _SEGMENT if _suffix(name) in _SEGMENTS else None


def is_playlist(name: str) -> bool:
    """Tell whether a file is a playlist of HLS or DASH, by its name."""
    return _suffix(name) in {*_HLS, _DASH}


def is_whole(name: str, content: bytes) -> bool:
    """Tell whether a playlist has its end, as far as its form tells it."""
    if _suffix(name) == _DASH:
        return content.rstrip().endswith(b"MPD>")
    if not content.endswith(b"\n"):
        return False
    last = content.rstrip().rpartition(b"\n")[2]
    return content.startswith(b"#EXTM3U") and not last.startswith(_ANNOUNCING)


def _suffix(name: str) -> str:
    return name.rpartition(".")[2].lower()
