"""Named queries: what clients may ask, and what they are told where they may not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from tests.client import Answer, ask
from tests.databases import ROWS
from wsgistream import QueryApp

QUERIES = {
    "orders": "SELECT id, product, note FROM orders ORDER BY id",
    "some(first: int, last: int = 3, product = %)": (
        "SELECT id, product FROM orders"
        " WHERE id BETWEEN :first AND :last AND product LIKE :product ORDER BY id"
    ),
}


@pytest.fixture(params=["SQLite", "PostgreSQL", "PostgreSQL by SQLAlchemy", "MariaDB"])
def app(request: pytest.FixtureRequest, shop: Path) -> Iterator[QueryApp]:
    if request.param == "SQLite":
        yield QueryApp(f"sqlite:///{shop}", QUERIES)
    elif request.param == "PostgreSQL":
        yield QueryApp(request.getfixturevalue("postgresql").url, QUERIES)
    else:
        is_mariadb = request.param == "MariaDB"
        url = request.getfixturevalue("mariadb" if is_mariadb else "postgresql").url
        engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        yield QueryApp(engine, QUERIES)
        engine.dispose()


def fetch(app: QueryApp, path: str, status: int = 200, **options: Any) -> Answer:
    answer = ask(app, path, **options)
    assert answer.status == status, answer.body
    return answer


def test_a_query_is_answered_at_its_name(app: QueryApp) -> None:
    answer = fetch(app, "/orders")
    assert answer["Content-Type"] == "application/x-ndjson"
    assert answer["Content-Disposition"] == 'inline; filename="orders.ndjson"'
    assert answer["Vary"] == "Accept"
    assert len(answer.body.splitlines()) == ROWS
    assert answer.body.startswith(b'{"id":1,"product":"coffee","note":"call first"}\n')


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param(
            "/orders?format=csv&limit=2&columns=product,id",
            b'product,id\r\ncoffee,1\r\n"screws, 4 mm",2\r\n',
            id="the format, the rows and the columns",
        ),
        pytest.param(
            "/some?first=2",
            '{"id":2,"product":"screws, 4 mm"}\n{"id":3,"product":"日本茶"}\n'.encode(),
            id="a parameter, and defaults",
        ),
        pytest.param("/some?first=2&last=1", b"", id="no rows"),
        pytest.param("/some?first=1&product=co%25", b'{"id":1,"product":"coffee"}\n', id="another"),
        pytest.param("/some?first=1&product='%20OR%201=1--", b"", id="what would be SQL"),
        pytest.param("/orders?limit=0&format=csv", b"id,product,note\r\n", id="no rows wanted"),
    ],
)
def test_clients_choose(app: QueryApp, path: str, body: bytes) -> None:
    assert fetch(app, path).body == body
    head = fetch(app, path, method="HEAD")
    assert head.body == b""


@pytest.mark.parametrize(
    ("path", "said"),
    [
        pytest.param("/some", "The parameter first is missing: it is a whole number.", id="none"),
        pytest.param("/some?first=x", "The parameter first is a whole number.", id="no number"),
        pytest.param(
            "/some?first=1&x=1",
            "There is no parameter 'x'; there are first, last, product.",
            id="unknown",
        ),
        pytest.param(
            "/orders?x=1", "There is no parameter 'x'; there is none.", id="where there is none"
        ),
        pytest.param("/orders?limit=x", "The parameter limit is a whole number.", id="limit"),
        pytest.param("/orders?limit=-1", "The parameter limit is 0 or more.", id="below 0"),
        pytest.param("/orders?columns=id,x", "There is no column 'x'.", id="no such column"),
        pytest.param("/orders?columns=", "There is no column ''.", id="no column"),
        pytest.param("/orders?columns=id,id", "The parameter columns names one twice.", id="twice"),
        pytest.param(
            "/orders?format=xml", "The format is one of ndjson, json, csv, tsv.", id="format"
        ),
        pytest.param("/some?first=1&first=2", "The parameter first is given twice.", id="again"),
    ],
)
def test_what_cannot_be_asked_is_told_in_a_sentence(app: QueryApp, path: str, said: str) -> None:
    answer = fetch(app, path, 400)
    assert answer.body.decode() == f"{said}\n"
    assert answer["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("path", ["/", "", "/other", "/orders/", "//orders", "/orders/x", "/%ff"])
def test_anything_else_is_not_there(app: QueryApp, path: str) -> None:
    assert fetch(app, path, 404).body == b"There is no such query here.\n"


def test_a_query_can_only_be_read(app: QueryApp) -> None:
    answer = fetch(app, "/orders", 405, method="POST")
    assert answer["Allow"] == "GET, HEAD, OPTIONS"
    assert fetch(app, "/orders", 204, method="OPTIONS")["Allow"] == "GET, HEAD, OPTIONS"


def test_nobody_gets_more_rows_than_there_are_to_be(shop: Path) -> None:
    app = QueryApp(f"sqlite:///{shop}", QUERIES, limit=3, headers={"Cache-Control": "no-store"})
    for path in ("/orders", "/orders?limit=2000"):
        assert len(fetch(app, path).body.splitlines()) == 3
    assert fetch(app, "/orders?limit=1")["Cache-Control"] == "no-store"


def test_a_query_with_a_key_goes_on_where_it_was_cut(shop: Path) -> None:
    app = QueryApp(f"sqlite:///{shop}", QUERIES, keys={"orders": "id: int"}, batch=300)
    whole = fetch(app, "/orders").body
    lines = whole.splitlines(keepends=True)
    assert len(lines) == ROWS
    assert fetch(app, "/orders?after=1234").body == b"".join(lines[1234:])
    assert fetch(app, "/orders?after=1234&limit=2&columns=note,id").body.count(b"\n") == 2
    assert fetch(app, "/orders?after=99999").body == b""
    assert fetch(app, "/orders?after=x", 400).body == b"The parameter after is a whole number.\n"
    assert fetch(app, "/some?first=1&after=1", 400).body.startswith(b"There is no parameter 'aft")


def test_a_select_can_be_named(shop: Path) -> None:
    engine = sqlalchemy.create_engine(f"sqlite:///{shop}")
    table = sqlalchemy.Table("orders", sqlalchemy.MetaData(), autoload_with=engine)
    select = sqlalchemy.select(table.c.id).where(table.c.id < sqlalchemy.bindparam("below"))
    app = QueryApp(engine, {"orders(below: int)": select}, formats=["ndjson"])
    assert fetch(app, "/orders?below=3").body == b'{"id":1}\n{"id":2}\n'
    engine.dispose()


@pytest.mark.parametrize(
    ("queries", "options", "said"),
    [
        ({"a b": "SELECT 1"}, {}, "A query is called orders"),
        ({"a(b: int)": "SELECT 1"}, {}, r"declares the parameters \['b'\], and has \[\]"),
        ({"a": "SELECT :b"}, {}, r"declares the parameters \[\], and has \['b'\]"),
        ({"a(limit: int)": "SELECT :limit"}, {}, "cannot be called limit"),
        ({"a": "SELECT 1", "a ": "SELECT 2"}, {}, "Two queries are called a"),
        ({"a": "SELECT 1"}, {"keys": {"b": "id"}}, "There is a key of 'b'"),
        ({"a": "SELECT 1"}, {"keys": {"a": "b c"}}, "A parameter is written as"),
        ({}, {"formats": ["xml"]}, "xml"),
        ({}, {"limit": -1}, "limit"),
        ({}, {"timeout": 0}, "timeout"),
        ({}, {"unknown": 1}, "unknown"),
    ],
)
def test_what_cannot_be_offered_is_told_at_once(
    queries: dict[str, str], options: dict[str, Any], said: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        QueryApp("sqlite:///shop.db", queries, **options)
