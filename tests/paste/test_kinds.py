"""What the text of a setting may be, by the annotation of its option."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Union

import pytest

from wsgistream.paste.kinds import kind_of
from wsgistream.types import Header, WSGIApp

Path = str | os.PathLike[str]


@pytest.mark.parametrize(
    ("annotation", "text", "expected"),
    [
        pytest.param(bool, "Yes", True, id="a switch that is on"),
        pytest.param(bool, "off", False, id="a switch that is off"),
        pytest.param(int, "0", 0, id="a whole number"),
        pytest.param(int, "-5", -5, id="a negative number"),
        pytest.param(int, "512 KiB", 512 * 1024, id="a size"),
        pytest.param(float, "1.5", 1.5, id="a number"),
        pytest.param(float, "-1e-3", -0.001, id="a small number below zero"),
        pytest.param(float | None, "2M", 2 * 1024**2, id="a rate"),
        pytest.param(str, "", "", id="an empty text"),
        pytest.param(bytes, "ü", b"\xc3\xbc", id="bytes"),
        pytest.param(Path, "/a=b c", "/a=b c", id="a path"),
        pytest.param(os.PathLike[str], "/a", "/a", id="a path alone"),
        pytest.param(str | None, "", None, id="nothing"),
        pytest.param(Union[int, None], "2M", 2 * 1024**2, id="a size or none"),  # noqa: UP007
        pytest.param(int | float, "1.5", 1.5, id="a number that need not be whole"),
        pytest.param(int | str, "auto", "auto", id="a number or a word: a word"),
        pytest.param(int | str, "4", 4, id="a number or a word: a number"),
        pytest.param(Literal["a", 2], "2", 2, id="one of some"),
        pytest.param(Sequence[str], "a.html b.html", ("a.html", "b.html"), id="words"),
        pytest.param(Sequence[str], "\na b\n\n  c", ("a b", "c"), id="lines"),
        pytest.param(Sequence[str], "", (), id="no words"),
        pytest.param(list[int], "1 2", [1, 2], id="a list of numbers"),
        pytest.param(frozenset[str], "a b", frozenset("ab"), id="a set"),
        pytest.param(tuple[str, ...], "a b", ("a", "b"), id="a tuple"),
        pytest.param(str | Iterable[str], "a b", ("a", "b"), id="a word or several"),
        pytest.param(Iterable[Header], "A: b c", (("A", "b c"),), id="a header"),
        pytest.param(
            Iterable[Header], "\nA: b\nC: d: e", (("A", "b"), ("C", "d: e")), id="headers"
        ),
        pytest.param(
            Mapping[str, bytes], "\na = b=\nc=d", {"a": b"b=", "c": b"d"}, id="names and values"
        ),
        pytest.param(dict[str, int], "", {}, id="no names"),
        pytest.param(Path | Mapping[str, str], "/a = b", "/a = b", id="a path, not a mapping"),
        pytest.param(
            Path | Mapping[str, str], "\na = b", {"a": "b"}, id="a mapping, and not a path"
        ),
        pytest.param(Callable[[], float], "time:monotonic", time.monotonic, id="a callable"),
        pytest.param(bool | Callable[[str], bool], "no", False, id="a switch, not a callable"),
        pytest.param(WSGIApp | str | None, "404.html", "404.html", id="a name, not a callable"),
        pytest.param(Any, "os:path.join", os.path.join, id="an object of any kind"),
        pytest.param(time.struct_time, "sys:flags", sys.flags, id="of a class"),
    ],
)
def test_a_text_is_read_as_its_annotation_says(
    annotation: Any, text: str, expected: object
) -> None:
    found = kind_of(annotation).read(text)
    assert (found, type(found)) == (expected, type(expected))
