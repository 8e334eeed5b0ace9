"""A folder's listing as a page and as JSON, read back by parsers of both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.rules.listing import html_listing, json_listing
from wsgistream.types import Entry

TEMPLATE = "<title>{title}</title><h1>{breadcrumb}</h1><table>{rows}</table>"
FIRST_DAY = "<td>Thu, 01 Jan 1970 00:00:00 GMT</td></tr>\n"


class Page(HTMLParser):
    """What a browser would see: each text with the elements around it, and every link."""

    def __init__(self, lines: Iterator[str]) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.classes: list[str | None] = []
        self.links: list[tuple[str | None, str]] = []
        self.cells: list[str] = []
        self.title = self.trail = ""
        self._open: list[str] = []
        self.feed("".join(lines))
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._open.append(tag)
        if tag == "a":
            self.links.append((dict(attributes)["href"], ""))
        if tag == "tr":
            self.classes.append(dict(attributes)["class"])
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, text: str) -> None:
        if "title" in self._open:
            self.title += text
        if "h1" in self._open:
            self.trail += text
        if "td" in self._open:
            self.cells[-1] += text
        if "a" in self._open:
            href, before = self.links[-1]
            self.links[-1] = (href, before + text)


def row(entry: Entry) -> tuple[list[str], str | None]:
    """The cells of an entry's row, and where its link leads."""
    page = Page(html_listing("{rows}", (), [entry]))
    ((href, _),) = page.links
    assert page.classes == [entry.kind]
    return page.cells, href


def test_a_page_is_its_template_filled_row_by_row() -> None:
    entries = [Entry("b", "folder", None, None), Entry("c.txt", "file", 5, 0)]
    assert list(html_listing(TEMPLATE, ("a",), entries)) == [
        '<title>/a/</title><h1><a href="../">home</a> / <a href="./">a</a></h1><table>',
        '<tr class="folder"><td><a href="./b/">b/</a></td><td></td><td></td></tr>\n',
        '<tr class="file"><td><a href="./c.txt">c.txt</a></td><td>5 B</td>' + FIRST_DAY,
        "</table>",
    ]


def endless() -> Iterator[Entry]:
    while True:
        yield Entry("a", "file", 1, 0)


def test_entries_are_read_one_at_a_time() -> None:
    lines = html_listing(TEMPLATE, (), endless())
    assert [next(lines)[:4] for _ in range(3)] == ["<tit", "<tr ", "<tr "]
    lines = json_listing((), endless())
    assert [next(lines)[:1] for _ in range(3)] == ["{", "\n", ","]


@pytest.mark.parametrize(
    ("path", "title", "links"),
    [
        pytest.param((), "/", [("./", "home")], id="the root"),
        pytest.param(("a",), "/a/", [("../", "home"), ("./", "a")], id="a folder"),
        pytest.param(
            ("a", "b"),
            "/a/b/",
            [("../../", "home"), ("../", "a"), ("./", "b")],
            id="a folder in a folder",
        ),
        pytest.param(
            ("<b>&amp;",),
            "/<b>&amp;/",
            [("../", "home"), ("./", "<b>&amp;")],
            id="a name that looks like html",
        ),
        pytest.param(
            ("{breadcrumb}", "{title}", "{rows}"),
            "/{breadcrumb}/{title}/{rows}/",
            [
                ("../../../", "home"),
                ("../../", "{breadcrumb}"),
                ("../", "{title}"),
                ("./", "{rows}"),
            ],
            id="names that look like the template's own",
        ),
        pytest.param(
            ("caf\udce9",),
            "/caf\ufffd/",
            [("../", "home"), ("./", "caf\ufffd")],
            id="a name that is not UTF-8",
        ),
    ],
)
def test_a_page_says_where_it_is(
    path: tuple[str, ...], title: str, links: list[tuple[str, str]]
) -> None:
    page = Page(html_listing(TEMPLATE, path, []))
    assert page.title == title
    assert page.links == links
    assert page.trail == " / ".join(text for _, text in links)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        pytest.param(None, "", id="no size"),
        pytest.param(0, "0 B", id="nothing"),
        pytest.param(1, "1 B", id="one byte"),
        pytest.param(999, "999 B", id="the most bytes"),
        pytest.param(1000, "1.0 KB", id="a thousand"),
        pytest.param(9_949, "9.9 KB", id="the last with a fraction"),
        pytest.param(9_950, "10 KB", id="the first without a fraction"),
        pytest.param(12_345, "12 KB", id="tens of thousands"),
        pytest.param(999_499, "999 KB", id="the last of its unit"),
        pytest.param(999_500, "1.0 MB", id="what would be a thousand of its unit"),
        pytest.param(1_500_000_000, "1.5 GB", id="a film"),
        pytest.param(2 * 10**12, "2.0 TB", id="a disk"),
        pytest.param(7 * 10**15, "7.0 PB", id="a hall of disks"),
        pytest.param(123 * 10**18, "123000 PB", id="beyond every unit"),
    ],
)
def test_a_size_is_written_for_people(size: int | None, expected: str) -> None:
    cells, _ = row(Entry("a", "file", size, None))
    assert cells == ["a", expected, ""]


