"""The databases of the tests hold what the shop's own script makes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from examples.make_shop import orders
from tests.databases import ROWS, MariaDB, PostgreSQL
from tests.servers import ROOT


def test_postgresql_has_the_orders(postgresql: PostgreSQL) -> None:
    assert postgresql.ask("SELECT * FROM orders ORDER BY id") == list(map(tuple, orders(ROWS)))


def test_mariadb_has_the_orders(mariadb: MariaDB) -> None:
    ((count, total),) = mariadb.ask("SELECT count(*), sum(total) FROM shop.orders")
    assert (count, total) == (ROWS, sum(order.total for order in orders(ROWS)))


def test_the_script_makes_the_same_shop_each_time(tmp_path: Path, shop: Path) -> None:
    path = tmp_path / "shop.db"
    script = ROOT / "examples/make_shop.py"
    for count in (7, ROWS):
        subprocess.run([sys.executable, script, path, "--rows", f"{count}"], check=True)
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT count(*) FROM orders").fetchone() == (count,)
    with closing(sqlite3.connect(path)) as one, closing(sqlite3.connect(shop)) as other:
        assert list(one.iterdump()) == list(other.iterdump())
