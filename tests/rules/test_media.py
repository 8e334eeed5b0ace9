"""The Content-Type that a file's name stands for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.rules.media import (
    DEFAULT,
    Media,
    charset_of,
    guess_media,
    is_compressible,
    with_charset,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("film.mp4", "video/mp4", id="a film"),
        pytest.param("FILM.MP4", "video/mp4", id="a suffix in capitals"),
        pytest.param("song.mp3", "audio/mpeg", id="a song"),
        pytest.param("live.m3u8", "application/vnd.apple.mpegurl", id="a playlist"),
        pytest.param("live.m3u", "application/vnd.apple.mpegurl", id="a playlist, as of old"),
        pytest.param("live.mpd", "application/dash+xml", id="a playlist of DASH"),
        pytest.param("live.ts", "video/mp2t", id="a piece of a stream"),
        pytest.param("live.m4s", "video/iso.segment", id="a piece of a stream in MP4"),
        pytest.param("live.cmfv", "video/mp4", id="pictures of CMAF"),
        pytest.param("live.cmfa", "audio/mp4", id="sound of CMAF"),
        pytest.param("logo.svg", "image/svg+xml", id="a drawing"),
        pytest.param("data.json", "application/json", id="json"),
        pytest.param("feed.xml", "application/xml", id="xml"),
        pytest.param("page.html", "text/html; charset=utf-8", id="a page"),
        pytest.param("style.css", "text/css; charset=utf-8", id="a style"),
        pytest.param("code.js", "text/javascript; charset=utf-8", id="a script"),
        pytest.param("code.mjs", "text/javascript; charset=utf-8", id="a module"),
        pytest.param("notes.txt", "text/plain; charset=utf-8", id="plain text"),
        pytest.param("readme.md", "text/markdown; charset=utf-8", id="markdown"),
        pytest.param("app.wasm", "application/wasm", id="web assembly"),
        pytest.param("font.woff2", "font/woff2", id="a font"),
        pytest.param("picture.avif", "image/avif", id="a picture"),
        pytest.param("book.pdf", "application/pdf", id="a book"),
        pytest.param("program.exe", "application/octet-stream", id="a program"),
        pytest.param("photo.tiff", "image/tiff", id="what the standard library knows"),
        pytest.param("photo.TIFF", "image/tiff", id="what it knows, in capitals"),
        # An archive is what people ask for, not what it holds.
        pytest.param("site.tar.gz", "application/gzip", id="a compressed archive"),
        pytest.param("site.tgz", "application/gzip", id="a compressed archive by its short suffix"),
        pytest.param("log.txt.bz2", "application/x-bzip2", id="bzip2"),
        pytest.param("log.txt.xz", "application/x-xz", id="xz"),
        pytest.param("log.txt.zst", "application/zstd", id="zstd"),
        pytest.param("log.txt.Z", "application/x-compress", id="compress"),
        pytest.param("style.css.br", DEFAULT, id="brotli has no type of its own"),
        pytest.param("README", DEFAULT, id="no suffix"),
        pytest.param("", DEFAULT, id="no name"),
        pytest.param("file.", DEFAULT, id="an empty suffix"),
        pytest.param("file.unknown", DEFAULT, id="an unknown suffix"),
        pytest.param("html", DEFAULT, id="a name that looks like a suffix"),
        pytest.param(".html", DEFAULT, id="a dot-file that looks like a suffix"),
        pytest.param("..html", DEFAULT, id="two dots before it"),
        pytest.param(".svgz", DEFAULT, id="a dot-file that looks encoded"),
        pytest.param(".config.json", "application/json", id="a dot-file with a suffix"),
        pytest.param("a.html ", DEFAULT, id="a space after the suffix"),
        pytest.param("caf\udce9.txt", "text/plain; charset=utf-8", id="a name that is not UTF-8"),
        pytest.param("page.\udce9", DEFAULT, id="a suffix that is not UTF-8"),
    ],
)
def test_a_name_has_a_type_and_no_encoding(name: str, expected: str) -> None:
    assert guess_media(name) == Media(expected, None)


@pytest.mark.parametrize("name", ["drawing.svgz", "DRAWING.SVGZ", ".drawing.svgz"])
def test_a_compressed_drawing_is_a_drawing_in_an_encoding(name: str) -> None:
    assert guess_media(name) == Media("image/svg+xml", "gzip")


def test_neither_the_machine_nor_the_application_changes_a_type(tmp_path: Path) -> None:
    machine = tmp_path / "mime.types"
    machine.write_text("application/x-machine machine tiff mp4\n")
    script = f"""
