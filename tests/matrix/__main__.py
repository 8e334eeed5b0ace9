"""Asks all the servers there are, and writes what was found into ``docs/servers.md``.

``python -m tests.matrix`` renews what was answered, and with ``--cost`` instead what it costs.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import pytest

from tests.matrix.cost import Cost, costs
from tests.matrix.deviations import DEVIATIONS
from tests.matrix.servers import SERVERS
from tests.servers import ROOT

DOCUMENT: Final = ROOT / "docs" / "servers.md"

#: What the tests are called in the document.
COLUMNS: Final = {
    "test_files": "files, ranges, 304, 412, 416",
    "test_streams": "streams",
    "test_client_of_http_1_0": "HTTP/1.0",
    "test_failure_is_seen": "cuts are seen",
    "test_client_gone": "client gone",
    "test_clients_gone": "12 gone",
    "test_clients_at_once": "30 requests at once",
    "test_what_is_not_read": "POST unread",
    "test_nothing_was_closed_twice_or_never": "all closed once",
}


@dataclass
class Results:
    """A plugin of pytest that counts, by server and test, what was right and what was not."""

    held: Counter[tuple[str, str]] = field(default_factory=Counter)
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    going_on: set[str] = field(default_factory=set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties = dict(report.user_properties)
        if report.when != "call" or "server" not in properties:
            return
        server = str(properties["server"])
        test = report.location[2].partition("[")[0]
        self.asked[server, test] += 1
        self.held[server, test] += report.passed
        if properties.get("goes on"):
            self.going_on.add(server)


def answered(results: Results) -> Iterator[str]:
    """Write the table of what was answered right, and below it what was not."""
    yield from _head("server", "version", *COLUMNS.values(), "keep-alive")
    for served in SERVERS:
        if (served.name, "test_files") in results.asked:
            cells = (
                f"{results.held[served.name, test]}/{results.asked[served.name, test]}"
                for test in COLUMNS
            )
            goes_on = "yes" if served.name in results.going_on else "no"
            yield _row(served.name, served.version(), *cells, goes_on)
    yield ""
    yield from deviations()


def deviations(known: Mapping[tuple[str, str], str] = DEVIATIONS) -> Iterator[str]:
    """Write what is wrong with whom; once for all the cases of one reason."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for (server, case), reason in known.items():
        reasons.setdefault((server, reason), []).append(case)
    for (server, reason), cases in reasons.items():
        yield f"- **{server}**, {', '.join(cases)}: {reason}"


def cost_table(measured: Iterable[tuple[str, Cost]]) -> Iterator[str]:
    yield from _head("server", "our bounded file", "its own `wsgi.file_wrapper`")
    for name, cost in measured:
        yield _row(name, f"{cost.ours:.2f}", f"{cost.native:.2f}")


def _head(*names: str) -> Iterator[str]:
    yield _row(*names)
    yield _row(*("---" for _ in names))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _renew(mark: str, lines: Iterable[str]) -> None:
    """Put lines between the marks of a table."""
    text = DOCUMENT.read_text("utf-8")
    begin, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    found = re.search(rf"(?<={re.escape(begin)}\n).*(?={re.escape(end)})", text, re.DOTALL)
    if found is None:
        raise SystemExit(f"{DOCUMENT} has no {begin}.")
    table = "\n".join(["", *lines, "", ""])
    DOCUMENT.write_text(text[: found.start()] + table + text[found.end() :], "utf-8")


def main(arguments: list[str]) -> int:
    if "--cost" in arguments:
        _renew("cost", cost_table(costs()))
        return 0
    results = Results()
    status = pytest.main(["-q", str(ROOT / "tests" / "matrix" / "test_servers.py")], [results])
    if status == 0:
        _renew("answered", answered(results))
    return int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
