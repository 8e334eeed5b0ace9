"""The contract of every encoder: inherit it, and say how what was written is read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import count
from typing import Any

import pyarrow
import pytest

from wsgistream.rules.rows import FORMATS, RowEncoder, RowOptions, Unencodable, row_encoder

ROWS = [(number, f"name {number}") for number in range(5000)]


class EncoderContract(ABC):
    name: str

    @abstractmethod
    def read(self, data: bytes) -> list[tuple[Any, Any]]:
        """Read the rows of two columns, a and b, the first a number and the second a text."""

    def encoder(self, **options: Any) -> RowEncoder:
        return row_encoder(self.name, ("a", "b"), RowOptions(**options))

    def write(self, rows: list[tuple[int, str]], **options: Any) -> bytes:
        encoder = self.encoder(**options)
        return b"".join((encoder.begin(), *encoder.feed(rows), encoder.finish()))

    def test_what_is_read_is_what_was_written(self, by: str) -> None:
        assert self.read(self.write(ROWS)) == ROWS

    def test_rows_may_come_in_any_number_of_batches(self, by: str) -> None:
        encoder = self.encoder()
        pieces = [encoder.begin()]
        for start in range(0, len(ROWS), 700):
            pieces += encoder.feed(ROWS[start : start + 700])
            assert encoder.rows == min(start + 700, len(ROWS))
        assert self.read(b"".join((*pieces, encoder.finish()))) == ROWS

    def test_no_rows_are_a_whole_too(self, by: str) -> None:
        assert self.read(self.write([])) == []

    def test_it_says_what_it_writes(self) -> None:
        assert self.encoder().content_type == FORMATS[self.name].content_type

    def test_it_never_gives_an_empty_piece_of_rows(self, by: str) -> None:
        assert all(self.encoder().feed(ROWS))

    def test_endless_rows_are_read_only_as_they_are_written(self, by: str) -> None:
        read: list[int] = []

        def endless() -> Iterator[tuple[int, str]]:
            for number in count():
                read.append(number)
                yield number, "x" * 1000

        encoder = self.encoder(types={"a": "int64", "b": "string"})
        pieces = encoder.feed(endless())
        assert read == []
        for _ in range(3):
            next(pieces)
            # A row group of Parquet is of 8 MiB; a piece of another format, of 128 KiB.
            assert len(read) == encoder.rows

    def test_what_the_rows_raise_is_raised(self, by: str) -> None:
        def failing() -> Iterator[tuple[int, str]]:
            yield from ROWS[:2000]
            raise ConnectionError("the server has gone")

        with pytest.raises(ConnectionError, match="the server has gone"):
            list(self.encoder().feed(failing()))

    @pytest.mark.parametrize(
        "row",
        [
            pytest.param((1,), id="a value is missing"),
            pytest.param((1, "b", 3), id="a value too many"),
            pytest.param((), id="no value at all"),
        ],
    )
    @pytest.mark.parametrize(
        "before", [pytest.param([], id="first"), pytest.param(ROWS, id="later")]
    )
    def test_a_row_that_does_not_fit_the_columns_is_refused(
        self, by: str, before: list[tuple[int, str]], row: tuple[Any, ...]
    ) -> None:
        with pytest.raises(Unencodable, match="A row after the first"):
            list(self.encoder().feed([*before, row]))

    def test_batches_of_arrow_are_written_as_their_rows_are(self, by: str) -> None:
        table = pyarrow.table({"a": [a for a, _ in ROWS], "b": [b for _, b in ROWS]})
        encoder = self.encoder()
        pieces = [encoder.begin(), *encoder.feed_batches(table.to_batches(2000))]
        assert encoder.rows == len(ROWS)
        assert self.read(b"".join((*pieces, encoder.finish()))) == ROWS


class TextContract(EncoderContract):
    """What is written as text comes in pieces as large as is wanted."""

    @pytest.mark.parametrize("size", [65536, 1000])
    def test_pieces_are_about_as_large_as_they_should_be(self, by: str, size: int) -> None:
        rows = [(number, "x" * 90) for number in range(20_000)]
        lengths = [len(piece) for piece in self.encoder(size=size).feed(rows)]
        assert size * 0.75 < sorted(lengths)[len(lengths) // 2] <= max(lengths) < size * 1.25

    def test_the_first_row_is_given_before_the_second_is_read(self, by: str) -> None:
        rows = iter(ROWS)
        next(self.encoder().feed(rows))
        assert next(rows) == ROWS[1]

    def test_rows_that_are_suddenly_large_are_not_gathered(self, by: str) -> None:
        sizes = [10] * 5000 + [100_000] * 1000
        rows = ((1, "x" * size) for size in sizes)
        assert max(map(len, self.encoder().feed(rows))) < 257 * 100_000

    def test_slow_rows_are_given_one_by_one(self, by: str) -> None:
        assert len(list(self.encoder(size=1).feed(ROWS))) == len(ROWS)

    def test_no_row_hangs_on_the_size_of_the_pieces(self, by: str) -> None:
        assert self.write(ROWS, size=1) == self.write(ROWS, size=10**6)

    def test_a_batch_fails_whose_value_has_no_form(self, by: str) -> None:
        moments = pyarrow.array([1], pyarrow.timestamp("ns", "UTC"))
        batch = pyarrow.record_batch({"a": moments, "b": moments})
        with pytest.raises(Unencodable, match="would lose data"):
            list(self.encoder().feed_batches([batch]))

    @pytest.mark.parametrize("columns", ["a", "abc"])
    def test_a_batch_that_does_not_fit_the_columns_is_refused(self, by: str, columns: str) -> None:
        batch = pyarrow.record_batch({column: [1] for column in columns})
        with pytest.raises(Unencodable, match=f"its batch has {len(columns)} columns"):
            list(self.encoder().feed_batches([batch]))
