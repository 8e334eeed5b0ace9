"""A store over HTTP: ours and the views beside it send the object, and the library tells truly."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from bench.model import MIB
from bench.objects_apps import RANGE, places
from bench.objects_client import ask_bare, first_bytes, ranges, whole
from bench.wire import Broken
from tests.bench.test_run import bench
from tests.ceph import missing_program
from tests.live import our_server

_FIGURES = {
    "objects": ("speed", "ranges", "ranges_many", "first"),
    "objects_memory": ("taken", "before", "grown"),
}


@pytest.mark.skipif(missing_program() is not None, reason="no Ceph")
@pytest.mark.parametrize("scenario", _FIGURES)
def test_each_contestant_sends_the_object(scenario: str, tmp_path: Path) -> None:
    ran = bench(scenario, "--quick", "--out", str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    found = json.loads((tmp_path / "bench.json").read_text("utf-8"))["scenarios"][scenario]
    assert found["left_out"] == {}
    for each in found["rounds"]:
        assert all(each["figures"][name] > 0 for name in _FIGURES[scenario]), each


def test_ranges_are_of_one_size_and_the_same_for_all() -> None:
    chosen = places(16 * MIB, 20)
    assert chosen == places(16 * MIB, 20)
    assert len({start for start, _ in chosen}) == 20
    assert all(stop - start == RANGE and stop <= 16 * MIB for start, stop in chosen)


def _say(status: str) -> Callable[..., Iterable[bytes]]:
    def app(environ: object, start_response: Callable[..., object]) -> Iterable[bytes]:
        start_response(status, [("Content-Length", "1")])
        return [b"1"]

    return app


@pytest.mark.parametrize("status", ["200 OK", "206 Partial Content", "404 Not Found"])
def test_another_answer_is_refused(status: str) -> None:
    with our_server(_say(status)) as port:
        with pytest.raises(Broken):
            whole(port, "/", 2 * MIB, 1)
        with pytest.raises(Broken):
            ranges(port, "/", 2 * MIB, 2, 2)
        with pytest.raises(Broken):
            first_bytes(port, "/", 2 * MIB, 2)


def test_a_failure_of_the_library_is_refused() -> None:
    with our_server(_say("500 Failed")) as port, pytest.raises(Broken, match="500"):
        ask_bare(port, "/whole/1")
