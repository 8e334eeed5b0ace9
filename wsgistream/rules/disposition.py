"""Disposition: the Content-Disposition of a named download (RFC 6266, RFC 8187)."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final
from urllib.parse import quote

_NAMELESS: Final = frozenset({"", ".", ".."})

# Marks that turn the direction of text, and so can make "exe" look like the name's beginning.
_TURNS: Final = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
# Control characters, line and paragraph separators, and the surrogates of undecodable bytes.
_UNSAFE_CATEGORIES: Final = frozenset({"Cc", "Zl", "Zp", "Cs"})

# RFC 6266 appendix D: some clients decode %41 and some keep the backslash of \" in filename=.
_NOT_IN_FALLBACK: Final = re.compile(r'[^\x20-\x7e]|["%/\\]')
# RFC 8187 §3.2.1: attr-char, beyond letters and digits.
_ATTRIBUTE_MARKS: Final = "!#$&+-.^_`|~"


@lru_cache(maxsize=1024)
def content_disposition(filename: str, *, download: bool = False) -> str:
    """Write ``attachment`` for a download, else ``inline``, with the file's name.

    Names beyond plain ASCII are given twice: as ``filename`` in plain letters, and exactly as
    ``filename*``. Characters that could harm a client's screen or disk become ``_``.
    """
    name = _named(_safe(filename))
    # Once more: the plain letters of two fullwidth stops (U+FF0E) are two dots.
    plain = _named("".join(_plain(character) for character in name))
    value = f'{"attachment" if download else "inline"}; filename="{plain}"'
    if plain != name:
        value += f"; filename*=UTF-8''{quote(name, safe=_ATTRIBUTE_MARKS)}"
    return value


def _safe(filename: str) -> str:
    """Put ``_`` for what could harm, and for what parts a path."""
    name = "".join(
        "_"
        if character in _TURNS or unicodedata.category(character) in _UNSAFE_CATEGORIES
        else character
        for character in filename
    )
    return re.sub(r"[/\\]", "_", name)


def _named(name: str) -> str:
    name = name.strip()
    return "download" if name in _NAMELESS else name


def _plain(character: str) -> str:
    """The letter under an accent, or ``_``."""
    letter = unicodedata.normalize("NFKD", character)[0]
    return _NOT_IN_FALLBACK.sub("_", letter)
