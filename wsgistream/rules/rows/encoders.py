"""Encoders: one for each format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from wsgistream.rules.rows.delimited import DelimitedEncoder
from wsgistream.rules.rows.formats import DEFAULTS, Format, RowEncoder, RowOptions, check_format
from wsgistream.rules.rows.objects import ArrayEncoder, LinesEncoder
from wsgistream.rules.rows.tables import ArrowEncoder, ParquetEncoder

_MAKERS: Final[dict[str, Callable[[Format, Sequence[str], RowOptions], RowEncoder]]] = {
    "ndjson": LinesEncoder,
    "json": ArrayEncoder,
    "csv": DelimitedEncoder,
    "tsv": DelimitedEncoder,
    "arrow": ArrowEncoder,
    "parquet": ParquetEncoder,
}


def row_encoder(name: str, columns: Sequence[str], options: RowOptions = DEFAULTS) -> RowEncoder:
    """Make what writes one stream of rows with these columns, in the format of this name.

    Raises ValueError for an unknown format, or columns that have no name or not each its own;
    MissingLibrary for a format whose library is not installed.
    """
    kind = check_format(name)
    return _MAKERS[name](kind, check_columns(columns), options)


def check_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """Check that each column has a name, and one of its own, as objects and tables need it."""
    names = tuple(columns)
    if not names or not all(isinstance(name, str) for name in names):
        raise ValueError(f"Columns are at least one name, not {columns!r}.")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"There are two columns {twice!r}; name them apart with AS in the query.")
    return names
