"""Query: the rows of a query for a file or another program."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from wsgistream.arguments import Parser
from wsgistream.export import export
from wsgistream.rules.rows import FORMATS


def main(arguments: Sequence[str]) -> int:
    """Write what a query finds to the standard output."""
    parser = Parser(
        "query", "Write the rows of a query to the standard output, in constant memory."
    )
    parser.add_argument("db", metavar="URL", help="the database, as sqlite:///shop.db")
    parser.add_argument("sql", metavar="SQL", help="the query")
    parser.add_argument(
        "--format", choices=FORMATS, default="ndjson", help="how to write them (default: ndjson)"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="rows at most")
    chosen = parser.parse_args(arguments)
    for piece in export(chosen.db, chosen.sql, chosen.format, limit=chosen.limit):
        sys.stdout.buffer.write(piece)
    return 0
