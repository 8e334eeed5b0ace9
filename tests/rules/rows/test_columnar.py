"""Columnar: a record batch is the text that its rows would be."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pyarrow
import pyarrow.csv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.rows.written import TEXTS, written
from wsgistream.rules.rows import RowOptions, Unencodable, row_encoder

COLUMNS = {
    "int8": st.integers(-128, 127),
    "uint64": st.integers(0, 2**64 - 1),
    "float64": st.floats(),
    "float32": st.floats(width=32),
    "bool_": st.booleans(),
    "string": TEXTS | st.sampled_from(["", '"', ",", "\n", "\r", "null", "a,b", "'"]),
    "large_string": TEXTS,
    "binary": st.binary(),
    "date32": st.dates(),
}


def by_batches(batches: list[Any], columns: str, **options: Any) -> bytes:
    encoder = row_encoder("csv", columns, RowOptions(**options))
    return b"".join((encoder.begin(), *encoder.feed_batches(batches), encoder.finish()))


@st.composite
def tables(draw: st.DrawFn) -> Any:
    count = draw(st.integers(0, 8))
    kinds = draw(st.lists(st.sampled_from(list(COLUMNS)), min_size=1, max_size=4))
    return pyarrow.table(
        [
            pyarrow.array(
                draw(st.lists(st.none() | COLUMNS[kind], min_size=count, max_size=count)),
                getattr(pyarrow, kind)(),
            )
            for kind in kinds
        ],
        names=list("abcd"[: len(kinds)]),
    )


@given(
    tables(),
    st.sampled_from(",;|\t^]"),
    st.sampled_from("\"'"),
    st.sampled_from(["\r\n", "\n"]),
    st.booleans(),
)
def test_a_batch_is_written_as_its_rows_are(
    table: Any, delimiter: str, quote: str, newline: str, guard: bool
) -> None:
    options = {"delimiter": delimiter, "quote": quote, "newline": newline, "guard": guard}
    columns = "".join(table.column_names)
    rows = [tuple(row.values()) for row in table.to_pylist()]
    found = by_batches(table.to_batches(3), columns, **options)
    assert found == written("csv", rows, columns, **options)


def test_what_arrow_writes_in_another_way_is_written_in_ours() -> None:
    batch = pyarrow.record_batch(
        {
            "a": [1.0, 1e16],
            "b": [datetime(2024, 2, 29, tzinfo=timezone.utc), None],
            "c": [Decimal("1.10"), None],
            "d": [[1, 2], None],
        }
    )
    assert by_batches([batch], "abcd", header=False) == (
        b'1.0,2024-02-29T00:00:00Z,1.10,"[1,2]"\r\n1e16,,,\r\n'
    )


def test_a_slice_of_a_batch_is_nothing_but_its_rows() -> None:
    batch = pyarrow.record_batch({"a": list(range(10)), "b": ["x"] * 10})
    assert by_batches([batch.slice(3, 2)], "ab", header=False) == b"3,x\r\n4,x\r\n"


def test_large_batches_are_written_in_parts() -> None:
    batch = pyarrow.record_batch({"a": ["x" * 99] * 100_000})
    lengths = [len(piece) for piece in row_encoder("csv", "a").feed_batches([batch])]
    assert sum(lengths) == 101 * 100_000
    assert max(lengths) < 600_000


def test_text_that_is_no_unicode_is_refused() -> None:
    text = pyarrow.array([b"\xff"]).view(pyarrow.string())
    batch = pyarrow.record_batch({"a": text})
    with pytest.raises(Unencodable, match="UTF8"):
        by_batches([batch], "a")


needs_newlines = pytest.mark.skipif(
    not hasattr(pyarrow.csv.WriteOptions, "eol"), reason="this pyarrow has but one newline"
)


@needs_newlines
def test_arrow_writes_a_batch_in_its_own_words_if_it_may() -> None:
    batch = pyarrow.record_batch({"a": [1.0, 0.5], "b": ["x", None], "c": ["", '"'], "d": [1, 2]})
    assert by_batches([batch], "abcd", by_arrow=True) == (
        b'a,b,c,d\r\n1,"x","",1\r\n0.5,,"""",2\r\n'
    )
    assert by_batches(
        [batch], "abcd", by_arrow=True, header=False, newline="\n", delimiter=";"
    ) == (b'1;"x";"";1\n0.5;;"""";2\n')


@pytest.mark.parametrize(
    ("columns", "options"),
    [
        pytest.param({"a": ["x", None]}, {}, id="a line could be empty"),
        pytest.param({"a": [b"x"], "b": ["y"]}, {}, id="bytes"),
        pytest.param({"a": [[1, 2]], "b": ["y"]}, {}, id="lists"),
        pytest.param({"a": ["x"], "b": ["y"]}, {"quote": "'"}, id="other quotes"),
        pytest.param({"a": ["=x"], "b": ["y"]}, {"guard": True}, id="no formulas"),
    ],
)
def test_what_arrow_has_no_words_for_is_written_in_ours(
    columns: dict[str, list[Any]], options: dict[str, Any]
) -> None:
    batch, names = pyarrow.record_batch(columns), "".join(columns)
    ours = by_batches([batch], names, **options)
    assert by_batches([batch], names, by_arrow=True, **options) == ours


def test_an_older_arrow_has_but_one_newline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyarrow.csv.WriteOptions", object)
    batch = pyarrow.record_batch({"a": ["x"], "b": [1]})
    assert by_batches([batch], "ab", by_arrow=True, header=False) == b"x,1\r\n"


def test_arrow_too_refuses_text_that_is_no_unicode() -> None:
    text = pyarrow.array([b"\xff"]).view(pyarrow.string())
    batch = pyarrow.record_batch({"a": text, "b": [1]})
    with pytest.raises(Unencodable, match="UTF8"):
        by_batches([batch], "ab", by_arrow=True)
