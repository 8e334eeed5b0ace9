"""Learning: what a column was found to be, it stays."""

from __future__ import annotations

from datetime import date, datetime, time, timezone
from typing import Any

import pyarrow
import pytest

from wsgistream.rules.rows import Unencodable
from wsgistream.rules.rows.learning import check_kinds, kinds_of, learn


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([], set(), id="nothing at all"),
        pytest.param([None], set(), id="nothing"),
        pytest.param([1, True, None], {int, bool}, id="a number is not what is true"),
        pytest.param(
            [datetime(2024, 1, 1), date(2024, 1, 1)],
            {(datetime, False), date},
            id="a moment is no day",
        ),
        pytest.param(
            [time(1), time(1, tzinfo=timezone.utc)],
            {(time, False), (time, True)},
            id="times with a zone and without",
        ),
        pytest.param([[1, None], (2,)], {(list, int)}, id="arrays are what is in them"),
        pytest.param([[]], set(), id="an array of nothing is of no kind"),
        pytest.param([{"a": 1}], {dict}, id="an object"),
    ],
)
def test_values_are_of_kinds(values: list[Any], expected: set[Any]) -> None:
    assert kinds_of(values) == expected


@pytest.mark.parametrize(
    ("value", "name"),
    [(0.5, "float"), (datetime(2024, 1, 1), "datetime"), ([1], "list")],
)
def test_what_does_not_fit_is_named(value: Any, name: str) -> None:
    column = learn(pyarrow, [1, None])
    check_kinds("a", column, [2, None])
    match = f"the column 'a' was int64 in the first rows, and now has {name}: name its type"
    with pytest.raises(Unencodable, match=match):
        check_kinds("a", column, [value])
