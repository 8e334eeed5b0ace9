"""The numbers that are made of many, and what has no number."""

from __future__ import annotations

import math

import pytest

from bench.numbers import difference, median, percentile, ratio

HUNDRED = [float(number) for number in range(1, 101)]


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        pytest.param(HUNDRED, 0.5, 50.0, id="the middle of a hundred"),
        pytest.param(HUNDRED[::-1], 0.99, 99.0, id="the slowest but one, whatever the order"),
        pytest.param([7.0], 0.99, 7.0, id="the only one"),
        pytest.param([], 0.5, None, id="none at all"),
        pytest.param([1.0, 2.0, math.inf], 0.5, 2.0, id="half were answered"),
        pytest.param([1.0, 2.0, math.inf], 0.99, math.inf, id="the slowest never was"),
    ],
)
def test_a_percentile_is_one_of_the_values(
    values: list[float], share: float, expected: float | None
) -> None:
    assert percentile(values, share) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([3.0, 1.0, 2.0], 2.0, id="of three"),
        pytest.param([1.0, 2.0], 1.5, id="between two"),
        pytest.param([math.inf, 1.0, 2.0], 2.0, id="one round without an answer is the worst"),
        pytest.param([math.inf, math.inf, 1.0], math.inf, id="most rounds had no answer"),
        pytest.param([None, 1.0, 3.0], 2.0, id="what is not known does not count"),
        pytest.param([None], None, id="nothing is known"),
        pytest.param([], None, id="no rounds"),
    ],
)
def test_a_median_counts_the_rounds_without_an_answer(
    values: list[float | None], expected: float | None
) -> None:
    assert median(values) == expected


def test_what_is_not_known_has_no_ratio_and_no_difference() -> None:
    assert ratio(3.0, 2.0) == 1.5
    assert ratio(0.0, 2.0) == 0.0
    assert ratio(None, 2.0) is ratio(2.0, None) is ratio(2.0, 0.0) is None
    assert ratio(math.inf, 2.0) == math.inf
    assert ratio(2.0, math.inf) == 0.0
    assert ratio(math.inf, math.inf) is None
    assert difference(3.0, 2.0) == 1.0
    assert difference(None, 2.0) is difference(2.0, None) is None
