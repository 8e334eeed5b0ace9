"""When the next process may start after one has died."""

from __future__ import annotations

import pytest

from tests.clock import Clock
from wsgistream.server.backoff import LIVED, LONGEST, BackOff


@pytest.fixture
def clock() -> Clock:
    return Clock()


def pauses(back_off: BackOff, clock: Clock, deaths: int, lived: float = 0.0) -> list[float]:
    """The pause after each of so many deaths; each is waited for."""
    found = []
    for _ in range(deaths):
        back_off.died(lived)
        found.append(round(back_off.left(), 6))
        clock.now += back_off.left() + 1.0
    return found


def test_the_first_starts_at_once(clock: Clock) -> None:
    assert BackOff(clock).left() == 0.0


def test_the_pauses_double_up_to_the_longest(clock: Clock) -> None:
    found = pauses(BackOff(clock), clock, 9)
    assert found == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, LONGEST, LONGEST]


def test_what_has_lived_is_replaced_at_once_however_often(clock: Clock) -> None:
    assert pauses(BackOff(clock), clock, 5, LIVED) == [0.0] * 5


def test_one_that_has_lived_ends_the_doubling(clock: Clock) -> None:
    back_off = BackOff(clock)
    assert pauses(back_off, clock, 3)[-1] == 0.4
    assert pauses(back_off, clock, 1, LIVED) == [0.0]
    assert pauses(back_off, clock, 2) == [0.1, 0.2]


def test_those_that_die_together_are_one_reason_to_wait(clock: Clock) -> None:
    back_off = BackOff(clock)
    for _ in range(8):
        back_off.died(0.0)
    assert round(back_off.left(), 6) == 0.1
    clock.now += 0.04
    assert round(back_off.left(), 6) == 0.06


def test_by_default_the_clock_is_that_of_the_system() -> None:
    back_off = BackOff()
    back_off.died(0.0)
    assert 0.0 <= back_off.left() <= 0.1
