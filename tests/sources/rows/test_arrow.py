"""Record batches: from a database, from a cursor, and from whatever else speaks Arrow."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import adbc_driver_duckdb.dbapi
import adbc_driver_sqlite.dbapi
import duckdb
import pyarrow
import pyarrow.parquet
import pytest

from tests.client import ask
from tests.databases import ROWS
from wsgistream import Query, RowsResponse
from wsgistream.rules.rows import RowOptions
from wsgistream.sources.rows import arrow
from wsgistream.sources.rows.asking import Form
from wsgistream.sources.rows.failures import NoSuchColumn


def adbc(shop: Path) -> Any:
    return adbc_driver_sqlite.dbapi.connect(f"file:{shop}?mode=ro")


def read(body: bytes) -> pyarrow.Table:
    with pyarrow.ipc.open_stream(body) as stream:
        return stream.read_all()


@pytest.fixture(params=["SQLite", "DuckDB"])
def connect(request: pytest.FixtureRequest, shop: Path, tmp_path: Path) -> Any:
    if request.param == "SQLite":
        return lambda: adbc(shop)
    path = str(tmp_path / "shop.duckdb")
    with duckdb.connect(path) as database, closing(adbc(shop)) as connection:
        with closing(connection.cursor()) as cursor:
            cursor.execute("SELECT id, product FROM orders ORDER BY id")
            database.register("found", cursor.fetch_arrow_table())
        database.execute("CREATE TABLE orders AS SELECT * FROM found")
    return lambda: adbc_driver_duckdb.dbapi.connect(path)


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_a_database_of_batches_is_sent(connect: Any, name: str) -> None:
    query = Query(connect, "SELECT id, product FROM orders WHERE id > :n ORDER BY id", {"n": 10})
    body = ask(RowsResponse(query, format=name)).body
    table = (
        read(body) if name == "arrow" else pyarrow.parquet.read_table(pyarrow.BufferReader(body))
    )
    assert table.column("id").to_pylist() == list(range(11, ROWS + 1))
    assert table.column_names == ["id", "product"]


def test_batches_become_text(connect: Any) -> None:
    query = Query(connect, "SELECT id, product FROM orders ORDER BY id", limit=2)
    assert ask(RowsResponse(query)).body == (
        b'{"id":1,"product":"coffee"}\n{"id":2,"product":"screws, 4 mm"}\n'
    )


@pytest.mark.parametrize("limit", [0, 1, ROWS - 1, ROWS, ROWS + 1, None])
def test_columns_and_rows_of_batches_are_chosen(connect: Any, limit: int | None) -> None:
    query = Query(connect, "SELECT id, product FROM orders", columns=["product"], limit=limit)
    table = read(ask(RowsResponse(query, format="arrow")).body)
    assert table.column_names == ["product"]
    assert table.num_rows == min(ROWS, ROWS if limit is None else limit)


def test_a_column_that_no_batch_has_is_told(connect: Any) -> None:
    query = Query(connect, "SELECT id FROM orders", columns=["x"])
    with pytest.raises(NoSuchColumn), query.open(Form("arrow", RowOptions())):
        pass


def test_batches_by_a_key(connect: Any) -> None:
    query = Query(connect, "SELECT product, id FROM orders", key="id", batch=300, after=1000)
    table = read(ask(RowsResponse(query, format="arrow")).body)
    assert table.column("id").to_pylist() == list(range(1001, ROWS + 1))


TABLE = pyarrow.table({"a": [1, 2], "b": ["x", None]})
LINES = b'{"a":1,"b":"x"}\n{"a":2,"b":null}\n'


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: TABLE, id="a table"),
        pytest.param(TABLE.to_reader, id="a reader"),
        pytest.param(
            lambda: duckdb.sql("SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, NULL"), id="a"
        ),
    ],
)
def test_whatever_speaks_arrow_is_sent(make: Any) -> None:
    assert ask(RowsResponse(make())).body == LINES


def test_a_cursor_of_batches_is_sent_and_closed(shop: Path) -> None:
    with closing(adbc(shop)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT id FROM orders WHERE id < 3")
        assert ask(RowsResponse(cursor)).body == b'{"id":1}\n{"id":2}\n'
        with pytest.raises(Exception, match=r"closed|INVALID_STATE"):
            cursor.execute("SELECT 1")


# In some versions the cursor of DuckDB cannot be read past its last row.
@pytest.mark.parametrize("connect", ["SQLite"], indirect=True)
def test_without_pyarrow_they_are_rows(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow, "find_spec", lambda name: None)
    query = Query(connect, "SELECT id FROM orders WHERE id < 3 ORDER BY id")
    assert ask(RowsResponse(query)).body == b'{"id":1}\n{"id":2}\n'
