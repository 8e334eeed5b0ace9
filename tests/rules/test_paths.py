"""What a path names, what is hidden, and how a name is written in a URL."""

from __future__ import annotations

import os
import re
from urllib.parse import unquote_to_bytes, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.rules.paths import (
    Target,
    folder_location,
    is_dot_file,
    is_hidden,
    parse_path,
    quote_name,
)


def wsgi(text: str) -> str:
    """A text as a PATH_INFO has it: its UTF-8 bytes as latin-1 (PEP 3333)."""
    return text.encode().decode("latin-1")


@pytest.mark.parametrize(
    ("path_info", "segments", "folder"),
    [
        pytest.param("", (), False, id="nothing"),
        pytest.param("/", (), True, id="the root"),
        pytest.param("/a", ("a",), False, id="a file"),
        pytest.param("/a/", ("a",), True, id="a folder"),
        pytest.param("/a/b/c.txt", ("a", "b", "c.txt"), False, id="a file below folders"),
        pytest.param("/a b", ("a b",), False, id="a space"),
        pytest.param("/ ", (" ",), False, id="a name of one space"),
        pytest.param("/%2e%2e", ("%2e%2e",), False, id="what the server has decoded is decoded"),
        pytest.param("/...", ("...",), False, id="three dots are a name"),
        pytest.param("/..a", ("..a",), False, id="two dots and a letter"),
        pytest.param("/a..", ("a..",), False, id="a letter and two dots"),
        pytest.param("/.a", (".a",), False, id="a dot-file"),
        pytest.param("/a\\b", ("a\\b",), False, id="a backslash is a letter"),
        pytest.param("/c:", ("c:",), False, id="a colon is a letter"),
        pytest.param("/con", ("con",), False, id="no device here"),
        pytest.param("/a\nb", ("a\nb",), False, id="a line feed"),
        pytest.param(wsgi("/é/日"), ("é", "日"), False, id="letters beyond ASCII"),
        pytest.param("/\xff", ("\udcff",), False, id="bytes that are not UTF-8"),
        pytest.param("/\xc0\xae", ("\udcc0\udcae",), False, id="an overlong dot is no dot"),
    ],
)
def test_a_path_is_split_into_names(
    path_info: str, segments: tuple[str, ...], folder: bool
) -> None:
    assert parse_path(path_info, windows=False) == Target(segments, folder)


@pytest.mark.parametrize(
    "path_info",
    [
        pytest.param("a", id="no slash at the beginning"),
        pytest.param("a/", id="no slash at the beginning of a folder"),
        pytest.param("*", id="a star"),
        pytest.param("//", id="two slashes"),
        pytest.param("//a", id="two slashes at the beginning"),
        pytest.param("/a//b", id="two slashes within"),
        pytest.param("/a//", id="two slashes at the end"),
        pytest.param("/.", id="this folder"),
        pytest.param("/./", id="this folder with a slash"),
        pytest.param("/..", id="the folder above"),
        pytest.param("/../etc/passwd", id="a file above"),
        pytest.param("/a/../b", id="up and down again"),
        pytest.param("/a/..", id="up at the end"),
        pytest.param("/a/.", id="a dot at the end"),
        pytest.param("..", id="two dots alone"),
        pytest.param("/a\0", id="a NUL at the end"),
        pytest.param("/\0/b", id="a NUL alone"),
        pytest.param("/a\0/../b", id="a NUL before dots"),
    ],
)
@pytest.mark.parametrize("windows", [True, False])
def test_some_paths_name_nothing(path_info: str, windows: bool) -> None:
    assert parse_path(path_info, windows=windows) is None


@pytest.mark.parametrize(
    "name",
    [
        *("a\\b", "..\\b", "\\", "c:", "c:a", "a.txt:stream", "a*", "a?", 'a"', "a<", "a>", "a|"),
        *("a.", "a..", "...", "a ", " ", "a. ", "a .", ".. "),
        *("con", "CON", "Con.txt", "con.tar.gz", "con .txt", "prn", "aux", "nul", "NUL.", "nul "),
        *("com0", "com1", "COM9.txt", "lpt1", "LPT9", "conin$", "CONOUT$", "conout$.txt", "con.\n"),
        *("com¹", "COM²", "lpt³.txt"),
    ],
)
def test_windows_has_names_that_leave_the_folder_or_reach_a_device(name: str) -> None:
    assert parse_path(wsgi(f"/{name}"), windows=True) is None
    assert parse_path(wsgi(f"/a/{name}/b"), windows=True) is None
    assert parse_path(wsgi(f"/{name}"), windows=False) == Target((name,), folder=False)


