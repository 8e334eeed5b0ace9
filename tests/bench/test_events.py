"""Events to all viewers, measured in small: each has come, and others were answered meanwhile."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.bench.test_run import bench


@pytest.mark.parametrize("peer", ["ours", "sse-starlette"])
def test_an_event_comes_to_all_and_others_are_answered(peer: str, tmp_path: Path) -> None:
    ran = bench("events", "--quick", "--peers", peer.removeprefix("ours"), "--out", str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    found = json.loads((tmp_path / "bench.json").read_text("utf-8"))["scenarios"]["events"]
    if peer in found["left_out"]:
        pytest.skip(found["left_out"][peer])
    figures = {each["contestant"]: each["figures"] for each in found["rounds"]}[peer]
    assert figures["streams"] == 3
    for name in ("event_p50", "event_p99", "cpu", "p50", "p99"):
        assert 0 < figures[name] < math.inf
