"""Files: what is behind the fronts beside the files of the matrix."""

from __future__ import annotations

from typing import Final

STYLE: Final = b".a { color: red; margin: 0 auto; }\n" * 40

NAMES: Final[dict[str, bytes]] = {
    "a plain name": b"plain.txt",
    "a percent sign": b"100%.txt",
    "an escape that is none": b"a%20b.txt",
    "a space": b"a b.txt",
    "a space at the end": b"end ",
    "a plus sign": b"a+b.txt",
    "a question mark": b"what?.txt",
    "a number sign": b"a#b.txt",
    "quotes": b"\"double\" and 'single'.txt",
    "a semicolon": b"a;b.txt",
    "an ampersand and an equals sign": b"a&b=c.txt",
    "a colon": b"a:b.txt",
    "a backslash": b"a\\b.txt",
    "a tab": b"a\tb.txt",
    "a line end": b"a\nb.txt",
    "Cyrillic": "кириллица.txt".encode(),
    "an emoji": "😀.txt".encode(),
    "bytes that are no text": b"\xff\xfe.txt",
}
