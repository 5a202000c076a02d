import pytest

from minisup.core.model import Policy, Stop
from minisup.core.policy.shutdown import StopPlan, fit, level_end, levels, usable


@pytest.mark.parametrize(("limit", "seconds"), [(10, 9), (30, 27), (90, 81), (2, 1.5), (0.4, 0), (0, 0)])
def test_a_tenth_of_the_limit_and_at_least_half_a_second_is_kept_back(limit, seconds):
    assert usable(limit) == pytest.approx(seconds)


def test_the_timeout_gets_half_or_what_the_drain_leaves_and_the_drain_the_rest():
    assert fit(Stop(drain=60.0, timeout=10.0), 9.0) == StopPlan(4.5, 4.5)
    assert fit(Stop(drain=60.0, timeout=2.0), 9.0) == StopPlan(7.0, 2.0)
    assert fit(Stop(drain=1.0, timeout=2.0), 9.0) == StopPlan(1.0, 2.0)
    assert fit(Stop(drain=0.0, timeout=60.0), 9.0) == StopPlan(0.0, 9.0)
    assert fit(Stop(drain=2.0, timeout=60.0), 9.0) == StopPlan(2.0, 7.0)
    assert fit(Stop(drain=60.0, timeout=10.0), 81.0) == StopPlan(60.0, 10.0)


def test_a_program_is_a_level_above_all_that_are_after_it():
    web = Policy(name="web", after=("migrate", "db"))
    migrate = Policy(name="migrate", after=("db",))
    assert levels([web, migrate, Policy(name="db"), Policy(name="sms")]) == {"web": 0, "migrate": 1, "db": 2, "sms": 0}
    assert levels([Policy(name="db"), migrate, web]) == {"web": 0, "migrate": 1, "db": 2}


def test_a_name_that_is_no_program_or_a_cycle_does_not_hang():
    assert levels([Policy(name="a", after=("gone",))]) == {"a": 0}
    levels([Policy(name="a", after=("b",)), Policy(name="b", after=("a",))])


def test_each_later_level_reserves_a_second():
    assert [level_end(level, 2, 100.0, 9.0) for level in (0, 1, 2)] == [107.0, 108.0, 109.0]
    assert level_end(0, 0, 100.0, 9.0) == 109.0


def test_with_little_time_the_levels_share_half_of_it():
    assert [level_end(level, 2, 0.0, 2.0) for level in (0, 1, 2)] == [1.0, 1.5, 2.0]
