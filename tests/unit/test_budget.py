import pytest

from minisup.core.model import Retry
from minisup.core.policy.budget import Budget


def made(numprocs=2, now=0.0, **retry):
    return Budget(Retry(**retry), numprocs, now)


def test_it_starts_full_with_budget_plus_numprocs():
    assert made(numprocs=2).tokens == made(numprocs=2).size == 12


def test_a_launch_takes_one_token_until_none_is_left():
    budget = made(numprocs=1, budget=2)
    assert [budget.take(0.0) for _ in range(5)] == [True, True, True, False, False]
    assert budget.tokens == 0


def test_time_adds_a_token_each_refill():
    budget = made(numprocs=1, budget=0)
    assert budget.take(0.0)
    assert not budget.take(14.9)
    assert budget.take(15.0)
    assert not budget.take(15.0)
    assert budget.next_token(20.0) == pytest.approx(30.0)


def test_the_next_token_is_there_now_if_one_is():
    assert made().next_token(5.0) == 5.0


def test_at_the_instant_that_next_token_names_a_token_can_be_taken():
    # the sum of two floats may fall an ulp short: a timer armed for that instant would spin
    budget = made(numprocs=1, budget=0, now=0.1, refill=0.7)
    now = 0.1
    for _ in range(1000):
        assert budget.take(now)
        now = budget.next_token(now + 0.3)
        assert now <= budget.next_token(now) <= now + 1e-6


@pytest.mark.parametrize(("ratio", "credit"), [(0.0, 0.0), (0.5, 1.0), (0.75, 3.0), (0.95, 19.0)])
def test_a_healthy_end_pays_back_by_the_ratio(ratio, credit):
    budget = made(numprocs=50, max_failure_ratio=ratio)
    for _ in range(40):
        budget.take(0.0)
    before = budget.tokens
    budget.pay_back(0.0)
    assert budget.tokens - before == pytest.approx(credit)


def test_it_never_holds_more_than_its_size():
    budget = made()
    budget.pay_back(0.0)
    budget.fill(1e9)
    assert budget.tokens == budget.size
    assert budget.level(1e10) == budget.size


def test_to_look_at_the_level_changes_nothing():
    budget = made(numprocs=1, budget=0)
    budget.take(0.0)
    assert budget.level(7.5) == pytest.approx(0.5)
    assert budget.tokens == 0


def test_slots_that_join_bring_a_token_each_and_those_that_leave_cap_what_there_is():
    budget = made(numprocs=2, budget=2)
    budget.take(0.0)
    budget.resize(3, 0.0)
    assert (budget.tokens, budget.size) == (6, 7)
    budget.resize(-4, 0.0)
    assert (budget.tokens, budget.size) == (3, 3)
    budget.take(0.0)
    budget.resize(-1, 0.0)
    assert (budget.tokens, budget.size) == (2, 2)


def test_what_time_has_earned_is_counted_before_the_size_changes():
    budget = made(numprocs=1, budget=0)
    budget.take(0.0)
    budget.resize(4, 15.0)
    assert budget.tokens == 5