import mimetypes
mimetypes.knownfiles[:] = [{str(machine)!r}]
mimetypes.init()
mimetypes.add_type("application/x-application", ".application")
mimetypes.add_type("application/x-application", ".html")
assert mimetypes.guess_type("a.machine")[0] == "application/x-machine"
assert mimetypes.guess_type("a.tiff")[0] == "application/x-machine"
from wsgistream.rules.media import guess_media
mimetypes.add_type("application/x-application", ".jpg")
for name in ("a.machine", "a.application", "a.tiff", "a.mp4", "a.html", "a.jpg"):
    print(guess_media(name).content_type)
"""
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert run.stderr == ""
    assert run.stdout.splitlines() == [
        DEFAULT,
        DEFAULT,
        "image/tiff",
        "video/mp4",
        "text/html; charset=utf-8",
        "image/jpeg",
    ]


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        pytest.param("text/html", "text/html; charset=utf-8", id="text"),
        pytest.param("TEXT/HTML", "TEXT/HTML; charset=utf-8", id="text in capitals"),
        pytest.param("text/html; charset=latin-1", "text/html; charset=latin-1", id="a charset"),
        pytest.param("text/html;Charset=UTF-8", "text/html;Charset=UTF-8", id="another spelling"),
        pytest.param(
            "text/plain; format=flowed",
            "text/plain; format=flowed; charset=utf-8",
            id="another parameter",
        ),
        pytest.param("application/json", "application/json", id="json is always UTF-8"),
        pytest.param("image/svg+xml", "image/svg+xml", id="xml says its own"),
        pytest.param("application/x-text/plain", "application/x-text/plain", id="no text"),
    ],
)
def test_text_says_its_charset(content_type: str, expected: str) -> None:
    assert with_charset(content_type) == expected


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        pytest.param("text/html", True, id="text"),
        pytest.param("text/html; charset=utf-8", True, id="text with a charset"),
        pytest.param("application/json; x=1", True, id="json with a parameter"),
        pytest.param("application/geo+json", True, id="what is json in all but name"),
        pytest.param("image/svg+xml", True, id="what is xml in all but name"),
        pytest.param("image/svg+xml; charset=utf-8", True, id="the same with a charset"),
        pytest.param("application/wasm", True, id="web assembly"),
        pytest.param("font/ttf", True, id="a plain font"),
        pytest.param("font/woff2", False, id="a compressed font"),
        pytest.param("image/png", False, id="a picture"),
        pytest.param("video/mp4", False, id="a film"),
        pytest.param("application/zip", False, id="an archive"),
        pytest.param("application/octet-stream", False, id="bytes"),
    ],
)
def test_what_shrinks_is_known(content_type: str, expected: bool) -> None:
    assert is_compressible(content_type) is expected


suffixes = st.sampled_from(["html", "svgz", "tiff", "gz", "nothing", "\udcff", ""])


@given(st.text(), suffixes)
def test_any_name_has_a_type_that_its_last_suffix_decides(stem: str, suffix: str) -> None:
    content_type, encoding = guess_media(f"x{stem}.{suffix}")
    assert (content_type, encoding) == guess_media(f"x.{suffix}")
    assert content_type.isascii()
    assert content_type.count("/") == 1
    assert with_charset(content_type) == content_type


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        pytest.param("text/plain; charset=latin-1", "latin-1", id="one that is named"),
        pytest.param("text/plain;charset=latin-1;format=flowed", "latin-1", id="among others"),
        pytest.param('text/csv; header=present; Charset="UTF-16"', "UTF-16", id="in quotes"),
        pytest.param("text/plain", "utf-8", id="none"),
        pytest.param("text/plain; charset=", "utf-8", id="an empty one"),
        pytest.param('text/plain; charset=""', "utf-8", id="an empty one in quotes"),
        pytest.param("text/plain; notcharset=a", "utf-8", id="another parameter"),
    ],
)
def test_a_type_names_its_charset(content_type: str, expected: str) -> None:
    assert charset_of(content_type) == expected


@given(st.text())
def test_any_text_names_a_charset(text: str) -> None:
    assert charset_of(text)
    assert charset_of(f"text/plain; charset={text}")
