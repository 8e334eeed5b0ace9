"""Which answers stay open while their clients take their time."""

from __future__ import annotations

from tests.clock import Clock
from wsgistream.sources.objects.resting import PAUSE, Resting


def test_of_those_that_pause_the_last_ones_stay() -> None:
    resting: Resting[str] = Resting(2)
    for reader in "abc":
        resting.keep(reader, f"answer to {reader}", keeps_pace=False)
    assert [resting.take(reader) for reader in "abc"] == [None, "answer to b", "answer to c"]


def test_what_is_taken_is_there_no_more() -> None:
    resting: Resting[str] = Resting(2)
    for keeps_pace in (False, True):
        resting.keep("a", "answer", keeps_pace=keeps_pace)
        assert [resting.take("a"), resting.take("a")] == ["answer", None]


def test_all_that_keep_pace_stay_and_those_that_did_are_as_the_others() -> None:
    clock = Clock()
    resting: Resting[str] = Resting(1, clock=clock)
    resting.keep("a", "answer to a", keeps_pace=True)
    resting.keep("b", "answer to b", keeps_pace=True)
    resting.keep("c", "answer to c", keeps_pace=False)
    clock.now += PAUSE / 2
    resting.keep("d", "answer to d", keeps_pace=True)
    assert resting.take("a") == "answer to a"
    clock.now += PAUSE / 2
    resting.keep("e", "answer to e", keeps_pace=True)
    kept = [resting.take(reader) for reader in "bcde"]
    assert kept == ["answer to b", None, "answer to d", "answer to e"]
