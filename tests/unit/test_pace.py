import pytest

from minisup.core.model import Idle, Policy
from minisup.core.policy.pace import StartRate, boot_offset, idle_wait


def test_slots_start_spread_over_the_pace_but_within_a_second():
    assert [boot_offset(Policy(name="a", min_runtime=0.4), i, 4) for i in range(4)] == pytest.approx([0, 0.1, 0.2, 0.3])
    assert boot_offset(Policy(name="a", min_runtime=60.0), 9, 10) == pytest.approx(0.9)
    assert boot_offset(Policy(name="a", min_runtime=0.0), 9, 10) == 0


def test_the_idle_ladder_grows_by_its_factor_up_to_the_cap():
    assert [idle_wait(Idle(), k) for k in (1, 2, 3, 4)] == pytest.approx([1, 1.5, 2.25, 3.375])
    assert idle_wait(Idle(), 9) == 20
    assert idle_wait(Idle(), 10**9) == 20


def test_a_steep_ladder_does_not_overflow():
    assert idle_wait(Idle(factor=1e6), 900) == 20


def test_a_flat_ladder_stays_flat():
    assert idle_wait(Idle(factor=1.0, wait=2.0), 50) == 2.0


def test_starts_are_spaced_after_a_burst_without_drift():
    rate = StartRate(2.0, 3)
    assert [rate.book(10.0) for _ in range(6)] == [10.0, 10.0, 10.0, 10.5, 11.0, 11.5]
    assert rate.book(11.7) == 12.0


def test_a_rest_earns_the_burst_back_and_no_more():
    rate = StartRate(1.0, 2)
    assert [rate.book(0.0) for _ in range(3)] == [0.0, 0.0, 1.0]
    assert [rate.book(1000.0) for _ in range(3)] == [1000.0, 1000.0, 1001.0]


def test_a_rate_for_no_slots_counts_as_a_burst_of_one():
    rate = StartRate(1.0, 0)
    assert [rate.book(0.0), rate.book(0.0)] == [0.0, 1.0]


def test_a_burst_may_be_changed_and_what_is_booked_stays():
    rate = StartRate(2.0, 1)
    assert [rate.book(0.0) for _ in range(3)] == pytest.approx([0.0, 0.5, 1.0])
    rate.allow(3)
    assert [rate.book(1.0) for _ in range(3)] == pytest.approx([1.0, 1.0, 1.5])
