"""How many bytes may go, and when."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsgistream.rules.pacing import Bucket, Buckets, Claim

RATES = st.floats(1, 1e9)
STEPS = st.floats(0, 100)
#: What the rounding of a few hundred sums may come to, of numbers as large as a burst.
ROUNDING = 1e-9


@given(RATES, RATES, st.lists(st.tuples(STEPS, st.integers(1, 10**9)), min_size=1, max_size=60))
def test_no_window_has_more_than_a_burst_and_its_time_at_the_rate(
    rate: float, burst: float, asks: list[tuple[float, int]]
) -> None:
    now, spent = 1e6, []
    bucket = Bucket(rate, burst, now)
    for step, size in asks:
        now += step
        if not bucket.wait(size, now):
            bucket.promise(size)
            bucket.settle(size, size, now)
            spent.append((now, size))
    for first, (begin, _) in enumerate(spent):
        total = 0
        for end, size in spent[first:]:
            total += size
            assert total <= (burst + rate * (end - begin)) * (1 + ROUNDING) + rate * 1e-6


@given(
    RATES,
    RATES,
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(1, 10**9)), max_size=60),
)
def test_a_clock_may_go_as_it_likes(
    rate: float, burst: float, asks: list[tuple[float, int]]
) -> None:
    bucket, spent, forward, before = Bucket(rate, burst, 0.0), 0, 0.0, 0.0
    for now, size in asks:
        forward += max(0.0, now - before)
        before = now
        wait = bucket.wait(size, now)
        assert 0 <= wait < math.inf
        if not wait:
            bucket.promise(size)
            bucket.settle(size, size, now)
            spent += size
    assert spent <= (burst + rate * forward) * (1 + ROUNDING)


def test_a_clock_that_stands_gives_the_burst_and_no_more() -> None:
    bucket = Bucket(1.0, 3, 5.0)
    assert [bool(Claim([bucket]).ask(1, 5.0)) for _ in range(5)] == [False] * 3 + [True] * 2


def test_a_clock_that_was_set_back_goes_on_from_there() -> None:
    bucket = Bucket(1.0, 1, 1000.0)
    assert Claim([bucket]).spend(1, 1000.0)
    assert bucket.wait(1, 10.0) == 1
    assert bucket.wait(1, 10.5) == 0.5
    assert bucket.wait(1, 11.0) == 0


@given(RATES, RATES, st.integers(1, 10**6))
def test_after_the_wait_there_is_what_was_waited_for(rate: float, burst: float, size: int) -> None:
    size = min(size, int(burst))
    bucket = Bucket(rate, burst, 0.0)
    bucket.settle(0, int(burst), 0.0)
    wait = bucket.wait(size, 0.0)
    assert bucket.wait(size, wait * (1 + ROUNDING) + 1e-9) == 0


def served(bucket: Bucket, now: float) -> list[Claim]:
    claims = list(bucket.serve(now))
    for claim in claims:
        assert claim.passed(now) is None
        assert claim.is_granted
    return claims


def test_a_line_is_served_in_its_order_and_nobody_overtakes() -> None:
    bucket = Bucket(10.0, 10, 0.0)
    first, second, third = (Claim([bucket]) for _ in range(3))
    assert first.ask(10, 0.0) is None
    first.settle(10, 0.0)
    assert second.ask(10, 0.0) is bucket
    assert third.ask(1, 0.5) is bucket  # though there is enough for it
    assert not first.spend(1, 0.5)
    assert served(bucket, 0.9) == []
    assert served(bucket, 1.0) == [second]
    second.settle(10, 1.0)
    assert second.ask(10, 1.0) is bucket  # behind the third
    assert served(bucket, 2.1) == [third]


def test_what_is_promised_is_neither_promised_again_nor_saved_up() -> None:
    bucket = Bucket(10.0, 10, 0.0)
    claim = Claim([bucket])
    assert claim.ask(6, 0.0) is None
    assert bucket.wait(4, 0.0) == 0
    assert bucket.wait(5, 100.0) == 0.1
    claim.settle(6, 100.0)
    assert bucket.wait(4, 100.0) == 0
    assert bucket.wait(5, 100.0) == 0.1


def test_what_is_not_spent_is_there_for_others() -> None:
    bucket = Bucket(10.0, 10, 0.0)
    claim = Claim([bucket])
    assert claim.ask(10, 0.0) is None
    claim.settle(4, 0.0)
    assert bucket.wait(6, 0.0) == 0
    assert bucket.wait(7, 0.0) == 0.1


def test_a_claim_waits_for_one_bucket_after_the_other_and_spends_of_all() -> None:
    own, shared = Bucket(10.0, 10, 0.0), Bucket(1.0, 10, 0.0)
    claim, other = Claim([own, shared]), Claim([shared])
    assert claim.spend(10, 0.0)
    assert claim.ask(10, 0.0) is own
    assert not claim.is_granted
    assert list(own.serve(1.0)) == [claim]
    assert claim.passed(1.0) is shared
    assert other.ask(1, 1.0) is shared
    assert own.wait(1, 100.0) == 0.1  # promised
    assert list(shared.serve(10.0)) == [claim]
    assert claim.passed(10.0) is None
    assert claim.is_granted
    assert claim.settle(10, 10.0) is None
    assert served(shared, 11.0) == [other]


def test_who_gives_up_leaves_its_line_and_what_it_was_promised() -> None:
    own, shared = Bucket(10.0, 10, 0.0), Bucket(1.0, 10, 0.0)
    claim = Claim([own, shared])
    Claim([shared]).spend(10, 0.0)
    assert claim.ask(10, 0.0) is shared
    assert claim.settle(0, 0.0) is shared
    assert not shared.line
    assert own.wait(10, 0.0) == 0
    assert claim.settle(0, 0.0) is None  # it waits for nothing


@settings(max_examples=30)
@given(
    st.lists(st.integers(1, 20), min_size=2, max_size=8),
    st.lists(st.sampled_from([1.0, 5.0, 50.0]), min_size=2, max_size=8),
)
def test_no_answer_starves_however_much_the_others_want(sizes: list[int], own: list[float]) -> None:
    """Each has a bucket of its own and one that all share; each asks again at once."""
    now = 0.0
    shared = Bucket(10.0, 20, now)
    claims = [Claim([Bucket(rate, 20, now), shared]) for rate, _ in zip(own, sizes, strict=False)]
    spent = dict.fromkeys(claims, 0)
    wants = dict(zip(claims, sizes, strict=False))
    for claim in claims:
        claim.ask(wants[claim], now)
    for _ in range(1000):
        for claim in claims:
            for bucket in claim._buckets:
                for each in bucket.serve(now):
                    each.passed(now)
            if claim.is_granted:
                spent[claim] += claim.size
                claim.settle(claim.size, now)
                claim.ask(wants[claim], now)
        now += 0.1
    assert sum(spent.values()) <= 20 + 10.0 * now
    for claim in claims:
        # Two rounds are what it has to wait for at the most, again and again.
        assert spent[claim] >= 1000 * 0.1 // (2 * sum(sizes) / 10 + 20) * wants[claim]


@pytest.mark.parametrize(
    ("rate", "burst", "piece"),
    [
        pytest.param(256 * 1024, 256 * 1024, 26214, id="a tenth of a second's"),
        pytest.param(1000.0, 10**6, 16384, id="not too few"),
        pytest.param(1e9, 10**9, 65536, id="not too many"),
        pytest.param(1e6, 20_001, 10_000, id="no more than half a burst"),
        pytest.param(1e9, 1, 1, id="a byte at least"),
    ],
)
def test_a_piece_is_neither_large_nor_small(rate: float, burst: float, piece: int) -> None:
    assert Claim([Bucket(rate, burst, 0.0)]).piece == piece
    assert Claim([Bucket(1e9, 1e9, 0.0), Bucket(rate, burst, 0.0)]).piece == piece


def test_the_same_key_has_the_same_bucket() -> None:
    buckets = Buckets(10.0, 10)
    assert buckets.get("a", 0.0) is buckets.get("a", 1.0)
    assert buckets.get("a", 0.0) is not buckets.get("b", 0.0)


def test_a_bucket_that_nobody_uses_is_forgotten_when_it_is_full() -> None:
    buckets = Buckets(10.0, 10)
    claim = Claim([buckets.get("used", 0.0)])
    Claim([buckets.get("spent", 0.0)]).spend(10, 0.0)
    left = Claim([buckets.get("spent", 0.0)])
    left.leave()
    for each in list(buckets._buckets.values()):
        each.users -= each is not claim._buckets[0]
    buckets.get("other", 0.5)
    assert list(buckets._buckets) == ["used", "spent", "other"]
    buckets.get("another", 1.0)
    assert list(buckets._buckets) == ["other", "used", "another"]
    claim.leave()
    for number in range(10):
        buckets.get(number, 2.0)
    assert len(buckets) <= 3


def test_however_many_clients_there_are_a_table_has_an_end() -> None:
    buckets = Buckets(1.0, 10, kept=5)
    users = [Claim([buckets.get(f"user {number}", 0.0)]) for number in range(3)]
    for number in range(1000):
        claim = Claim([buckets.get(number, 0.0)])
        claim.spend(10, 0.0)
        claim.leave()
    assert len(buckets) <= 5 + len(users)
    assert all(buckets.get(f"user {number}", 0.0).users for number in range(3))
