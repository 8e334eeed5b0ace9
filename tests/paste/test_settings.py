"""The texts of a configuration as the options of a callable."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.paste.settings import kind_of, options_of, read_settings
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


def everything(
    app: object,
    needed: int,
    *,
    switch: bool = False,
    rate: float = 1,
    size: int | None = None,
    choice: Literal["first", "second"] = "first",
    names: Sequence[int] = (),
    headers: Iterable[Header] = (),
    users: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.time,
    path: Path = "",
    **others: Any,
) -> None:
    """Has an option of each kind."""


def read(**texts: str) -> dict[str, Any]:
    options = options_of(everything)
    del options["app"]
    return read_settings("everything", options, {"needed": "1", **texts})


def test_only_what_is_set_is_given() -> None:
    assert read() == {"needed": 1}
    assert read(rate="2", path="x") == {"needed": 1, "rate": 2.0, "path": "x"}


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        pytest.param({"needed": "x"}, "needed of everything is a whole number, ", id="a number"),
        pytest.param({"needed": "1.5"}, "or a size such as 512K or 2M, not '1.5'", id="a half"),
        pytest.param({"needed": ""}, "2M, not ''", id="an empty number"),
        pytest.param({"switch": "maybe"}, "everything is 1 or 0, not 'maybe'", id="a switch"),
        pytest.param({"rate": "fast"}, "rate of everything is a number, or a size", id="a rate"),
        pytest.param({"rate": "inf"}, "2M, not 'inf'", id="an endless rate"),
        pytest.param({"size": "x"}, "size of everything is a whole number, or", id="a size"),
        pytest.param({"size": "0K"}, "not '0K'", id="a size of nothing"),
        pytest.param({"choice": "third"}, "is first or second, not 'third'", id="a choice"),
        pytest.param({"names": "1 x"}, "2M, or several, not '1 x'", id="one of several"),
        pytest.param(
            {"headers": "A"}, "is a line of NAME: VALUE, or several, not 'A'", id="header"
        ),
        pytest.param(
            {"users": "a = b"},
            "is lines of NAME = VALUE below its name, not 'a = b'",
            id="a line that is not below its name",
        ),
        pytest.param({"users": "\na"}, r"below its name, not '\\na'", id="a line without a sign"),
        pytest.param({"clock": "time"}, "is package.module:name, not 'time'", id="a module"),
        pytest.param(
            {"clock": "a..b:c"}, "is package.module:name, not 'a..b:c'", id="no name of a module"
        ),
        pytest.param(
            {"clock": "time:now"},
            "clock of everything cannot be imported: module 'time' has no attribute 'now'.",
            id="no such object",
        ),
        pytest.param(
            {"clock": "no_such:name"},
            "clock of everything cannot be imported: No module named 'no_such'.",
            id="no such module",
        ),
        pytest.param(
            {"sizes": "1", "app": "x"},
            "There is no setting app, sizes of everything; there are needed, switch, rate, size, ",
            id="names that there are none of",
        ),
        pytest.param(
            {"others": "1"}, "There is no setting others of everything;", id="what is open"
        ),
    ],
)
def test_what_cannot_be_read_is_a_sentence_with_its_name(
    texts: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence) as refused:
        read(**texts)
    assert str(refused.value).endswith(".")


def test_what_is_needed_is_asked_for() -> None:
    options = options_of(everything)
    del options["app"]
    with pytest.raises(ValueError, match=r"^everything needs the setting needed\.$"):
        read_settings("everything", options, {"rate": "1"})


def test_what_is_only_there_for_a_type_checker_is_imported() -> None:
    def target(*, path: str, registry: Unknown | None = None, words: list[Unseen] = []) -> None:  # type: ignore[name-defined]  # noqa: B006, F821
        """Names what its module does not import."""

    texts = {"path": "a", "registry": "sys:path", "words": "sys:argv"}
    found = read_settings("target", options_of(target), texts)
    assert found == {"path": "a", "registry": sys.path, "words": [sys.argv]}


def test_who_has_no_settings_says_so() -> None:
    with pytest.raises(ValueError, match=r"^There is no setting a of it; there are none\.$"):
        read_settings("it", {}, {"a": "1"})


def test_what_a_module_does_as_it_is_imported_is_its_own(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_module.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ZeroDivisionError):
        read(clock="broken_module:name")


@pytest.mark.parametrize("name", [name for name in options_of(everything) if name != "app"])
@given(text=st.text() | st.from_regex(r"[\n a:=.0-9KiB-]{1,9}", fullmatch=True))
def test_any_text_is_a_value_or_one_sentence(name: str, text: str) -> None:
    try:
        found, fault = read(**{name: text}), ""
    except ValueError as error:
        found, fault = None, str(error)
    assert (found is None) == fault.startswith(f"{name} of everything ")
