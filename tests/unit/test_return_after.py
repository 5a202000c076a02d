"""A run that asks how long its message is to stay hidden."""

import pytest

from minisup.core.fleet import Fleet
from minisup.core.messages import Booted, Exited, Received, Settle, Settlement, Started
from minisup.core.model import MessageSource, Policy


def settled(code, line, receives=1, **source):
    policy = Policy(name="email", source=MessageSource(return_delay=10.0, max_receives=5, **source))
    fleet = Fleet([policy], shutdown_timeout=10.0, uniform=max)
    fleet.step(Booted(), 0.0)
    fleet.step(Received("email", "m1", receives, None), 0.0)
    fleet.step(Started("email:0", 1, 100), 0.0)
    (action,) = (one for one in fleet.step(Exited("email:0", 1, code, last_line=line), 1.0) if type(one) is Settle)
    return action


@pytest.mark.parametrize(
    ("code", "line", "delay"),
    [
        (75, "http://x/: 503 Service Unavailable; return after 30 s", 30.0),
        (75, "return after 0 s", 0.0),
        (75, "return after 999999999 s", 43_200.0),
        (75, "return after 9999999999 s", 10.0),
        (75, "return after soon s", 10.0),
        (75, "return after -1 s", 10.0),
        (75, "return after 30", 10.0),
        (75, "", 10.0),
        (1, "return after 30 s", 10.0),
    ],
)
def test_the_last_line_of_exit_75_says_when_the_message_may_come_back(code, line, delay):
    assert settled(code, line) == Settle("email", "m1", Settlement.RETURN, delay)


def test_a_message_that_was_received_often_enough_is_set_aside_all_the_same():
    assert settled(75, "return after 30 s", receives=5).how is Settlement.REJECT
