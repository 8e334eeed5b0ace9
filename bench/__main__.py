"""The command line: which scenarios, how often and how long, and where the report goes."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Final

from bench.model import MIB, Result, Settings
from bench.plot import draw
from bench.process import ROOT, Cores, pin, raise_descriptor_limit, share_cores
from bench.report import as_json, data, markdown, section
from bench.run import Runner, place_of
from bench.scenarios import SCENARIOS

_QUICK: Final = Settings(
    rounds=1,
    seconds=0.3,
    warm_seconds=0.1,
    big_size=16 * MIB,
    sparse_size=64 * MIB,
    streams=3,
    slow_clients=3,
    rows=2_000,
    ranges=20,
    quick=True,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; 1: a contestant has failed."""
    chosen = _parse(arguments)
    if chosen.list:
        for scenario in SCENARIOS.values():
            names = ", ".join(each.name for each in scenario.contestants)
            print(f"{scenario.name}: {scenario.what} ({names}).")
        return 0
    signal.signal(signal.SIGTERM, _stop)
    raise_descriptor_limit()
    settings = _settings(chosen)
    cores = share_cores(not chosen.unpinned)
    pin(cores.clients)  # for what we do while a server is measured
    machine = _machine(cores)
    chosen.out.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    with place_of(settings) as place:
        runner = Runner(place, settings, cores, _tell)
        for name in chosen.scenarios or SCENARIOS:
            results.append(runner.run(SCENARIOS[name], chosen.peers))
            print(section(results[-1]), end="\n\n", flush=True)
            # Each time, for who ends a long run early wants to keep what there is.
            _write(chosen.out, results, machine, settings)
    _tell(f"The report is {chosen.out / 'bench.md'}")
    return int(any(each.failure for result in results for each in result.rounds))


def _write(
    folder: Path, results: Sequence[Result], machine: Mapping[str, str], settings: Settings
) -> None:
    plot = draw(results, folder / "bench.svg")
    found = as_json(data(results, machine, settings))
    (folder / "bench.json").write_text(found, encoding="utf-8")
    said = markdown(results, machine, settings, plot)
    (folder / "bench.md").write_text(said, encoding="utf-8")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure our servers beside others; what is not installed is left out.",
    )
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", help=f"of {', '.join(SCENARIOS)} (default: all)"
    )
    parser.add_argument("--rounds", type=_count, help="rounds of all contestants (default: 5)")
    parser.add_argument("--seconds", type=_seconds, help="of each measurement (default: 3)")
    parser.add_argument(
        "--peers", type=_peers, metavar="NAME,…", help="only these beside ours ('': none)"
    )
    parser.add_argument("--streams", type=_count, help="idle streams (default: 10000)")
    parser.add_argument("--unpinned", action="store_true", help="let the system choose the cores")
    parser.add_argument("--quick", action="store_true", help="a tiny run: to see that all works")
    parser.add_argument("--list", action="store_true", help="tell the scenarios and end")
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "bench" / "results",
        metavar="DIR",
        help="where the table, the rounds (JSON) and the plot go (default: bench/results)",
    )
    chosen = parser.parse_args(arguments)
    for name in chosen.scenarios:
        if name not in SCENARIOS:
            parser.error(f"There is no scenario {name!r}: choose from {', '.join(SCENARIOS)}.")
    return chosen


def _peers(text: str) -> set[str]:
    chosen = {name for name in text.split(",") if name}
    known = {each.family for one in SCENARIOS.values() for each in one.contestants}
    if unknown := chosen - known:
        absent = " and no ".join(sorted(unknown))
        raise argparse.ArgumentTypeError(
            f"There is no {absent}: choose from {', '.join(sorted(known))}."
        )
    return chosen


def _count(text: str) -> int:
    if int(text) < 1:
        raise ValueError(text)
    return int(text)


def _seconds(text: str) -> float:
    if not 0 < float(text) <= 60:
        raise ValueError(text)
    return float(text)


def _settings(chosen: argparse.Namespace) -> Settings:
    given = {name: getattr(chosen, name) for name in ("rounds", "seconds", "streams")}
    asked = {name: value for name, value in given.items() if value is not None}
    return replace(_QUICK if chosen.quick else Settings(), **asked)


def _machine(cores: Cores) -> dict[str, str]:
    pinned = "the server on one core, its clients on another"
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "cores": "as the system likes" if cores.server is None else pinned,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _stop(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)  # which lets every block end what it has begun


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
