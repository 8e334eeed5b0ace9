"""Tables of databases over HTTP: each way has all rows, and what is cut is no figure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.rows_client import ask_tool, stream
from bench.wire import Broken
from tests.bench.test_run import bench
from tests.live import our_server
from tests.middleware.contract import answering

_WAYS = {
    "rows": ["copy, csv", "copy, ndjson", "cursor, ndjson", "cursor, csv"],
    "rows_sqlite": ["sqlite, ndjson", "sqlite, csv", "sqlite-engine, ndjson"],
    "rows_memory": ["copy, csv", "cursor, ndjson", "engine, ndjson"],
    "rows_sqlite_memory": ["sqlite, ndjson", "sqlite-engine, ndjson", "sqlite-adbc, ndjson"],
}


@pytest.mark.parametrize("scenario", _WAYS)
def test_each_way_sends_all_rows(scenario: str, tmp_path: Path) -> None:
    pytest.importorskip("adbc_driver_postgresql")
    ran = bench(scenario, "--quick", "--peers", "psql,sqlite3", "--out", str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    found = json.loads((tmp_path / "bench.json").read_text("utf-8"))["scenarios"][scenario]
    if "PostgreSQL not installed" in found["left_out"].values():
        pytest.skip("PostgreSQL is not installed")
    figures = {each["contestant"]: each["figures"] for each in found["rounds"]}
    for way in _WAYS[scenario]:
        if "memory" in scenario:
            assert figures[way]["once"] <= figures[way]["many"] < 64
        else:
            assert 0.2 < figures[way]["size"] < 0.5
            assert figures[way]["delay"] > 0


def _cut() -> Iterator[bytes]:
    yield b"a,b\n"
    raise OSError("The database has gone.")


def test_what_is_cut_is_refused() -> None:
    with our_server(answering(_cut())) as port, pytest.raises(Broken, match="was cut"):
        stream(port, "/")


def test_an_answer_to_its_end_is_counted() -> None:
    with our_server(answering(iter([b"at\n1700000000.5\n"]))) as port:
        got = stream(port, "/")
    assert 17 <= got.size < 40
    assert got.delay is not None


@pytest.mark.parametrize("ask", [stream, ask_tool])
def test_a_failure_is_refused(ask: Callable[[int, str], object]) -> None:
    def fail(environ: object, start_response: Callable[..., object]) -> list[bytes]:
        start_response("500 Internal Server Error", [("Content-Length", "1")])
        return [b"!"]

    with our_server(fail) as port, pytest.raises(Broken, match="The status is 500"):
        ask(port, "/")
