"""Report: what was found, as a table for people and as data for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from bench.model import Result, Settings, Target

_TIMES: Final = "×"  # noqa: RUF001
_NO_ANSWER: Final = "no answer"
_NOTHING: Final = "–"  # noqa: RUF001


def number(value: float | None, digits: int, unit: str = "") -> str:
    """Write a figure, or that no answer came."""
    if value is None:
        return _NOTHING
    return f"{value:,.{digits}f}{unit}" if math.isfinite(value) else _NO_ANSWER


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table; all but the first column stand to the right."""
    marks = [":--", *["--:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, marks, *rows))


def section(result: Result) -> str:
    """Write all of a scenario: its figures, its targets, and who is missing."""
    scenario = result.scenario
    parts = [f"## {scenario.name}", f"{scenario.what}."]
    names = result.contestants()
    if names:
        head = ["", *(column.title for column in scenario.columns)]
        parts.append(table(head, ([name, *_figures(result, name)] for name in names)))
    if names and scenario.targets:
        head = ["target", "wanted", "medians", "round by round", ""]
        parts.append(table(head, (_verdict(result, target) for target in scenario.targets)))
    if result.left_out:
        said = "; ".join(f"{name} ({reason})" for name, reason in result.left_out.items())
        parts.append(f"Left out: {said}.")
    failures = [each for each in result.rounds if each.failure]
    parts += [
        f"{each.contestant} failed in round {each.number}: {each.failure}" for each in failures
    ]
    if scenario.note:
        parts.append(scenario.note)
    return "\n\n".join(parts)


def _figures(result: Result, name: str) -> list[str]:
    columns = result.scenario.columns
    return [number(result.median(name, column.key), column.digits) for column in columns]


def wanted(target: Target) -> str:
    """Write what a target asks for."""
    bound = target.at_most if target.at_least is None else target.at_least
    sign = "≤" if target.at_least is None else "≥"
    return f"{sign} {bound:,g}{_unit(target)}"


def _unit(target: Target) -> str:
    return f" {_TIMES}" if target.over is not None else target.unit


def _verdict(result: Result, target: Target) -> list[str]:
    value = target.value(result.median)
    if value is None:
        return [target.what, wanted(target), _NOTHING, _NOTHING, "not measured"]
    rounds = result.by_round(target)
    low, high = (number(each, target.digits) for each in (min(rounds), max(rounds)))
    return [
        target.what,
        wanted(target),
        number(value, target.digits, _unit(target)),
        f"{low} to {high}",
        "holds" if target.holds(value) else "**misses**",
    ]


def markdown(
    results: Sequence[Result], machine: Mapping[str, str], settings: Settings, plot: str
) -> str:
    """Write the whole report; ``plot``: the line that shows it, or says why there is none."""
    about = "\n".join(f"- {name}: {value}" for name, value in machine.items())
    rounds = f"{settings.rounds} round{'s' if settings.rounds != 1 else ''}"
    method = (
        f"Medians of {rounds} of {settings.seconds:g} s, in which the contestants took turns;"
        " ratios are of medians."
    )
    who = {
        contestant.name: contestant.what
        for result in results
        for contestant in result.scenario.contestants
        if contestant.name in result.contestants()
    }
    legend = table(["contestant", "what it is"], who.items())
    if settings.quick:
        method += " This was a quick run: everything was smaller than said, and proves nothing."
    parts = ["# Bench", about, method, legend, *(section(result) for result in results), plot]
    return "\n\n".join(parts) + "\n"


def data(
    results: Sequence[Result], machine: Mapping[str, str], settings: Settings
) -> dict[str, Any]:
    """Gather everything that was found, each round as it was."""
    return {
        "machine": dict(machine),
        "settings": asdict(settings),
        "scenarios": {result.scenario.name: _data(result) for result in results},
    }


def _data(result: Result) -> dict[str, Any]:
    return {
        "rounds": [asdict(each) for each in result.rounds],
        "medians": {
            name: {
                column.key: result.median(name, column.key) for column in result.scenario.columns
            }
            for name in result.contestants()
        },
        "targets": [_target(result, target) for target in result.scenario.targets],
        "left_out": dict(result.left_out),
    }


def _target(result: Result, target: Target) -> dict[str, Any]:
    value = target.value(result.median)
    return {
        "what": target.what,
        "wanted": wanted(target),
        "value": value,
        "rounds": result.by_round(target),
        "holds": None if value is None else target.holds(value),
    }


def as_json(found: Mapping[str, Any]) -> str:
    """Write data as JSON, which knows no infinity."""
    return json.dumps(_finite(found), indent=1, ensure_ascii=False) + "\n"


def _finite(found: Any) -> Any:
    if isinstance(found, Mapping):
        return {name: _finite(value) for name, value in found.items()}
    if isinstance(found, Sequence) and not isinstance(found, str):
        return [_finite(value) for value in found]
    return _NO_ANSWER if found == math.inf else found