@pytest.mark.parametrize(
    ("modified", "expected"),
    [
        pytest.param(None, "", id="unknown"),
        pytest.param(784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT", id="a date"),
        pytest.param(-1, "Wed, 31 Dec 1969 23:59:59 GMT", id="before 1970"),
        pytest.param(-(10**14), "", id="three million years ago"),
        pytest.param(10**14, "", id="three million years ahead"),
    ],
)
def test_a_time_is_a_date_or_left_out(modified: int | None, expected: str) -> None:
    cells, _ = row(Entry("a", "file", 1, modified))
    assert cells == ["a", "1 B", expected]


@pytest.mark.parametrize(
    ("name", "kind", "shown", "href"),
    [
        pytest.param("a.txt", "file", "a.txt", "./a.txt", id="a file"),
        pytest.param("a", "folder", "a/", "./a/", id="a folder"),
        pytest.param("c:d", "file", "c:d", "./c:d", id="a colon is no scheme"),
        pytest.param("javascript:x", "file", "javascript:x", "./javascript:x", id="nor is a word"),
        pytest.param("a?b#c%", "file", "a?b#c%", "./a%3Fb%23c%25", id="marks of a URL"),
        pytest.param("'&'", "file", "'&'", "./'&'", id="marks that stand in a URL and in html"),
        pytest.param('"><b>', "file", '"><b>', "./%22%3E%3Cb%3E", id="marks of html"),
        pytest.param("a&lt;b", "file", "a&lt;b", "./a&lt;b", id="what looks escaped"),
        pytest.param("{rows}", "file", "{rows}", "./%7Brows%7D", id="a part of the template"),
        pytest.param("é", "file", "é", "./%C3%A9", id="a letter beyond ASCII"),
        pytest.param("caf\udce9", "file", "caf\ufffd", "./caf%E9", id="a name that is not UTF-8"),
    ],
)
def test_a_name_is_shown_and_linked(name: str, kind: str, shown: str, href: str) -> None:
    cells, link = row(Entry(name, kind, None, None))
    assert (cells[0], link) == (shown, href)
    listing = json.loads("".join(json_listing((), [Entry(name, kind, None, None)])))
    assert listing["entries"] == [
        {
            "name": shown.removesuffix("/"),
            "href": href,
            "kind": kind,
            "size": None,
            "mtime": None,
        }
    ]


def test_json_has_the_path_and_the_entries() -> None:
    entries = [Entry("b", "folder", None, -(10**14)), Entry("c.txt", "file", 5, 7)]
    assert json.loads("".join(json_listing(("a", "é", "\udcff"), entries))) == {
        "path": "/a/é/\ufffd/",
        "entries": [
            {"name": "b", "href": "./b/", "kind": "folder", "size": None, "mtime": -(10**14)},
            {"name": "c.txt", "href": "./c.txt", "kind": "file", "size": 5, "mtime": 7},
        ],
    }


def test_json_of_an_empty_folder() -> None:
    lines = list(json_listing((), []))
    assert json.loads("".join(lines)) == {"path": "/", "entries": []}
    assert lines[-1].endswith("}\n")


# What follows holds for every folder, and is tried with many.

names = st.binary(min_size=1).map(
    lambda raw: raw.replace(b"/", b"_").decode("utf-8", "surrogateescape")
)
entries_of_a_folder = st.lists(
    st.builds(
        Entry,
        names,
        st.sampled_from(["file", "folder"]),
        st.none() | st.integers(min_value=0),
        st.none() | st.integers(),
    )
)


def readable(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@given(st.lists(names), entries_of_a_folder)
def test_names_are_never_markup(path: list[str], entries: list[Entry]) -> None:
    page = Page(html_listing(TEMPLATE, path, entries))
    assert set(page.tags) <= {"title", "h1", "table", "tr", "td", "a"}
    assert len(page.cells) == 3 * len(entries)
    assert len(page.links) == 1 + len(path) + len(entries)
    for (href, _), entry in zip(page.links[1 + len(path) :], entries, strict=True):
        assert href is not None
        slash = "/" if entry.kind == "folder" else ""
        expected = f"./{entry.name}{slash}".encode("utf-8", "surrogateescape")
        assert unquote_to_bytes(href) == expected


@given(st.lists(names), entries_of_a_folder)
def test_json_holds_every_entry_on_a_line_of_ascii(path: list[str], entries: list[Entry]) -> None:
    text = "".join(json_listing(path, entries))
    listing: dict[str, Any] = json.loads(text)
    assert text.isascii()
    assert len(text.splitlines()) == len(entries) + 2
    assert listing["path"] == "/" + "".join(f"{readable(name)}/" for name in path)
    assert [(e["name"], e["kind"], e["size"], e["mtime"]) for e in listing["entries"]] == [
        (readable(entry.name), *entry[1:]) for entry in entries
    ]
