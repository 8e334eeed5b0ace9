"""Queries on the command line and in settings: served, and written to the standard output."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client import ask
from tests.databases import PostgreSQL
from tests.servers import ROOT, Connection, process
from wsgistream import create_app
from wsgistream.cli import main
from wsgistream.export import CannotAsk, export

LOCAL = ("--listen", "127.0.0.1:0")
SELECT = "select id, product from orders where id < 3 order by id"
LINES = b'{"id":1,"product":"coffee"}\n{"id":2,"product":"screws, 4 mm"}\n'


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("WSGISTREAM_")]:
        monkeypatch.delenv(name)


def test_one_command_serves_a_table_of_the_example(tmp_path: Path) -> None:
    make = [sys.executable, ROOT / "examples/make_shop.py", "shop.db", "--rows", "10"]
    subprocess.run(make, cwd=tmp_path, check=True)
    options = ("--db", "sqlite:///shop.db", "--query", "orders(last: int=9)=select * from orders")
    bad = (*options, *LOCAL)
    with process(*bad, cwd=tmp_path) as run:
        assert run.end() == 2
        assert "declares the parameters ['last'], and has []" in run.said()
    good = (*options[:3], f"orders={SELECT}", *LOCAL)
    with process(*good, script=(str(ROOT / "serve.py"),), cwd=tmp_path) as run:
        said = run.said()
        assert said.startswith(
            "wsgistream" if "wsgistream:" in said else "Serving the queries orders"
        )
        port = int(said.partition("127.0.0.1:")[2].partition("/")[0])
        with Connection(("127.0.0.1", port)) as client:
            client.ask("/orders?columns=id&format=csv")
            assert client.answer().body == b"id\r\n1\r\n2\r\n"


def test_queries_are_settings(shop: Path) -> None:
    app = create_app(
        db=f"sqlite:///{shop}", queries={"orders": SELECT}, prefix="/db", headers=[("X-A", "b")]
    )
    answer = ask(app, "/db/orders")
    assert (answer.body, answer["X-A"]) == (LINES, "b")


@pytest.mark.parametrize("settings", [{"db": "sqlite:///x"}, {"queries": {"a": "select 1"}}])
def test_queries_and_a_database_need_each_other(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="Queries need a database"):
        create_app(**settings)


def test_a_missing_library_is_a_setting_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ValueError, match=r"pip install 'wsgistream\[postgresql\]'"):
        create_app(db="postgresql://x/y", queries={"a": "select 1"})


def test_a_query_is_written_to_the_standard_output(shop: Path) -> None:
    with process("query", f"sqlite:///{shop}", SELECT, "--limit", "1", "--format", "tsv") as run:
        assert (run.line(), run.line()) == ("id\tproduct", "1\tcoffee")
        assert run.end() == 0


@pytest.mark.parametrize(
    ("url", "sql", "said"),
    [
        ("sqlite:///{shop}", "select missing", "no such column: missing"),
        ("sqlite:///{shop}/x", "select 1", "unable to open database file"),
        ("sqlite:///{shop}", "select 1, :a", "The parameter a has no value."),
        ("shop.db", "select 1", "A database is named by a URL"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(
    url: str, sql: str, said: str, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", url.format(shop=shop), sql]) == 2
    assert capsys.readouterr().err.startswith(f"wsgistream: {said}")


def test_rows_are_exported_from_any_database(postgresql: PostgreSQL) -> None:
    assert b"".join(export(postgresql.url, SELECT)) == LINES
    with pytest.raises(CannotAsk, match="division by zero"):
        list(export(postgresql.url, "select 1/0 as a"))
    assert postgresql.is_idle()


def test_a_failure_that_is_no_drivers_stays_what_it_is() -> None:
    def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        list(export(fail, "select 1"))
