"""The Content-Disposition of a download, read back as RFC 6266 and RFC 8187 say."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.rules.disposition import content_disposition

# RFC 6266 §4.1, with quoted-string of RFC 9110 §5.6.4 and ext-value of RFC 8187 §3.2.1.
DISPOSITION = re.compile(
    r"""
    (?P<type>inline|attachment)
    ;[ ]filename="(?P<plain>(?:[\t \x21\x23-\x5b\x5d-\x7e]|\\[\t\x20-\x7e])*)"
    (?:;[ ]filename\*=(?P<charset>UTF-8)'(?P<language>[A-Za-z0-9-]*)'
        (?P<exact>(?:%[0-9A-F]{2}|[A-Za-z0-9!\#$&+.^_`|~-])+)
    )?
    """,
    re.VERBOSE,
)


def names_of(value: str) -> tuple[str, str]:
    """Read the two names of a field: the plain one, and the one that a client goes by."""
    found = DISPOSITION.fullmatch(value)
    assert found is not None, value
    plain = re.sub(r"\\(.)", r"\1", found["plain"])
    exact = found["exact"]
    return plain, plain if exact is None else unquote(exact, errors="strict")


@pytest.mark.parametrize(
    ("filename", "plain", "exact"),
    [
        pytest.param("report.pdf", "report.pdf", "report.pdf", id="a plain name"),
        pytest.param("my report.pdf", "my report.pdf", "my report.pdf", id="a space"),
        pytest.param("a;b,c=d.txt", "a;b,c=d.txt", "a;b,c=d.txt", id="what parts parameters"),
        pytest.param("it's(1).txt", "it's(1).txt", "it's(1).txt", id="marks that RFC 8187 escapes"),
        pytest.param("café.txt", "cafe.txt", "café.txt", id="an accent"),
        pytest.param("Ü.txt", "U.txt", "Ü.txt", id="an umlaut"),
        pytest.param("日本.txt", "__.txt", "日本.txt", id="another script"),
        pytest.param("\U0001f600.txt", "_.txt", "\U0001f600.txt", id="a face"),
        pytest.param("\u20ac rates", "_ rates", "\u20ac rates", id="the example of RFC 6266"),
        pytest.param('say "hi".txt', "say _hi_.txt", 'say "hi".txt', id="quotes"),
        pytest.param("100%25.txt", "100_25.txt", "100%25.txt", id="what looks escaped"),
        pytest.param(
            'a"; filename="b.exe', "a_; filename=_b.exe", 'a"; filename="b.exe', id="a second name"
        ),
        pytest.param("a\r\nX: y", "a__X: y", "a__X: y", id="a line break"),
        pytest.param("a\0b\x7fc\x85d", "a_b_c_d", "a_b_c_d", id="control characters"),
        pytest.param("a\u2028b\u2029c", "a_b_c", "a_b_c", id="line and paragraph separators"),
        pytest.param("photo\u202egpj.exe", "photo_gpj.exe", "photo_gpj.exe", id="a turn of text"),
        pytest.param("a\u061cb\u2067c", "a_b_c", "a_b_c", id="an Arabic mark and an isolate"),
        pytest.param("../../etc/passwd", ".._.._etc_passwd", ".._.._etc_passwd", id="a path"),
        pytest.param("c:\\dir\\a.txt", "c:_dir_a.txt", "c:_dir_a.txt", id="a Windows path"),
        pytest.param("caf\udce9.txt", "caf_.txt", "caf_.txt", id="bytes that are not UTF-8"),
        pytest.param("\ud800.txt", "_.txt", "_.txt", id="half of a pair"),
        pytest.param("\uff0f\uff3c\uff02", "___", "\uff0f\uff3c\uff02", id="wide marks"),
        pytest.param("a\u00a0b", "a b", "a\u00a0b", id="a hard space"),
        pytest.param("", "download", "download", id="no name"),
        pytest.param("  \u3000 ", "download", "download", id="nothing but space"),
        pytest.param(".", "download", "download", id="this folder"),
        pytest.param(" .. ", "download", "download", id="the folder above"),
        pytest.param("\uff0e\uff0e", "download", "\uff0e\uff0e", id="wide dots"),
        pytest.param("\u2025", "download", "\u2025", id="a leader of two dots"),
        pytest.param("\u00a8", "download", "\u00a8", id="a mark whose letter is a space"),
        pytest.param("...", "...", "...", id="three dots are a name"),
        pytest.param(" a.txt ", "a.txt", "a.txt", id="space around a name"),
    ],
)
def test_a_name_is_written(filename: str, plain: str, exact: str) -> None:
    assert names_of(content_disposition(filename)) == (plain, exact)


@pytest.mark.parametrize(
    ("download", "kind"),
    [
        pytest.param(True, "attachment", id="a download"),
        pytest.param(False, "inline", id="no download"),
    ],
)
def test_a_download_is_an_attachment(download: bool, kind: str) -> None:
    value = content_disposition("a.txt", download=download)
    assert value == f'{kind}; filename="a.txt"'


def test_it_is_shown_in_the_browser_unless_asked_otherwise() -> None:
    assert content_disposition("a.txt") == content_disposition("a.txt", download=False)


def test_a_plain_name_is_given_once() -> None:
    assert "filename*" not in content_disposition("plain (1).txt")


# What follows holds for every name, and is tried with many.

LOOKALIKES = "/\\\"%'.\u2024\u2025\uff0e\uff0f\uff3c\u00a8\u202e\u061c\u2028\ud800\udcff\r\n\0 é日"
filenames = st.one_of(st.text(), st.text(st.characters()), st.text(alphabet=LOOKALIKES, max_size=6))


@given(filenames, st.booleans())
def test_any_name_is_a_well_formed_field(filename: str, download: bool) -> None:
    value = content_disposition(filename, download=download)
    assert value.isascii()
    assert value.startswith("attachment" if download else "inline")
    for name in names_of(value):
        assert name not in {"", ".", ".."}
        assert name == name.strip()
        assert not set("/\\") & set(name)
        categories = {unicodedata.category(character) for character in name}
        assert not categories & {"Cc", "Cs", "Zl", "Zp"}
        # Nothing turns the direction of the text; letters of any direction are welcome.
        turns = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
        assert not turns & {unicodedata.bidirectional(character) for character in name}
        assert not set("\u061c\u200e\u200f") & set(name)


@given(st.characters())
def test_a_character_is_kept_or_becomes_a_line(character: str) -> None:
    plain, exact = names_of(content_disposition(f"a{character}b"))
    assert exact in {f"a{character}b", "a_b"}
    if exact == "a_b":
        assert not character.isalnum()
    assert len(plain) == 3
    assert re.fullmatch(r'a[^"%/\\]b', plain)


@given(st.text(st.characters(categories=["L", "N"]), min_size=1))
def test_letters_and_digits_of_every_script_come_back_exactly(filename: str) -> None:
    assert names_of(content_disposition(filename))[1] == filename


@given(filenames)
def test_writing_a_name_that_was_read_changes_nothing(filename: str) -> None:
    exact = names_of(content_disposition(filename))[1]
    assert names_of(content_disposition(exact))[1] == exact
