"""Arrow: rows as record batches, which never become values of Python where they need not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from wsgistream.sources.rows.asking import Question, Table

# Bytes, about, where the driver's own 16 MiB would be held twice, and keep the first rows waiting.
_BATCH: Final = str(256 * 1024)


def prepare(connection: Any, cursor: Any) -> str | None:
    """Have ADBC make batches of PostgreSQL's rows as small as of others'; gives its paramstyle.

    None: it is not that driver, which says that it has another one.
    """
    if not hasattr(cursor, "adbc_statement"):
        return None
    if connection.adbc_get_info().get("vendor_name") != "PostgreSQL":
        return None
    cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": _BATCH})
    return "numeric_dollar"


def table_of(rows: Any) -> Table | None:
    """Read what has record batches: a cursor of ADBC, a reader, whatever else speaks Arrow.

    None: it has none, or pyarrow is not installed.
    """
    if find_spec("pyarrow") is None:
        return None
    if hasattr(rows, "adbc_statement"):
        reader = rows.fetch_record_batch()
    elif hasattr(rows, "__arrow_c_stream__"):
        reader = import_module("pyarrow").RecordBatchReader.from_stream(rows)
    else:
        return None
    return Table(reader.schema.names, batches=reader)


def cut(table: Table, batches: Iterable[Any], question: Question) -> Table:
    """Take some columns and so many rows of record batches; raises NoSuchColumn."""
    names = [table.columns[place] for place in question.places(table.columns)]
    return Table(names, batches=_cut(batches, names, question.limit))


def _cut(batches: Iterable[Any], names: Sequence[str], limit: int | None) -> Iterator[Any]:
    left = limit
    for batch in batches:
        if left == 0:
            return
        some = batch.select(names).slice(0, left)
        left = None if left is None else left - some.num_rows
        yield some
