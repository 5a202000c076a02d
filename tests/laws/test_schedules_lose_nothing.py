"""No planned start is lost, none happens twice: each is a run, or is told to have been left out."""

from driver import Driver, Steps
from hypothesis import given
from hypothesis import strategies as st

from minisup.core.facts import StartsSkipped
from minisup.core.messages import Note, Record, Spawn
from minisup.core.model import Overlap, Policy, Schedule

EVERY = 5.0


def actions(driver, kind):
    return [action for _, _, done in driver.log for action in done if isinstance(action, kind)]


def left_out(driver):
    """By the facts: each tells how many it has been for a run so far, and the last one, at its end, all of them."""
    told = {}
    for note in actions(driver, Note):
        if isinstance(note.fact, StartsSkipped):
            assert note.fact.skipped > told.get(note.fact.run, 0)
            told[note.fact.run] = note.fact.skipped
    return sum(told.values())


schedules = st.builds(
    Schedule, every=st.just(EVERY), overlap=st.sampled_from(list(Overlap)), jitter=st.sampled_from([0.0, 2.0])
) | st.builds(
    Schedule, calendar=st.just(Steps(EVERY)), overlap=st.sampled_from(list(Overlap)), jitter=st.sampled_from([0.0, 2.0])
)
lengths = st.lists(st.sampled_from([0.1, 1.0, 4.9, 5.0, 7.3, 12.0, 21.0]), min_size=1, max_size=12)


@given(schedules, lengths, st.lists(st.sampled_from([0, 0, 1, 7, 12, 78]), min_size=12, max_size=12))
def test_each_planned_start_is_a_run_or_is_left_out(schedule, lengths, codes):
    driver = Driver([Policy(name="a", schedule=schedule)])
    driver.boot()
    for length, code in zip(lengths, codes, strict=False):
        while not driver.runs:
            driver.wait(0.1)
        driver.wait(length)
        driver.exit("a:0", code)
    driver.wait(0.0)
    slot = driver.fleet.slots["a:0"]
    clock = driver.now if schedule.calendar is None else driver.now + driver.ahead
    first = 0.0 if schedule.calendar is None else schedule.calendar.next_after(1000.0)
    due = round((slot.plan.planned - first) / EVERY)  # before the next one
    assert slot.plan.planned >= clock - schedule.jitter - 0.001
    assert due == len(actions(driver, Spawn)) + left_out(driver)
    assert driver.fleet.programs["a"].budget.tokens == driver.fleet.programs["a"].budget.size


@given(st.lists(st.sampled_from([-3.0, -0.2, 0.3, 4.0, 11.0, 3600.0, -9000.0, 0.0]), max_size=12))
def test_a_clock_that_is_set_repeats_no_start_within_a_step_and_is_late_for_none(jumps):
    driver = Driver([Policy(name="a", schedule=Schedule(calendar=Steps(EVERY)))])
    driver.boot()
    for jump in jumps:
        driver.wait(2.0)
        while driver.runs:
            driver.exit("a:0")
        before = len(actions(driver, Spawn))
        passed = driver.fleet.slots["a:0"].plan.planned <= driver.now + driver.ahead + jump
        driver.set_clock(jump)
        assert len(actions(driver, Spawn)) - before == passed
        waits = driver.fleet.slots["a:0"].due()
        assert waits - driver.now <= 2 * EVERY + 1e-6, "it is silent for no longer than two steps"
    for record in actions(driver, Record):
        assert record.delay is None or record.delay >= 0
