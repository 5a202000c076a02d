from minisup.core.policy.timers import SLACK, Timers


def test_they_come_in_order_of_time():
    timers = Timers()
    timers.arm("b", 1, 2.0)
    timers.arm("a", 1, 1.0)
    assert timers.next_due() == 1.0
    assert timers.pop_due(0.9) is None
    assert timers.pop_due(5.0) == ("a", 1)
    assert timers.pop_due(5.0) == ("b", 1)
    assert timers.pop_due(5.0) is None
    assert timers.next_due() is None


def test_a_key_has_one_live_timer_the_last_that_was_armed():
    timers = Timers()
    timers.arm("a", 1, 1.0)
    timers.arm("a", 2, 3.0)
    assert timers.next_due() == 3.0
    assert timers.pop_due(2.0) is None
    assert timers.pop_due(3.0) == ("a", 2)


def test_a_disarmed_key_is_silent():
    timers = Timers()
    timers.arm("a", 1, 1.0)
    timers.arm("a", 2, None)
    timers.arm("never", 1, None)
    assert timers.next_due() is None


def test_dead_entries_do_not_pile_up():
    timers = Timers()
    for generation in range(10_000):
        timers.arm("a", generation, 1e6 - generation)
        timers.arm("b", generation, 1e6 + generation)
        assert len(timers) <= 2 * 2 + SLACK
    assert timers.pop_due(2e6) == ("a", 9_999)
    assert timers.pop_due(2e6) == ("b", 9_999)
