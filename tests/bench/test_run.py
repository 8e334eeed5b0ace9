"""A tiny run, from the command line to the report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT

#: Seconds after which a run that should take a few has hung.
PATIENCE = 60


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )


def test_a_tiny_run_leaves_a_table_and_the_figures_of_each_round(tmp_path: Path) -> None:
    ran = bench(
        *("small", "--quick", "--rounds", "2", "--seconds", "0.2"),
        *("--peers", "hello", "--out", str(tmp_path)),
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads((tmp_path / "bench.json").read_text("utf-8"))
    rounds = found["scenarios"]["small"]["rounds"]
    # In turn, so that what disturbs one disturbs the other.
    assert [(each["number"], each["contestant"]) for each in rounds] == [
        (1, "ours"),
        (1, "hello"),
        (2, "ours"),
        (2, "hello"),
    ]
    assert all(each["figures"]["rate_free"] > 0 for each in rounds)
    table = (tmp_path / "bench.md").read_text("utf-8")
    for name in ("ours", "hello"):
        rate = found["scenarios"]["small"]["medians"][name]["rate_free"]
        assert f"| {name} | " in table
        assert f" {rate:,.0f} |" in table
    assert (tmp_path / "bench.svg").exists() or "matplotlib is not installed" in table


def test_the_list_tells_every_scenario_and_runs_none() -> None:
    listed = bench("--list")
    assert listed.returncode == 0
    names = [line.partition(":")[0] for line in listed.stdout.splitlines()]
    assert names == [
        "throughput",
        "paced",
        "beside",
        "ranges",
        "small",
        "generator",
        "idle",
        "events",
        "workers",
        "slow_clients",
        "middleware",
        "compress",
        "rows",
        "rows_sqlite",
        "rows_memory",
        "rows_sqlite_memory",
        "objects",
        "objects_memory",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["tiny"], "There is no scenario 'tiny'", id="a scenario"),
        pytest.param(["--peers", "hello,apache"], "There is no apache", id="a peer"),
    ],
)
def test_what_there_is_not_is_refused_with_a_sentence(arguments: list[str], said: str) -> None:
    refused = bench(*arguments)
    assert refused.returncode == 2
    assert said in refused.stderr
