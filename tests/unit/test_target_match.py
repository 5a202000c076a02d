"""What a target means: the same for a running minisup, for the history and for a simulation."""

from contextlib import closing

import pytest
from past_kit import database, row

from minisup.cli.history.source import HistorySource
from minisup.core.messages import Verb
from minisup.core.model import Policy
from minisup.history.reading import Wanted, open_file, select
from minisup.host.requests.targets import is_meant, matching
from minisup.sim.jobs import Job
from minisup.sim.world import World
from minisup.target_match import LONGEST_TARGET, means_program, means_slot

TARGETS = {
    "email": ["email:0", "email:1"],
    "email:1": ["email:1"],
    "em*": ["email:0", "email:1"],
    "em*1": ["email:1"],
    "*:0": ["email:0", "sms:0"],
    "?ms:[0-9]": ["sms:0"],
}


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_means_the_same_slots_everywhere(tmp_path, target):
    world = World([Policy(name="email", numprocs=2), Policy(name="sms")], {"email": Job(), "sms": Job()})
    assert matching(world.fleet, target) == TARGETS[target]
    assert [name for name in world.fleet.slots if is_meant(world.fleet, [target], name)] == TARGETS[target]
    world.boot()
    world.ask(Verb.STOP, target)
    assert [slot.name for slot in world.fleet.slots.values() if not slot.wanted] == TARGETS[target]
    path = database(tmp_path / "history", [row(1, "email", 0), row(2, "email", 1), row(3, "sms", 0)])
    assert in_history(path, target) == TARGETS[target]


def in_history(path, target):
    """The slots whose rows a target means."""
    with closing(open_file(path)) as opened:
        source = HistorySource.__new__(HistorySource)  # as it is when a minisup has told where its database is
        source.database = opened
        rows = select(opened, Wanted(limit=0, places=source.places([target])))
        return sorted(f"{found.program}:{found.slot}" for found in rows)


def test_a_group_means_its_programs_and_all_means_everything():
    assert means_program("@mail", "email", ("mail",))
    assert not means_program("@mail", "mail", ("push",))
    assert not means_slot("@mail", "@mail:0")
    assert means_program("all", "email", ())


def test_a_pattern_that_is_too_long_matches_nothing_and_a_name_of_any_length_itself():
    name = "a" * LONGEST_TARGET + "b"
    assert means_program(name, name, ())
    assert not means_program(name[:-1] + "*", name, ())
