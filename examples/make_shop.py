#!/usr/bin/env python3
"""Make a shop: a SQLite file with a table of orders, the same each time.

python examples/make_shop.py shop.db --rows 100000
"""

from __future__ import annotations

import argparse
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

TABLE = """CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    weight REAL NOT NULL,
    product TEXT NOT NULL,
    paid BOOLEAN NOT NULL,
    ordered_at TIMESTAMP NOT NULL,
    total NUMERIC NOT NULL,
    details JSON NOT NULL,
    note TEXT
)"""

_FIRST = datetime(2024, 1, 1)
_PRODUCTS = ("tea", "coffee", 'a 12" record', "crème brûlée", "screws, 4 mm", "日本茶")
_NOTES = (None, "call first", 'says "no hurry"', "two lines:\nsecond floor", "")


class Order(NamedTuple):
    """One row."""

    id: int
    weight: float
    product: str
    paid: bool
    ordered_at: datetime
    total: Decimal
    details: dict[str, Any]
    note: str | None


def orders(count: int) -> Iterator[Order]:
    """Give the first ``count`` orders, each made of nothing but its number."""
    for number in range(1, count + 1):
        mixed = number * 2_654_435_761 % 2**32  # Knuth's multiplicative hashing
        yield Order(
            number,
            mixed % 100_000 / 1000,
            _PRODUCTS[mixed % len(_PRODUCTS)],
            mixed % 3 > 0,
            _FIRST + timedelta(seconds=number * 7, microseconds=mixed % 1_000_000),
            Decimal(mixed % 1_000_000).scaleb(-2),
            {"size": "SML"[mixed % 3], "tags": ["new"] * (mixed % 2), "gift": None},
            _NOTES[mixed % len(_NOTES)],
        )


def stored(rows: Iterable[Order]) -> Iterator[Sequence[Any]]:
    """Write what SQLite has no type for as it is usually written there."""
    for row in rows:
        yield (
            *row[:3],
            int(row.paid),
            row.ordered_at.isoformat(),
            str(row.total),
            json.dumps(row.details, separators=(",", ":")),
            row.note,
        )


def make_shop(path: str, count: int) -> None:
    """Write the file anew, in constant memory."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE IF EXISTS orders")
        connection.execute(TABLE)
        insert = "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        connection.executemany(insert, stored(orders(count)))


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a SQLite file with a table of orders.")
    parser.add_argument("path", nargs="?", default="shop.db", help="default: shop.db")
    parser.add_argument("--rows", type=int, default=100_000, metavar="N", help="default: 100000")
    chosen = parser.parse_args()
    make_shop(chosen.path, chosen.rows)


if __name__ == "__main__":
    main()
