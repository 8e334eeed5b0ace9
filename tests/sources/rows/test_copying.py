"""What PostgreSQL writes itself is what our encoders write, to the byte."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from typing import Any

import pytest
import sqlalchemy

from tests.databases import ROWS, PostgreSQL
from wsgistream.rules.rows import RowOptions
from wsgistream.sources.rows import copying
from wsgistream.sources.rows import postgresql as psycopg_rows
from wsgistream.sources.rows.asking import Form
from wsgistream.sources.rows.failures import NoSuchColumn
from wsgistream.sources.rows.query import Query
from wsgistream.sources.rows.writing import Writing

FORMS = [
    pytest.param(Form("ndjson", RowOptions()), id="NDJSON"),
    pytest.param(Form("ndjson", RowOptions(complete=True, size=1000)), id="NDJSON with an end"),
    pytest.param(Form("csv", RowOptions()), id="CSV"),
    pytest.param(Form("csv", RowOptions(newline="\n", delimiter="|", bom=True)), id="CSV its way"),
    pytest.param(Form("csv", RowOptions(delimiter="\\")), id="CSV with a backslash"),
    pytest.param(Form("csv", RowOptions(delimiter="%")), id="CSV with a percent sign"),
    pytest.param(Form("csv", RowOptions(header=False, size=1)), id="CSV without a header"),
    pytest.param(Form("tsv", RowOptions()), id="TSV"),
]


@pytest.fixture(autouse=True)
def no_msgspec(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is installed, no line of JSON is copied by itself."""
    monkeypatch.setattr(copying, "find_spec", lambda name: None)


def written(connect: Any, statement: str, form: Form, lane: str | None, **options: Any) -> bytes:
    with closing(Writing(Query(connect, statement, lane=lane, **options), form)) as writing:
        return b"".join(writing)


def is_copied(connect: Any, statement: str, form: Form, **options: Any) -> bool:
    """Tell whether it is chosen by itself."""
    with Query(connect, statement, **options).open(form) as table:
        return table.lines is not None