@pytest.mark.parametrize(
    "name",
    ["a", "a.b", ".a", "con1", "icon", "console", "com", "com10", "comx", "lpt", "conin", "a con"],
)
def test_windows_has_other_names_too(name: str) -> None:
    assert parse_path(f"/{name}", windows=True) == Target((name,), folder=False)


def test_the_system_decides_which_names_there_are() -> None:
    assert parse_path("/a\\b") == parse_path("/a\\b", windows=os.name == "nt")


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        pytest.param((), False, id="the root"),
        pytest.param(("a", "b.txt"), False, id="plain names"),
        pytest.param((".git",), True, id="a dot-file"),
        pytest.param((".git", "config"), True, id="below a dot-folder"),
        pytest.param(("a", ".htaccess"), True, id="a dot-file below"),
        # RFC 8615 §3: the folder stands at the root of a site.
        pytest.param((".well-known",), False, id="the well-known folder"),
        pytest.param((".well-known", "security.txt"), False, id="a well-known file"),
        pytest.param((".well-known", ".git"), True, id="a dot-file in the well-known folder"),
        pytest.param(("a", ".well-known"), True, id="well known is only what is at the root"),
        pytest.param((".well-known2",), True, id="what begins as well known"),
        pytest.param((".Well-Known",), True, id="well known in other letters"),
        pytest.param(("..dots..txt",), False, id="two dots at the beginning"),
        pytest.param(("...",), False, id="three dots"),
        pytest.param(("a.b", "c."), False, id="dots elsewhere"),
    ],
)
def test_dot_files_are_hidden(segments: tuple[str, ...], expected: bool) -> None:
    assert is_hidden(segments) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param(".git", True, id="a dot and letters"),
        pytest.param(".well-known", True, id="well known, and a dot-file still"),
        pytest.param("git", False, id="letters"),
        pytest.param("a.git", False, id="a dot within"),
        pytest.param("..", False, id="the folder above"),
        pytest.param("", False, id="no name"),
    ],
)
def test_a_dot_file_is_one_dot_and_something_else(name: str, expected: bool) -> None:
    assert is_dot_file(name) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("a-b_c.d~e", "a-b_c.d~e", id="unreserved marks"),
        pytest.param("!$&'()*+,;=:@", "!$&'()*+,;=:@", id="marks that a segment may have"),
        pytest.param("a/b", "a%2Fb", id="a slash is no part of a name"),
        pytest.param("a?b#c", "a%3Fb%23c", id="what would end a path"),
        pytest.param("100%", "100%25", id="a percent sign"),
        pytest.param('<a href="x">', "%3Ca%20href=%22x%22%3E", id="marks of html"),
        pytest.param("a\\b^`{|}", "a%5Cb%5E%60%7B%7C%7D", id="marks that no URL has"),
        pytest.param("\r\n\0", "%0D%0A%00", id="control characters"),
        pytest.param("é", "%C3%A9", id="a letter beyond ASCII"),
        pytest.param("caf\udce9", "caf%E9", id="bytes that are not UTF-8"),
    ],
)
def test_a_name_is_escaped(name: str, expected: str) -> None:
    assert quote_name(name) == expected


