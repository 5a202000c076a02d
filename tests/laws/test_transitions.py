"""The table of transitions lists what happens and nothing else: each row has a story that makes it."""

import pytest
from scenario_script import perform

from minisup.core.fleet import Fleet
from minisup.core.model import TRANSITIONS, Phase, Policy
from minisup.core.slot import Slot, TransitionError

LONG = "program a {}\njob a lasts=ever {}\n\nup\nrun 1s\n"
"""A run that goes on until somebody does something."""

LEFT = "program a min_runtime=60s {}\njob a lasts=100ms leftovers=1 leftovers_on_term=ignores\n\nup\nrun 1s\n"
"""A slot that waits, with leftovers."""

READY = "program a source.warm=1 {}\njob a lasts=1s {}\n\nup\nrun 1s\n"
"""A process that waits for its message."""

STORIES = {
    ("off", "waiting"): "program a autostart=false\n\nup\nstart a\n",
    ("off", "running"): "program a\njob a lasts=ever\n\nsurvivor a:0 7 1s\nup\n",
    ("off", "draining"): "program a\nprogram b\n\nup\nrun 1s\nstop a\nrun 1s\nfind a:0 1\nshutdown\n",
    ("off", "stopping"): "program a\nprogram b\n\nup\nrun 1s\nstop a\nrun 1s\nfind a:0 1\nshutdown --now\n",
    ("waiting", "waiting"): "program a retry.budget=0\njob a lasts=1s exit=1\n\nup\nrun 10s\n",
    ("waiting", "ready"): READY.format("", ""),
    ("ready", "running"): READY.format("", "") + "send a m1\n",
    ("ready", "waiting"): READY.format("", "") + "exit a:0 1\n",
    ("ready", "stopping"): READY.format("", "") + "stop a\n",
    ("ready", "done"): READY.format("restart=never", "") + "exit a:0 1\n",
    ("waiting", "running"): "program a\n\nup\nrun 3s\n",
    ("waiting", "draining"): LEFT.format("") + "stop a\n",
    ("waiting", "stopping"): LEFT.format("") + "stop a --now\n",
    ("waiting", "off"): "program a min_runtime=60s\n\nup\nrun 1s\nstop a\n",
    ("running", "waiting"): "program a\n\nup\nrun 500ms\n",
    ("running", "draining"): LONG.format("", "") + "stop a\n",
    ("running", "stopping"): LONG.format("", "") + "stop a --now\n",
    ("running", "killing"): (
        "program a kind=service\nprogram b after=a\njob a lasts=ever\njob b lasts=ever on_term=ignores\n\n"
        "up\nrun 2s\nshutdown\nrun 600ms\nshutdown\nrun 600ms\nshutdown\n"
    ),
    ("running", "off"): (
        "program a kind=service\nprogram b after=a\njob a lasts=2500ms\njob b lasts=ever\n\n"
        "up\nrun 2s\nshutdown\nrun 1s\n"
    ),
    ("running", "done"): "program a kind=task\njob a lasts=1s\n\nup\nrun 2s\n",
    ("draining", "running"): LONG.format("", "") + "stop a\nstart a\n",
    ("draining", "waiting"): LONG.format("", "") + "restart a\nexit a:0 0\n",
    ("draining", "stopping"): LONG.format("stop.drain=2s", "on_term=ignores") + "stop a\nrun 3s\n",
    ("draining", "killing"): LONG.format("stop.timeout=0", "") + "shutdown\nrun 10s\n",
    ("draining", "off"): LONG.format("", "") + "stop a\nexit a:0 0\n",
    ("draining", "done"): LONG.format("kind=task", "") + "stop a\nexit a:0 0\n",
    ("stopping", "waiting"): LONG.format("max_runtime=2s", "") + "run 1500ms\n",
    ("stopping", "killing"): LONG.format("stop.timeout=2s", "on_term=ignores") + "stop a --now\nrun 3s\n",
    ("stopping", "off"): LONG.format("", "") + "stop a --now\n",
    ("stopping", "done"): LONG.format("restart=never max_runtime=2s", "") + "run 2s\n",
    ("killing", "waiting"): LONG.format("max_runtime=2s stop.timeout=1s", "on_term=ignores") + "run 3s\n",
    ("killing", "off"): LONG.format("stop.timeout=1s", "on_term=ignores") + "stop a --now\nrun 2s\n",
    ("killing", "done"): LONG.format("restart=never max_runtime=2s stop.timeout=1s", "on_term=ignores") + "run 3s\n",
    ("done", "waiting"): "program a kind=task\n\nup\nrun 2s\nstart a\n",
    ("done", "draining"): LEFT.format("kind=task") + "stop a\n",
    ("done", "stopping"): LEFT.format("kind=task") + "stop a --now\n",
    ("done", "off"): "program a kind=task\n\nup\nrun 2s\nstop a\n",
}
LISTED = {(old.value, new.value) for old, news in TRANSITIONS.items() for new in news}


@pytest.fixture
def moves(monkeypatch):
    """Every move that a slot makes."""
    made = set()
    enter = Slot.enter

    def watched(slot, phase, now):
        made.add((slot.phase.value, phase.value))
        enter(slot, phase, now)

    monkeypatch.setattr(Slot, "enter", watched)
    return made


@pytest.mark.parametrize("move", sorted(LISTED | STORIES.keys()), ids=" to ".join)
def test_each_listed_transition_is_made(moves, move):
    perform(STORIES[move])
    assert move in moves
    assert moves <= LISTED


def test_a_move_that_is_not_listed_is_refused():
    fleet = Fleet([Policy(name="a")], shutdown_timeout=1.0, uniform=max)
    slot = fleet.slots["a:0"]
    with pytest.raises(TransitionError, match="a:0 cannot go from off to killing"):
        slot.enter(Phase.KILLING, 0.0)
