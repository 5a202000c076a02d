"""Facts in words."""

import pytest

from minisup.core.facts import FirstFailure, StateChanged
from minisup.core.model import Outcome
from minisup.narrate import sentence


@pytest.mark.parametrize(
    ("next_in", "said"),
    [(0.75, "; next try in 0.75 s"), (None, "")],
    ids=["one that is tried again", "one that was being stopped"],
)
def test_a_first_failure_says_what_follows_and_never_that_nothing_holds_it(next_in, said):
    fact = FirstFailure("email:0", 7, Outcome.FAILED, 1, None, 0.21, "Connection refused", next_in)
    assert sentence(fact) == f'email: first failure: email:0 exit 1 after 0.21 s "Connection refused"{said}'


def test_off_says_who_asked_for_it_if_somebody_did():
    assert sentence(StateChanged("email", "off", "app")) == "email: off, asked by app"
    assert sentence(StateChanged("email", "off")) == "email: off"
