"""The texts of a configuration as the options of a callable."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgistream.paste.settings import options_of, read_settings
from wsgistream.types import Header

Path = str | os.PathLike[str]


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
