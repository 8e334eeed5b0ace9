"""The report: what it says of figures, of targets, and of what there is not."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import pytest

from bench.model import Column, Command, Contestant, Result, Round, Scenario, Settings, Target
from bench.report import as_json, data, markdown, number, section, table, wanted

TIMES = "×"  # noqa: RUF001
NOTHING = "–"  # noqa: RUF001

FASTER = Target("rate over theirs", ("ours", "rate"), at_least=2.0, over=("theirs", "rate"))


def contestant(name: str) -> Contestant:
    return Contestant(name, f"what {name} is", lambda place, port: Command([]), lambda: None)


def result(figures: dict[str, list[float | None]], targets: Sequence[Target] = (FASTER,)) -> Result:
    scenario = Scenario(
        name="race",
        what="Who is faster",
        contestants=[contestant("ours"), contestant("theirs")],
        measure=lambda trial: {},
        columns=[Column("rate", "requests/s", 1), Column("other", "other")],
        targets=targets,
    )
    rounds = [
        Round(name, place, {"rate": value})
        for name, values in figures.items()
        for place, value in enumerate(values, 1)
    ]
    return Result(scenario, rounds, {"absent": "not installed"})


def row(text: str, begin: str) -> list[str]:
    """The cells of the line of a table that begins so."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {begin} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_table_has_a_rule_below_its_head() -> None:
    assert table(["", "a"], [["x", "1"]]) == "|  | a |\n| :-- | --: |\n| x | 1 |"


@pytest.mark.parametrize(
    ("value", "digits", "said"),
    [
        pytest.param(12345.678, 0, "12,346", id="thousands are set off"),
        pytest.param(0.12345, 3, "0.123", id="with so many digits"),
        pytest.param(math.inf, 1, "no answer", id="nothing came"),
        pytest.param(None, 1, NOTHING, id="nobody knows"),
    ],
)
def test_a_figure_is_written_for_people(value: float | None, digits: int, said: str) -> None:
    assert number(value, digits) == said


def test_a_section_shows_medians_and_a_dash_for_what_was_not_asked() -> None:
    text = section(result({"ours": [30.0, 10.0, 20.0], "theirs": [math.inf, math.inf, 1.0]}))
    assert row(text, "ours") == ["ours", "20.0", NOTHING]
    assert row(text, "theirs") == ["theirs", "no answer", NOTHING]
    assert "Left out: absent (not installed)." in text


@pytest.mark.parametrize(
    ("theirs", "ratio", "verdict"),
    [
        pytest.param(10.0, f"3.00 {TIMES}", "holds", id="fast enough"),
        pytest.param(15.0, f"2.00 {TIMES}", "holds", id="just so"),
        pytest.param(20.0, f"1.50 {TIMES}", "**misses**", id="too slow"),
        pytest.param(math.inf, f"0.00 {TIMES}", "**misses**", id="nothing came"),
        pytest.param(None, NOTHING, "not measured", id="nothing to compare with"),
    ],
)
def test_a_target_holds_or_misses_by_the_ratio_of_medians(
    theirs: float | None, ratio: str, verdict: str
) -> None:
    text = section(result({"ours": [30.0, 20.0, 60.0], "theirs": [theirs] * 3}))
    found = row(text, FASTER.what)
    assert found[1:3] == [f"≥ 2 {TIMES}", ratio]
    assert found[-1] == verdict


def test_a_target_tells_how_far_its_rounds_lie_apart() -> None:
    text = section(result({"ours": [30.0, 20.0, 60.0], "theirs": [10.0, 10.0, 10.0]}))
    assert row(text, FASTER.what)[3] == "2.00 to 6.00"


def test_a_target_may_bound_a_figure_alone_or_what_it_is_more_than_another() -> None:
    few = Target("few", ("ours", "rate"), at_most=25.0, unit=" ms")
    more = Target("more", ("ours", "rate"), at_most=5.0, minus=("theirs", "rate"), unit=" MiB")
    text = section(result({"ours": [20.0], "theirs": [10.0]}, (few, more)))
    assert row(text, "few")[1:] == ["≤ 25 ms", "20.00 ms", "20.00 to 20.00", "holds"]
    assert row(text, "more")[1:] == ["≤ 5 MiB", "10.00 MiB", "10.00 to 10.00", "**misses**"]
    assert wanted(few) == "≤ 25 ms"


def test_a_failure_is_told_and_the_others_are_measured() -> None:
    measured = result({"ours": [20.0]})
    failed = Round("theirs", 1, {}, "It ended at once.")
    text = section(Result(measured.scenario, [*measured.rounds, failed], {}))
    assert "theirs failed in round 1: It ended at once." in text
    assert row(text, "theirs") == ["theirs", NOTHING, NOTHING]
    assert row(text, "ours")[1] == "20.0"


def test_the_data_have_each_round_and_each_verdict() -> None:
    found = json.loads(as_json(data([result({"ours": [30.0], "theirs": [10.0]})], {}, Settings())))
    race = found["scenarios"]["race"]
    assert [each["figures"] for each in race["rounds"]] == [{"rate": 30.0}, {"rate": 10.0}]
    assert race["medians"] == {
        "ours": {"rate": 30.0, "other": None},
        "theirs": {"rate": 10.0, "other": None},
    }
    (target,) = race["targets"]
    assert (target["value"], target["holds"]) == (3.0, True)


def test_the_data_say_in_words_that_no_answer_came() -> None:
    assert json.loads(as_json({"a": [math.inf, 1.0, None]})) == {"a": ["no answer", 1.0, None]}


def test_a_quick_run_says_that_it_proves_nothing() -> None:
    one = result({"ours": [30.0]})
    machine = {"Python": "3"}
    assert "proves nothing" in markdown([one], machine, Settings(quick=True), "no plot")
    text = markdown([one], machine, Settings(), "no plot")
    assert "proves nothing" not in text
    assert text.endswith("no plot\n")
