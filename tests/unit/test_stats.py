import pytest

from minisup.core.model import Outcome
from minisup.core.policy.stats import KEPT_DURATIONS, Stats


def test_runs_are_counted_by_outcome():
    stats = Stats(0.0)
    stats.add(Outcome.WORKED, 1.0, 1.0)
    stats.add(Outcome.FAILED, 1.0, 2.0)
    stats.add(Outcome.WORKED, 1.0, 3.0)
    assert stats.outcomes[Outcome.WORKED] == 2
    assert stats.outcomes[Outcome.FAILED] == 1
    assert sum(stats.outcomes.values()) == 3


def test_the_window_forgets_what_is_older_than_a_minute():
    stats = Stats(100.0)
    for second in range(100, 160):
        stats.add(Outcome.WORKED, 0.5, second + 0.5)
    assert stats.per_minute(159.9) == 60
    assert stats.busy_seconds(159.9) == pytest.approx(30.0)
    assert stats.per_minute(189.5) == 30
    assert stats.busy_seconds(189.5) == pytest.approx(15.0)
    assert stats.per_minute(10_000.0) == 0
    assert stats.busy_seconds(10_000.0) == 0


def test_a_long_run_counts_at_most_the_window():
    stats = Stats(0.0)
    stats.add(Outcome.WORKED, 3600.0, 3600.0)
    assert stats.busy_seconds(3600.0) == 60.0


def test_percentiles_are_of_worked_runs_only():
    stats = Stats(0.0)
    assert stats.percentile(0.5) is None
    for tenth in range(1, 11):
        stats.add(Outcome.WORKED, float(tenth), 0.0)
    stats.add(Outcome.FAILED, 1000.0, 0.0)
    assert stats.percentile(1.0) == 10.0
    assert stats.percentile(0.5) == 5.0
    assert stats.percentile(0.95) == 10.0
    assert stats.percentile(0.0) == 1.0


def test_only_the_last_durations_are_kept():
    stats = Stats(0.0)
    for _ in range(KEPT_DURATIONS):
        stats.add(Outcome.WORKED, 100.0, 0.0)
    for _ in range(KEPT_DURATIONS):
        stats.add(Outcome.WORKED, 1.0, 0.0)
    assert stats.percentile(1.0) == 1.0
