"""SQLite and PostgreSQL give the same answer, where it is said what SQLite's values mean."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import adbc_driver_sqlite.dbapi
import pytest

from tests.databases import PostgreSQL
from tests.sources.rows.test_query import FORM, rows_of
from wsgistream.export import export
from wsgistream.rules.rows import FORMATS
from wsgistream.sources.rows.query import Query

DOCUMENT = Path(__file__).parents[3] / "docs" / "rows.md"
BOTH = {"id": "int", "value": "bool", "no such column": "uuid"}


def documented() -> list[Any]:
    """Read the table of the documentation."""
    text = DOCUMENT.read_text()
    table = text[text.index("| In PostgreSQL |") :].split("\n\n")[0]
    rows = [line.split("|")[1:-1] for line in table.splitlines()[2:]]
    return [
        pytest.param(*(cell.strip(" `") for cell in row), id=f"{row[0]} {row[3]}".strip())
        for row in rows
    ]


def stored(path: Path, column: str, value: str) -> str:
    """Make a file with a value in it, and behind it none."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE t (id INTEGER PRIMARY KEY, value {column})")
        connection.execute(f"INSERT INTO t (value) VALUES ({value}), (NULL)")
    return f"sqlite:///{path}"


@pytest.mark.parametrize(("meant", "column", "value", "kind", "as_json"), documented())
def test_both_databases_give_the_same_bytes(
    meant: str,
    column: str,
    value: str,
    kind: str,
    as_json: str,
    postgresql: PostgreSQL,
    tmp_path: Path,
) -> None:
    url = stored(tmp_path / "one.db", column, value)
    kinds = {"value": kind} if kind else {}
    in_utc = f"{postgresql.url}?options=-c%20TimeZone%3DUTC"
    both = f"SELECT 1 AS id, {meant} AS value UNION ALL SELECT 2, NULL ORDER BY id"
    for name in FORMATS:
        ours = b"".join(export(url, "SELECT * FROM t ORDER BY id", name, kinds=kinds))
        assert ours == b"".join(export(in_utc, both, name, kinds=kinds)), name
    lines = b"".join(export(url, "SELECT * FROM t", kinds=kinds))
    assert lines == f'{{"id":1,"value":{as_json}}}\n{{"id":2,"value":null}}\n'.encode()


def test_kinds_are_of_columns_wherever_they_are(tmp_path: Path) -> None:
    url = stored(tmp_path / "one.db", "INTEGER", "1")
    asked = "SELECT id, value, value AS other FROM t"
    assert rows_of(Query(url, asked, kinds=BOTH)) == [(1, True, 1), (2, None, None)]
    assert rows_of(Query(url, asked, kinds=BOTH, columns=["value"])) == [(True,), (None,)]
    assert rows_of(Query(url, asked, kinds=BOTH, limit=1)) == [(1, True, 1)]
    assert rows_of(Query(url, asked, kinds=BOTH, key="id", batch=1, after=1)) == [(2, None, None)]
    assert rows_of(Query(url, "SELECT 1 AS one", kinds=BOTH)) == [(1,)]


def test_record_batches_become_rows_for_them(tmp_path: Path) -> None:
    path = tmp_path / "one.db"
    stored(path, "INTEGER", "1")
    query = Query(
        lambda: adbc_driver_sqlite.dbapi.connect(f"file:{path}"), "SELECT * FROM t", kinds=BOTH
    )
    assert rows_of(query) == [(1, True), (2, None)]


@pytest.mark.parametrize("options", [{}, {"key": "id"}])
def test_postgresql_is_left_as_it_is(options: dict[str, Any], postgresql: PostgreSQL) -> None:
    statement = """SELECT 1 AS id, '"[1]"'::jsonb AS value"""
    query = Query(postgresql.url, statement, kinds={"value": "json"}, **options)
    assert rows_of(query) == [(1, "[1]")]
    assert json.loads(b"".join(export(postgresql.url, statement)))["value"] == "[1]"


def test_a_value_that_is_none_of_its_kind_fails(tmp_path: Path) -> None:
    url = stored(tmp_path / "one.db", "TEXT", "'many'")
    with (
        pytest.raises(ValueError, match="column 'value' has 'many', which is no int"),
        Query(url, "SELECT * FROM t", kinds={"value": "int"}).open(FORM) as table,
    ):
        list(table.rows)


def test_there_is_no_other_kind() -> None:
    with pytest.raises(ValueError, match=r"one of text, int, .* or decimal\(2\), not 'money'"):
        Query("sqlite:///x", "SELECT 1", kinds={"a": "money"})
