import pytest

from minisup.core.model import Retry
from minisup.core.policy.backoff import backoff_delay


@pytest.mark.parametrize(
    ("failures", "low", "high"), [(1, 0.5, 1), (2, 1, 2), (3, 2, 4), (5, 8, 16), (6, 15, 30), (9, 15, 30)]
)
def test_the_delay_doubles_up_to_the_cap_and_is_spread_over_its_upper_half(failures, low, high):
    asked = []

    def uniform(a, b):
        asked.append((a, b))
        return b

    assert backoff_delay(Retry(), failures, uniform) == high
    assert asked == [(low, high)]


def test_a_slot_that_has_failed_for_years_has_a_finite_delay():
    assert backoff_delay(Retry(), 10**9, max) == 30.0


def test_a_cap_below_the_first_step_holds():
    assert backoff_delay(Retry(backoff=5.0, max_backoff=2.0), 1, max) == 2.0


def test_no_backoff_at_all():
    assert backoff_delay(Retry(backoff=0.0), 3, max) == 0.0