# Of each type, what is written in more than one way.
VALUES = {
    "int8": "SELECT unnest(ARRAY[0, -1, 9223372036854775807, -9223372036854775808]::int8[])",
    "int2": "SELECT unnest(ARRAY[0, -1, 32767, NULL]::int2[])",
    "bool": "SELECT unnest(ARRAY[true, false, NULL])",
    "float8": """SELECT unnest(ARRAY['0', '-0', '1', '-1', '0.1', '1.5', '100', '1e14', '1e15',
        '1.5e15', '1234567890123456', '1234567890123456.7', '9999999999999998', '1e16', '1.5e16',
        '1e20', '1e22', '1.25e100', '1.7976931348623157e308', '5e-324', '1e-3', '0.0001',
        '0.00012345', '1e-5', '-1.5e-5', '1.2345e-5', '1e-6', '1.5e-07', '1e-10', '1e-100',
        'NaN', 'Infinity', '-Infinity', NULL]::float8[])""",
    "float8 of any size": """SELECT (random() - 0.5) * 10 ^ (n % 45 - 30)
        FROM (SELECT setseed(0.5)) AS s, generate_series(1, 3000) AS n""",
    "float8 of any bits": """SELECT (n * 48271 % 2147483647)::float8 / (n * 16807 % 65537 + 1)
        * 10 ^ (n % 20 - 15) FROM generate_series(1::int8, 3000) AS n""",
    "float4": """SELECT unnest(ARRAY['0', '1', '1.1', '100000', '1e6', '1234567', '1e15', '1e16',
        '3.4e38', '1e-4', '1e-5', '1.5e-5', '1e-6', 'NaN', NULL]::float4[])""",
    "text": r"""SELECT unnest(ARRAY['', 'a', ' a ', 'a,b', 'a"b', E'a\nb', E'a\rb', E'a\tb', 'a|b',
        E'\\.', '日本茶 😀', E'\b\f\x01\x1f\x7f', '</script>', '\u2028', 'a\b/c', NULL, '=1+1'])""",
    "char": "SELECT unnest(ARRAY['a', 'b  ', NULL]::char(3)[])",
    "date": "SELECT unnest(ARRAY['2024-02-29', '0001-01-01', '9999-12-31', NULL]::date[])",
    "timestamp": """SELECT unnest(ARRAY['2024-02-29 23:59:59.999999', '2024-01-01', '0001-01-01',
        '2024-01-01 00:00:00.1', '2024-01-01 00:00:00.000001', '9999-12-31', NULL]::timestamp[])""",
    "timestamptz": """SELECT unnest(ARRAY['2024-02-29 23:59:59.9+01', '2024-01-01 UTC',
        '2024-06-01 12:00:00-03:30', NULL]::timestamptz[])""",
    "numeric": """SELECT unnest(ARRAY['0', '1', '-1.5', '0.01', '99999999.999999', 'NaN',
        '0.000001', NULL]::numeric[])::numeric(14, 6)""",
    "uuid": "SELECT '0123456789ABCDEF0123456789abcdef'::uuid",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("values", VALUES)
def test_each_type_is_written_the_same(values: str, form: Form, postgresql: PostgreSQL) -> None:
    statement = f"SELECT v, 1 AS one FROM ({VALUES[values]}) AS t(v)"
    # One connection, of which the time zone is known.
    with postgresql.connect(options="-c TimeZone=UTC") as connection:
        copied = written(connection, statement, form, None)
        assert is_copied(connection, statement, form)
        assert copied == written(connection, statement, form, "cursor")


@pytest.mark.parametrize("form", FORMS)
def test_the_orders_are_written_the_same(form: Form, postgresql: PostgreSQL) -> None:
    statement = (
        "SELECT id, weight, product, paid, ordered_at, total, note FROM orders ORDER BY id; "
    )
    with postgresql.connect() as connection:
        assert is_copied(connection, statement, form)
        copied = written(connection, statement, form, None)
        assert copied == written(connection, statement.rstrip("; "), form, "cursor")
    assert copied.count("crème".encode()) > ROWS // 10


@pytest.mark.parametrize("size", [16, 17, 18, 19, 22, 100, 300])
def test_very_large_numbers_are_the_same_numbers(size: int, postgresql: PostgreSQL) -> None:
    statement = f"""SELECT (random() - 0.5) * 1e{size} AS v
        FROM (SELECT setseed(0.5)) AS s, generate_series(1, 500) AS n"""

    def numbers(lane: str | None) -> list[float]:
        lines = written(postgresql.url, statement, NDJSON, lane).splitlines()
        return [json.loads(line)["v"] for line in lines]

    assert numbers(None) == numbers("copy") == numbers("cursor")


NDJSON, CSV = Form("ndjson", RowOptions()), Form("csv", RowOptions())


@pytest.mark.parametrize(
    ("statement", "form"),
    [
        pytest.param("SELECT 1 AS a, '{}'::jsonb AS b", NDJSON, id="JSON, which may have spaces"),
        pytest.param("SELECT 1 AS a, 1.5::numeric AS b", NDJSON, id="decimals of any size"),
        pytest.param("SELECT 1 AS a, 1::numeric(20, 10) AS b", NDJSON, id="with many places"),
        pytest.param("SELECT 1 AS a, ARRAY[1] AS b", CSV, id="arrays"),
        pytest.param("SELECT 1 AS a, '1 day'::interval AS b", CSV, id="intervals"),
        pytest.param("SELECT 1 AS a, 'x'::bytea AS b", NDJSON, id="bytes"),
        pytest.param("SELECT 1 AS a", CSV, id="CSV of one column"),
        pytest.param("SELECT 1 AS a", Form("json", RowOptions()), id="an array of JSON"),
        pytest.param("SELECT 1 AS a", Form("ndjson", RowOptions(default=str)), id="a default"),
        pytest.param("SELECT 1 AS a", Form("ndjson", RowOptions(decimals="number")), id="numbers"),
        pytest.param("SELECT 1 AS a, 2 AS b", Form("csv", RowOptions(guard=True)), id="a guard"),
        pytest.param("SELECT 1 AS a, 2 AS b", Form("csv", RowOptions(quote="'")), id="quotes"),
    ],
)
def test_what_could_differ_is_not_copied(
    statement: str, form: Form, postgresql: PostgreSQL
) -> None:
    assert not is_copied(postgresql.url, statement, form)


def test_it_is_chosen_through_an_engine_too(postgresql: PostgreSQL) -> None:
    engine = sqlalchemy.create_engine(postgresql.url.replace("://", "+psycopg://"))
    statement = "SELECT id, note FROM orders WHERE id < :last ORDER BY id"
    asked: Any = {"parameters": {"last": 99}}
    assert is_copied(engine, statement, CSV, **asked)
    copied = written(engine, statement, CSV, None, **asked)
    assert copied == written(postgresql.url, statement, CSV, "cursor", **asked)
    assert not is_copied(engine, sqlalchemy.text(statement), CSV, **asked)
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    engine.dispose()


def test_a_transaction_that_somebody_has_begun_goes_on(postgresql: PostgreSQL) -> None:
    engine = sqlalchemy.create_engine(postgresql.url.replace("://", "+psycopg://"))
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TEMPORARY TABLE two AS SELECT 1 AS a, 2 AS b")
        query = "SELECT * FROM two"
        assert not is_copied(connection, query, CSV, read_only=False)
        assert written(connection, query, CSV, None, read_only=False) == b"a,b\r\n1,2\r\n"
        assert connection.in_transaction()
    engine.dispose()


def test_what_takes_its_time_is_not_copied(postgresql: PostgreSQL) -> None:
    assert is_copied(postgresql.url, "SELECT 1 AS a", NDJSON)
    assert not is_copied(postgresql.url, "SELECT 1 AS a", NDJSON, timeout=60)
    assert is_copied(postgresql.url, "SELECT 1 AS a", NDJSON, timeout=60, lane="copy")
    assert not is_copied(postgresql.url, "SELECT 1 AS a", NDJSON, lane="cursor")


@pytest.mark.parametrize(
    ("setting", "copied"),
    [("TimeZone=UTC", True), ("TimeZone=Europe/Berlin", False), ("DateStyle=German", False)],
)
def test_moments_are_copied_where_they_look_as_ours(
    setting: str, copied: bool, postgresql: PostgreSQL
) -> None:
    with postgresql.connect(options=f"-c {setting}") as connection:
        assert is_copied(connection, "SELECT now() AS a, 1 AS b", NDJSON) == copied


def test_by_name_the_text_of_a_type_is_that_of_the_database(postgresql: PostgreSQL) -> None:
    statement = """SELECT '{"a": 1.10}'::jsonb AS a, E'[1,\n2]'::json AS b, '[3, 4]'::json AS c,
        ARRAY[1, 2] AS d, 1.50::numeric AS e, 2::float8 AS f,
        '2024-01-01 00:00:00.5'::timestamp AS g, true AS h"""
    assert written(postgresql.url, statement, NDJSON, "copy") == (
        b'{"a":{"a": 1.10},"b":[1, 2],"c":[3, 4],"d":[1,2],"e":1.50,"f":2,'
        b'"g":"2024-01-01T00:00:00.5","h":true}\n'
    )
    assert written(postgresql.url, statement, CSV, "copy") == (
        b'a,b,c,d,e,f,g,h\r\n"{""a"": 1.10}","[1,\n2]","[3, 4]","{1,2}",1.50,2,'
        b"2024-01-01 00:00:00.5,t\r\n"
    )
    quoted = Form("csv", RowOptions(quote="'"))
    assert written(postgresql.url, "SELECT 'a,''b' AS a", quoted, "copy") == b"a\r\n'a,''b'\r\n"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("lane", ["copy", "cursor"])
def test_columns_rows_and_parameters_are_chosen(
    lane: str, form: Form, postgresql: PostgreSQL
) -> None:
    statement = (
        'SELECT 1 AS twice, 2 AS twice, id AS "i%d :a""", \'%\' AS p FROM orders'
        " WHERE product LIKE '%ff%' AND product <> :other ORDER BY id -- % :no"
    )
    query = Query(
        postgresql.url,
        statement,
        {"other": "'; DROP TABLE orders; --"},
        columns=["p", 'i%d :a"', "twice"],
        limit=2,
        lane=lane,
    )
    with closing(Writing(query, Form("csv", RowOptions(newline="\n")))) as writing:
        assert b"".join(writing) == b'p,"i%d :a""",twice\n%,1,1\n%,9,1\n'
        assert writing.count == 2
    assert written(postgresql.url, "SELECT 1 AS a, 2 AS b", form, lane, limit=0) == written(
        postgresql.url, "SELECT 1 AS a, 2 AS b WHERE false", form, lane
    )


@pytest.mark.parametrize("lane", ["copy", "cursor"])
def test_a_column_that_is_not_there_is_told(lane: str, postgresql: PostgreSQL) -> None:
    query = Query(postgresql.url, "SELECT 1 AS a", columns=["b"], lane=lane)
    with pytest.raises(NoSuchColumn), query.open(NDJSON):
        pass
    assert postgresql.is_idle()


def test_lines_of_json_are_ours_where_we_are_quicker(
    postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "find_spec", lambda name: True)
    assert not is_copied(postgresql.url, "SELECT 1 AS a, 2 AS b", NDJSON)
    assert is_copied(postgresql.url, "SELECT 1 AS a, 2 AS b", CSV)


@pytest.mark.parametrize("missing", [False, True])
def test_json_is_read_as_it_is(
    missing: bool, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing:
        monkeypatch.setitem(sys.modules, "msgspec.json", None)
    monkeypatch.setattr(psycopg_rows, "_json_loader", psycopg_rows._json_loader.__wrapped__)
    statement = """SELECT '{"b":[1,2.5,null,"x"],"a":123456789012345678901234567890}'::json AS a,
        '[1e400]'::json AS b"""
    assert written(postgresql.url, statement, NDJSON, "cursor") == (
        b'{"a":{"b":[1,2.5,null,"x"],"a":123456789012345678901234567890},"b":[null]}\n'
    )


def test_a_copy_that_is_left_is_cancelled(postgresql: PostgreSQL) -> None:
    query = Query(postgresql.url, "SELECT a.id FROM orders a, orders b", lane="copy")
    writing = Writing(query, NDJSON)
    assert next(writing) == b'{"id":1}\n'
    ((asked, state),) = postgresql.busy()
    assert asked.startswith("COPY (SELECT row_to_json(r)")
    assert state == "active"
    writing.close()
    assert postgresql.is_idle()


def test_a_lane_is_one_of_two() -> None:
    with pytest.raises(ValueError, match="A lane is 'copy' or 'cursor'"):
        Query("sqlite:///x", "SELECT 1", lane="binary")
