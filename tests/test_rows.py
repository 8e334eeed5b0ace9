"""Rows as an answer: what is sent, when the database is asked, and what failures look like."""

from __future__ import annotations

import json
import sqlite3
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import IncompleteRead
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from psycopg_pool import ConnectionPool

from tests.client import ask, make_environ
from tests.databases import ROWS, MariaDB, PostgreSQL
from tests.servers import running
from wsgistream import Query, RowsResponse
from wsgistream.rules.rows import RowOptions
from wsgistream.sources.rows.asking import Form
from wsgistream.sources.rows.writing import Writing
from wsgistream.wsgi.waiting import IN_LOOP, WouldBlock, is_pausable

MANY = "SELECT a.id, a.product FROM orders a, orders b"


@dataclass
class Point:
    x: int
    y: float


def test_any_rows_are_lines_of_json() -> None:
    answer = ask(RowsResponse([Point(1, 0.5), Point(2, 1.0)]))
    assert answer.status == 200
    assert answer.headers == [
        ("Content-Type", "application/x-ndjson"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    assert answer.body == b'{"x":1,"y":0.5}\n{"x":2,"y":1.0}\n'


@pytest.mark.parametrize(
    ("options", "body"),
    [
        pytest.param({"format": "csv"}, b"a,b\r\n1,x\r\n", id="CSV"),
        pytest.param({"format": "tsv", "newline": "\n"}, b"a\tb\n1\tx\n", id="TSV with an option"),
        pytest.param({"format": "json"}, b'[\n{"a":1,"b":"x"}\n]\n', id="JSON"),
        pytest.param(
            {"complete": True}, b'{"a":1,"b":"x"}\n{"complete":true,"rows":1}\n', id="a last record"
        ),
        pytest.param(
            {"convert": lambda row: {"n": row[0] + 1}}, b'{"n":2}\n', id="rows that are converted"
        ),
    ],
)
def test_rows_are_written_as_they_are_wanted(options: dict[str, Any], body: bytes) -> None:
    if "convert" not in options:
        options = {"columns": ["a", "b"], **options}
    assert ask(RowsResponse([(1, "x")], **options)).body == body


@pytest.mark.parametrize(
    ("name", "body"),
    [("ndjson", b""), ("json", b"[\n]\n"), ("csv", b"")],
)
def test_no_rows_are_still_an_answer(name: str, body: bytes) -> None:
    assert ask(RowsResponse([], format=name)).body == body


def test_no_rows_of_a_query_have_columns(shop: Path) -> None:
    query = Query(f"sqlite:///{shop}", "SELECT id, note FROM orders WHERE id < 0")
    assert ask(RowsResponse(query, format="csv")).body == b"id,note\r\n"


@pytest.mark.parametrize(
    ("path", "accept", "status", "what"),
    [
        pytest.param("/", None, 200, "application/x-ndjson", id="the first by default"),
        pytest.param("/?format=csv", None, 200, "text/csv; charset=utf-8", id="by the query"),
        pytest.param("/", "text/csv", 200, "text/csv; charset=utf-8", id="by Accept"),
        pytest.param("/?format=csv", "application/json", 200, "text/csv; charset=utf-8", id="both"),
        pytest.param("/?format=xml", None, 400, "The format is one of ndjson, csv.", id="unknown"),
        pytest.param("/?format=csv&format=csv", None, 400, "given twice", id="twice"),
        pytest.param("/?format=%ff", None, 400, "The query is not UTF-8.", id="no text"),
        pytest.param(
            "/",
            "text/html",
            406,
            "The rows can be had as application/x-ndjson, text/csv.",
            id="406",
        ),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_client_chooses_the_format(
    path: str, accept: str | None, status: int, what: str, method: str
) -> None:
    app = RowsResponse([{"a": 1}], format=["ndjson", "csv"])
    answer = ask(app, path, method=method, headers={"Accept": accept} if accept else {})
    assert answer.status == status
    if status == 200:
        assert answer["Content-Type"] == what
    elif method == "GET":
        assert what in answer.body.decode()
    assert (answer.get("Vary") == "Accept") == (status != 400)


def test_one_format_is_given_whatever_is_asked_for() -> None:
    answer = ask(RowsResponse([{"a": 1}], format="csv"), "/?format=json")
    assert (answer.body, answer.get("Vary")) == (b"a\r\n1\r\n", None)


@pytest.mark.parametrize(
    ("options", "disposition"),
    [
        ({}, None),
        ({"download": True}, "attachment"),
        ({"filename": "orders"}, 'inline; filename="orders.csv"'),
        ({"filename": "orders.csv", "download": True}, 'attachment; filename="orders.csv"'),
    ],
)
def test_a_file_has_the_name_of_its_format(
    options: dict[str, Any], disposition: str | None
) -> None:
    answer = ask(RowsResponse([{"a": 1}], format="csv", headers={"X-A": "b"}, **options))
    assert answer.get("Content-Disposition") == disposition
    assert answer["X-A"] == "b"


@pytest.mark.parametrize(
    ("rows", "options"),
    [
        ("text", {}),
        (b"bytes", {}),
        (7, {}),
        ([], {"format": "xml"}),
        ([], {"format": []}),
        ([], {"unknown": 1}),
        ([], {"delimiter": "ab"}),
        ([], {"headers": {"Content-Length": "1"}}),
    ],
)
def test_what_cannot_be_sent_is_refused_when_it_is_made(rows: Any, options: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        RowsResponse(rows, **options)


class Once:
    """Rows that are read once, and tell what was done to them."""

    def __init__(self) -> None:
        self.taken = self.closed = 0

    def __iter__(self) -> Iterator[Any]:
        for number in range(10**9):
            self.taken += 1
            yield {"n": number}

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param({"method": "HEAD"}, id="HEAD"),
        pytest.param({"headers": {"If-None-Match": "*"}}, id="a precondition that ends it"),
    ],
)
def test_what_has_no_body_reads_nothing(request_: dict[str, Any], shop: Path) -> None:
    rows, made = Once(), []
    assert ask(RowsResponse(rows), **request_).body == b""
    assert (rows.taken, rows.closed) == (0, 1)
    assert ask(RowsResponse(lambda: made.append(1)), **request_).body == b""
    assert made == []
    query = Query(f"sqlite:///{shop}/there/is/no/file", "nonsense")
    assert ask(RowsResponse(query), **request_).status in (200, 304)


def test_nobody_reads_ahead_and_it_is_closed_once() -> None:
    rows = Once()
    body: Any = RowsResponse(rows)(make_environ(), lambda *_: lambda data: None)
    assert rows.taken == 1
    chunks = iter(body)
    assert next(chunks) == b'{"n":0}\n'
    assert rows.taken == 1
    body.close()
    body.close()
    assert rows.closed == 1


def test_what_can_be_read_once_is_sent_once() -> None:
    app = RowsResponse(iter([{"a": 1}]))
    assert ask(app).body == b'{"a":1}\n'
    with pytest.raises(RuntimeError, match="can be read only once"):
        ask(app)


@pytest.mark.parametrize("rows", [[{"a": 1}], lambda: iter([{"a": 1}])])
def test_what_can_be_made_again_is_sent_again(rows: Any) -> None:
    app = RowsResponse(rows)
    assert [ask(app).body for _ in range(2)] == [b'{"a":1}\n'] * 2


def test_a_cursor_is_sent_and_closed(shop: Path) -> None:
    with closing(sqlite3.connect(shop)) as connection:
        cursor = connection.execute("SELECT id, note FROM orders WHERE id = 3")
        body: Any = RowsResponse(cursor)(make_environ(), lambda *_: lambda data: None)
        assert not is_pausable(body)
        assert b"".join(body) == b'{"id":3,"note":"says \\"no hurry\\""}\n'
        body.close()
        with pytest.raises(sqlite3.ProgrammingError, match="closed cursor"):
            cursor.fetchone()


def test_a_result_of_sqlalchemy_is_sent(shop: Path) -> None:
    engine = sqlalchemy.create_engine(f"sqlite:///{shop}")
    with engine.connect() as connection:
        result = connection.execute(sqlalchemy.text("SELECT id FROM orders WHERE id < 3"))
        assert ask(RowsResponse(result)).body == b'{"id":1}\n{"id":2}\n'
    engine.dispose()


def test_a_select_of_sqlalchemy_is_asked(shop: Path) -> None:
    engine = sqlalchemy.create_engine(f"sqlite:///{shop}")
    table = sqlalchemy.Table("orders", sqlalchemy.MetaData(), autoload_with=engine)
    chosen = sqlalchemy.select(table.c.id, table.c.paid).where(
        table.c.id == sqlalchemy.bindparam("n")
    )
    assert ask(RowsResponse(Query(engine, chosen, {"n": 3}))).body == b'{"id":3,"paid":true}\n'
    engine.dispose()


@pytest.mark.parametrize(
    ("made", "pausable"),
    [
        pytest.param(lambda shop: Query(f"sqlite:///{shop}", MANY), True, id="by a URL"),
        pytest.param(
            lambda shop: Query(lambda: sqlite3.connect(shop), MANY), False, id="by a function"
        ),
        pytest.param(
            lambda shop: Query(
                lambda: sqlite3.connect(shop, check_same_thread=False), MANY, pausable=True
            ),
            True,
            id="by a function that says so",
        ),
    ],
)
def test_any_thread_may_go_on_unless_it_may_not(made: Any, pausable: bool, shop: Path) -> None:
    body: Any = RowsResponse(made(shop))(make_environ(), lambda *_: lambda data: None)
    assert is_pausable(body) == pausable
    body.close()


def test_it_is_never_tried_in_the_loop() -> None:
    with pytest.raises(WouldBlock):
        RowsResponse([])(make_environ(**{IN_LOOP: True}), lambda *_: lambda data: None)


def failing(rows: int) -> Iterator[dict[str, int]]:
    for number in range(rows):
        yield {"n": number}
    raise LookupError("a secret")


def test_a_failure_before_the_first_row_is_a_clean_500() -> None:
    with running(RowsResponse(lambda: failing(0))) as server, server.connect() as client:
        client.ask()
        answer = client.answer()
    assert answer.status == 500
    assert b"secret" not in answer.body


@pytest.mark.parametrize("name", ["ndjson", "json", "csv"])
def test_a_failure_after_the_first_row_cuts_the_connection(name: str) -> None:
    app = RowsResponse(lambda: failing(3), format=name)
    with running(app) as server, server.connect() as client:
        client.ask()
        with pytest.raises(IncompleteRead):
            client.answer()
        assert server.access().aborted


@pytest.mark.parametrize("name", ["ndjson", "json", "csv"])
def test_an_error_in_a_row_cuts_the_connection(name: str, postgresql: PostgreSQL) -> None:
    query = Query(postgresql.url, "SELECT 1 / (1500 - n) AS n FROM generate_series(1, 2000) AS n")
    with running(RowsResponse(query, format=name)) as server, server.connect() as client:
        client.ask()
        with pytest.raises(IncompleteRead):
            client.answer()
    assert postgresql.is_idle()


def test_an_error_in_the_first_row_is_a_clean_500(postgresql: PostgreSQL) -> None:
    query = Query(postgresql.url, "SELECT 1 / (id - 1) AS n FROM orders ORDER BY id")
    with running(RowsResponse(query)) as server, server.connect() as client:
        client.ask()
        assert client.answer().status == 500
    assert postgresql.is_idle()


def test_all_rows_of_a_database_are_sent_over_http(postgresql: PostgreSQL) -> None:
    query = Query(postgresql.url, "SELECT * FROM orders ORDER BY id")
    with running(RowsResponse(query, complete=True)) as server, server.connect() as client:
        client.ask()
        answer = client.answer()
    assert answer["Transfer-Encoding"] == "chunked"
    *lines, last = map(json.loads, answer.body.splitlines())
    assert [line["id"] for line in lines] == list(range(1, ROWS + 1))
    assert last == {"complete": True, "rows": ROWS}
    assert postgresql.is_idle()


def test_a_client_that_leaves_ends_the_query(postgresql: PostgreSQL) -> None:
    query = Query(postgresql.url, MANY)
    with running(RowsResponse(query)) as server:
        client = server.connect(window=8192)
        client.ask()
        assert client.read(1000)
        assert len(postgresql.busy()) == 1
        client.reset()
        assert postgresql.is_idle()
        assert server.access().aborted


END = b"0\r\n\r\n"


def test_a_client_that_leaves_ends_the_query_of_mariadb(mariadb: MariaDB) -> None:
    engine = sqlalchemy.create_engine(mariadb.url)
    with running(RowsResponse(Query(engine, MANY))) as server:
        client = server.connect(window=8192)
        client.ask()
        assert client.read(1000)
        client.reset()
        assert mariadb.is_idle()
        assert server.access().aborted
    engine.dispose()


@pytest.mark.parametrize("lane", ["copy", "cursor"])
def test_memory_does_not_grow_with_the_rows(lane: str, postgresql: PostgreSQL) -> None:
    statement = "SELECT n, n || ' rows' AS text FROM generate_series(1, 300000) AS n"
    chunks = Writing(Query(postgresql.url, statement, lane=lane), Form("ndjson", RowOptions()))
    tracemalloc.start()
    try:
        size = sum(map(len, chunks))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 8_000_000
    assert peak < 3_000_000


def test_a_backend_that_is_killed_cuts_the_connection(postgresql: PostgreSQL) -> None:
    app = RowsResponse(Query(postgresql.url, MANY))
    with running(app) as server, server.connect(window=8192) as client:
        client.ask()
        assert client.read(1000)
        assert postgresql.kill_clients() == 1
        assert not client.rest().endswith(END)
        assert server.access().aborted


def test_a_server_that_is_restarted_cuts_the_connection_and_is_asked_again(
    postgresql: PostgreSQL,
) -> None:
    with ConnectionPool(postgresql.url, min_size=1, max_size=1, open=True) as pool:
        with running(RowsResponse(Query(pool, MANY, timeout=60))) as server:
            with server.connect(window=8192) as client:
                client.ask()
                assert client.read(1000)
                postgresql.restart()
                assert not client.rest().endswith(END)
            with server.connect(window=8192) as client:
                client.ask()
                assert client.read(1000).startswith(b"HTTP/1.1 200 OK")


def test_a_pool_that_is_exhausted_is_a_503(postgresql: PostgreSQL) -> None:
    with ConnectionPool(postgresql.url, min_size=1, max_size=1, timeout=0.05, open=True) as pool:
        app = RowsResponse(Query(pool, "SELECT id FROM orders WHERE id = 1"))
        with pool.connection():
            answer = ask(app)
        assert (answer.status, answer["Retry-After"]) == (503, "1")
        assert ask(app).body == b'{"id":1}\n'


def test_an_engine_that_is_exhausted_is_a_503(postgresql: PostgreSQL) -> None:
    url = postgresql.url.replace("://", "+psycopg://")
    engine = sqlalchemy.create_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    app = RowsResponse(Query(engine, "SELECT id FROM orders WHERE id = 1"))
    with engine.connect():
        answer = ask(app)
    assert (answer.status, answer["Retry-After"]) == (503, "1")
    assert ask(app).body == b'{"id":1}\n'
    engine.dispose()


def test_a_connection_that_the_server_has_ended_is_a_503_once(postgresql: PostgreSQL) -> None:
    with ConnectionPool(postgresql.url, min_size=1, max_size=1, open=True) as pool:
        app = RowsResponse(Query(pool, "SELECT id FROM orders WHERE id = 1"))
        assert ask(app).status == 200
        postgresql.kill_clients()
        answer = ask(app)
        assert (answer.status, answer["Retry-After"]) == (503, "1")
        assert ask(app).body == b'{"id":1}\n'
    engine = sqlalchemy.create_engine(postgresql.url.replace("://", "+psycopg://"))
    app = RowsResponse(Query(engine, "SELECT id FROM orders WHERE id = 1"))
    assert ask(app).status == 200
    postgresql.kill_clients()
    assert [ask(app).status for _ in range(2)] == [503, 200]
    engine.dispose()


def test_nobody_else_s_transaction_is_ended(postgresql: PostgreSQL) -> None:
    with postgresql.connect() as connection:
        connection.execute("CREATE TEMPORARY TABLE other AS SELECT 7 AS n")
        app = RowsResponse(Query(connection, "SELECT n FROM other"))
        with pytest.raises(ValueError, match="in the middle of a transaction"):
            ask(app)
        connection.commit()
        assert ask(app).body == b'{"n":7}\n'


def test_changes_are_rolled_back_though_they_are_allowed(postgresql: PostgreSQL) -> None:
    statement = "SELECT setval('counted', 5) AS n, pg_notify('a', 'b')::text AS b"
    with postgresql.connect(autocommit=False) as connection:
        connection.execute("CREATE TEMPORARY SEQUENCE counted")
        connection.commit()
        query = Query(connection, statement, read_only=False, lane="cursor")
        assert ask(RowsResponse(query)).body == b'{"n":5,"b":""}\n'


@pytest.mark.parametrize(
    "url", ["postgresql://nobody@127.0.0.1:1/none", "sqlite:////no/such/folder/shop.db"]
)
def test_a_database_that_is_not_there_is_a_503(url: str) -> None:
    assert ask(RowsResponse(Query(url, "SELECT 1 AS one"))).status == 503


def test_how_many_rows_there_may_be_is_estimated_if_wanted(postgresql: PostgreSQL) -> None:
    statement = "SELECT id FROM orders WHERE id <= :last AND product LIKE '%'"
    app = RowsResponse(Query(postgresql.url, statement, {"last": 10**6}, estimate=True))
    assert int(ask(app)["X-Estimated-Rows"]) > 0
    assert "X-Estimated-Rows" not in ask(app, method="HEAD")
    few = Query(postgresql.url, "SELECT id FROM orders", limit=7, estimate=True)
    assert ask(RowsResponse(few))["X-Estimated-Rows"] == "7"


def test_nobody_else_tells_an_estimate(shop: Path) -> None:
    query = Query(f"sqlite:///{shop}", "SELECT id FROM orders", limit=1, estimate=True)
    assert "X-Estimated-Rows" not in ask(RowsResponse(query))


def test_a_slow_client_of_batches_holds_no_connection(postgresql: PostgreSQL) -> None:
    query = Query(postgresql.url, "SELECT * FROM orders", key="id", batch=50)
    body: Any = RowsResponse(query)(make_environ(), lambda *_: lambda data: None)
    chunks = iter(body)
    taken = [next(chunks) for _ in range(4)]
    assert postgresql.is_idle()
    lines = b"".join([*taken, *chunks]).splitlines()
    body.close()
    assert [json.loads(line)["id"] for line in lines] == list(range(1, ROWS + 1))