@pytest.mark.parametrize(
    ("script_name", "path_info", "query", "expected"),
    [
        pytest.param("", "/a", "", "/a/", id="a folder"),
        pytest.param("", "/a/b", "", "/a/b/", id="a folder in a folder"),
        pytest.param("/app", "/a", "", "/app/a/", id="below an application"),
        pytest.param("/app", "", "", "/app/", id="the application itself"),
        pytest.param("", "", "", "/", id="the root"),
        pytest.param("", "/", "", "/", id="the root with its slash"),
        pytest.param("", "/a", "x=1&y=%20", "/a/?x=1&y=%20", id="the query stays as it is"),
        pytest.param("", "//host/a", "", "/host/a/", id="what would name another host"),
        pytest.param("/", "/host", "", "/host/", id="an application at a slash"),
        pytest.param("", "///host", "", "/host/", id="three slashes"),
        pytest.param("", "/\\host", "", "/%5Chost/", id="a backslash that browsers take for one"),
        pytest.param("", "/a b?c#d%", "", "/a%20b%3Fc%23d%25/", id="marks are escaped"),
        pytest.param("", wsgi("/é"), "", "/%C3%A9/", id="a letter beyond ASCII"),
        pytest.param("", "/\xff", "", "/%FF/", id="bytes that are not UTF-8"),
        pytest.param("", "/a\r\nX: y", "", "/a%0D%0AX:%20y/", id="a line break in the path"),
        pytest.param("", "/a", "b\r\nX: y", "/a/?b%0D%0AX:%20y", id="a line break in the query"),
        pytest.param("", "/a", 'b"<>\xff#', "/a/?b%22%3C%3E%FF%23", id="marks in the query"),
        pytest.param("", "/a", "b?c/d", "/a/?b?c/d", id="a query may have slashes"),
        pytest.param("", "/~a;b=1,2:@!$&'()*+", "", "/~a;b=1,2:@!$&'()*+/", id="marks of a path"),
    ],
)
def test_a_folder_is_at_the_same_address_with_a_slash(
    script_name: str, path_info: str, query: str, expected: str
) -> None:
    assert folder_location(script_name, path_info, query) == expected


# What follows holds for every path, and is tried with many.

latin_1 = st.text(st.characters(max_codepoint=255))
path_like = st.lists(st.sampled_from(["/", ".", "..", "a", "\\", "\0", "con", ":", "\xff", "é"]))
paths = st.one_of(latin_1, path_like.map(lambda parts: "/" + "".join(parts)))


@given(paths, st.booleans())
def test_a_path_names_nothing_that_is_no_name(path_info: str, windows: bool) -> None:
    target = parse_path(path_info, windows=windows)
    if target is None:
        return
    for segment in target.segments:
        assert segment not in {"", ".", ".."}
        assert not set("/\0") & set(segment)
        assert not windows or not set("\\:") & set(segment)
    # Nothing is lost on the way: the names are the bytes of the path.
    again = "".join(f"/{segment}" for segment in target.segments) + "/" * target.folder
    assert os.fsencode(again).decode("latin-1") == path_info


@given(st.lists(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]))))
def test_a_path_of_plain_names_is_found(names: list[str]) -> None:
    names = [name for name in names if name not in {"", ".", ".."}]
    path_info = wsgi("/" + "/".join(names))
    target = parse_path(path_info, windows=False)
    assert target == Target(tuple(names), folder=not names)


@given(st.binary())
def test_an_escaped_name_is_one_segment_that_is_read_back(raw: bytes) -> None:
    quoted = quote_name(os.fsdecode(raw))
    assert re.fullmatch(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-F]{2})*", quoted)
    assert unquote_to_bytes(quoted) == raw


@given(st.sampled_from(["", "/app", "//", "/\\", "a"]), paths, latin_1)
def test_a_location_stays_on_its_host(script_name: str, path_info: str, query: str) -> None:
    location = folder_location(script_name, path_info, query)
    assert re.match(r"/(?!/)", location)
    # RFC 3986 §3.3 and §3.4; what looked escaped in the query stays as it was.
    path, mark, rest = location.partition("?")
    assert re.fullmatch(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2})*/", path)
    assert re.fullmatch(r"[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*", rest)
    assert bool(mark) is bool(query)
    assert unquote_to_bytes(rest) == unquote_to_bytes(query.encode("latin-1"))
    parts = urlsplit(location)
    assert (parts.scheme, parts.netloc, parts.path, parts.fragment) == ("", "", path, "")


@given(st.lists(st.text(st.characters(max_codepoint=255, exclude_characters="/"), min_size=1)))
def test_a_location_leads_to_the_same_folder(names: list[str]) -> None:
    path_info = "/" + "/".join(names)
    location = folder_location("", path_info, "")
    expected = path_info.rstrip("/") + "/"
    assert unquote_to_bytes(location).decode("latin-1") == expected
