"""Listing: a folder's entries as a page and as JSON, entry by entry."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from wsgistream.rules.fields import format_http_date
from wsgistream.rules.paths import quote_name
from wsgistream.types import Entry

_UNITS = ("KB", "MB", "GB", "TB", "PB")


def html_listing(template: str, path: Sequence[str], entries: Iterable[Entry]) -> Iterator[str]:
    """Fill ``template`` (``{title}``, ``{breadcrumb}``, ``{rows}``) row by row."""
    title = escape(_readable("/" + "".join(f"{name}/" for name in path)))
    head, _, tail = template.partition("{rows}")
    yield head.replace("{title}", title).replace("{breadcrumb}", _breadcrumb(path))
    for entry in entries:
        yield _row(entry)
    yield tail


def json_listing(path: Sequence[str], entries: Iterable[Entry]) -> Iterator[str]:
    """Write ``{"path": …, "entries": [{name, href, kind, size, modified}, …]}``, entry by entry."""
    yield f'{{"path": {json.dumps(_readable("/" + "".join(f"{n}/" for n in path)))}, "entries": ['
    separator = "\n"
    for entry in entries:
        fields = {**entry._asdict(), "name": _readable(entry.name), "href": _href(entry)}
        yield separator + json.dumps(fields)
        separator = ",\n"
    yield "\n]}\n"


def _breadcrumb(path: Sequence[str]) -> str:
    names = ["home", *path]
    links = []
    for depth, name in enumerate(names):
        up = "../" * (len(path) - depth) or "./"
        links.append(f'<a href="{up}">{escape(_readable(name))}</a>')
    return " / ".join(links)


def _row(entry: Entry) -> str:
    name = _readable(entry.name) + ("/" if entry.kind == "folder" else "")
    modified = "" if entry.modified is None else format_http_date(entry.modified)
    return (
        f'<tr class="{entry.kind}"><td><a href="{escape(_href(entry))}">{escape(name)}</a></td>'
        f"<td>{'' if entry.size is None else _human(entry.size)}</td><td>{modified}</td></tr>\n"
    )


def _href(entry: Entry) -> str:
    # "./" keeps a colon in the name from being taken for the end of a scheme (RFC 3986 §4.2).
    return f"./{quote_name(entry.name)}{'/' if entry.kind == 'folder' else ''}"


def _readable(name: str) -> str:
    """Show the bytes of a name that are not UTF-8 as the replacement character."""
    return os.fsencode(name).decode("utf-8", "replace")


def _human(size: int) -> str:
    if size < 1000:
        return f"{size} B"
    amount = float(size)
    for unit in _UNITS:
        amount /= 1000
        if amount < 999.5 or unit == _UNITS[-1]:
            break
    return f"{amount:.1f} {unit}" if amount < 9.95 else f"{amount:.0f} {unit}"
