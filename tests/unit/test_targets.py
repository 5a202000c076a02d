"""What an operator names: facts about it, and what is said of a name that is none."""

import pytest

from minisup.config.text.wording import near_names
from minisup.core import facts
from minisup.core.fleet import Fleet
from minisup.core.model import Policy
from minisup.errors import NoSuchTargetError
from minisup.host.output.events import Events
from minisup.host.requests.targets import is_about, resolve

TOLD = [
    facts.StateChanged("email", "off"),
    facts.ProgramStarted("sms", 2),
    facts.SlotHeld("email:1", "no such file"),
    facts.Paused("email", ("email:0", "email:1"), 0, "app"),
    facts.Signalled("sms", ("sms:0",), "SIGUSR1", "app"),
    facts.ClockJumped(60.0),
]


def fleet_of(*policies):
    return Fleet(policies, shutdown_timeout=10.0, uniform=max)


@pytest.fixture
def fleet():
    return fleet_of(Policy(name="email", numprocs=2, groups=("mail",)), Policy(name="sms", numprocs=2))


@pytest.mark.parametrize(
    ("targets", "about"),
    [
        (["email"], [0, 2, 3]),
        (["@mail"], [0, 2, 3]),
        (["em*"], [0, 2, 3]),
        (["email:0"], [3]),
        (["email:1"], [2, 3]),
        (["sms", "email:1"], [1, 2, 3, 4]),
        (["gone"], []),
    ],
)
def test_events_of_a_program_or_slot(fleet, targets, about):
    assert [place for place, fact in enumerate(TOLD) if is_about(fleet, targets, fact)] == about


class Clock:
    def wall(self):
        return 0.0


def test_the_last_lines_of_a_program_are_counted_among_its_own():
    events = Events(Clock(), lambda _followed: None)
    for _ in range(10):
        for fact in TOLD:
            events.take(fact)
    found = events.last(3, lambda fact: getattr(fact, "program", "") == "sms")
    assert [event["fact"] for event in found] == ["signalled", "program_started", "signalled"]
    assert len(events.last(100)) == 50
    assert events.last(0) == []


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("emial", "did you mean email?"),
        ("em", "did you mean email, email-queue-2 or email-queue-3?"),
        ("smss", "did you mean sms?"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_a_few_near_names(word, said):
    assert near_names(word, ["email", "sms", "email-queue-2", "email-queue-3", "email-queue-4"]) == said


def test_an_unknown_name_names_a_few_and_not_all():
    many = fleet_of(*(Policy(name=f"worker-{number:03}") for number in range(500)))
    with pytest.raises(NoSuchTargetError) as near:
        resolve(many, ["worker-07"])
    assert near.value.hint == "did you mean worker-070, worker-071 or worker-072?"
    with pytest.raises(NoSuchTargetError) as far:
        resolve(many, ["zzz"])
    assert far.value.hint == (
        "programs here: worker-000, worker-001, worker-002, worker-003, worker-004, worker-005 and 494 more"
    )
