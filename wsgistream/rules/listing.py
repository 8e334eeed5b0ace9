"""Listing: a folder's entries as a page and as JSON, entry by entry."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Final

from wsgistream.rules.fields import format_http_date
from wsgistream.rules.paths import quote_name
from wsgistream.types import Entry

_UNITS: Final = ("KB", "MB", "GB", "TB", "PB")

_BLANK: Final = re.compile(r"\{(title|script|breadcrumb)\}")


def html_listing(
    template: str, path: Sequence[str], entries: Iterable[Entry], *, script: str | None = None
) -> Iterator[str]:
    """Fill ``template`` (``{title}``, ``{script}``, ``{breadcrumb}``, ``{rows}``) row by row.

    ``script``: where it is, from the root of the folders; None: there is none.
    """
    title = escape(_readable(_joined(path)))
    head, _, tail = template.partition("{rows}")
    # In one pass, so that a folder named "{breadcrumb}" is no more than a name.
    filling = {"title": title, "script": _script(path, script), "breadcrumb": _breadcrumb(path)}
    yield _BLANK.sub(lambda match: filling[match[1]], head)
    for entry in entries:
        yield _row(entry)
    yield tail


def json_listing(path: Sequence[str], entries: Iterable[Entry]) -> Iterator[str]:
    """Write ``{"path": …, "entries": [{name, href, kind, size, mtime}, …]}``, entry by entry.

    ``href`` is exact where ``name`` cannot be; ``size`` is in bytes, ``mtime`` in seconds.
    """
    yield f'{{"path": {json.dumps(_readable(_joined(path)))}, "entries": ['
    separator = "\n"
    for entry in entries:
        fields = {
            "name": _readable(entry.name),
            "href": _href(entry),
            "kind": entry.kind,
            "size": entry.size,
            "mtime": entry.modified,
        }
        yield separator + json.dumps(fields)
        separator = ",\n"
    yield "\n]}\n"


def _joined(path: Sequence[str]) -> str:
    return "/" + "".join(f"{name}/" for name in path)


def _script(path: Sequence[str], script: str | None) -> str:
    # A file of its own, as a content security policy may ask for.
    return "" if script is None else f'<script src="{"../" * len(path)}{script}" defer></script>'


def _breadcrumb(path: Sequence[str]) -> str:
    names = ["home", *path]
    links = []
    for depth, name in enumerate(names):
        up = "../" * (len(path) - depth) or "./"
        links.append(f'<a href="{up}">{escape(_readable(name))}</a>')
    return " / ".join(links)


def _row(entry: Entry) -> str:
    name = _readable(entry.name) + ("/" if entry.kind == "folder" else "")
    return (
        f'<tr class="{entry.kind}"><td><a href="{escape(_href(entry))}">{escape(name)}</a></td>'
        f"<td>{'' if entry.size is None else _human(entry.size)}</td>"
        f"<td>{'' if entry.modified is None else _date(entry.modified)}</td></tr>\n"
    )


def _href(entry: Entry) -> str:
    # "./" keeps a colon in the name from being taken for the end of a scheme (RFC 3986 §4.2).
    return f"./{quote_name(entry.name)}{'/' if entry.kind == 'folder' else ''}"


def _readable(name: str) -> str:
    """Show the bytes of a name that are not UTF-8 as the replacement character."""
    return os.fsencode(name).decode("utf-8", "replace")


def _date(seconds: int) -> str:
    try:
        return format_http_date(seconds)
    except OverflowError:  # a file system can hold times that no calendar has
        return ""


def _human(size: int) -> str:
    if size < 1000:
        return f"{size} B"
    amount, unit = size / 1000, 0
    while amount >= 999.5 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    written = f"{amount:.1f}" if amount < 9.95 else f"{amount:.0f}"
    return f"{written} {_UNITS[unit]}"
