"""Each scenario is performed in the simulator and on real processes, a hundred times as fast: it goes the same way.

What is compared is the whole story of each slot and program: starts, outcomes, waits and their reasons, signals,
leftovers, facts. Instants are not: a busy machine is late. So before each command both worlds must have told the same,
and what competes in a scenario is at least ten of its seconds (a tenth of a real one) apart. Like all scenarios they
are machine-written: `python tests/tools/scenario_script.py --rewrite tests/twins/*.txt`.
"""

import re
from functools import partial
from pathlib import Path

import pytest
from kit import Stage, wait_until
from real_world import RealWorld
from scenario_script import Script, commands_of, perform
from story import difference, holds, story

from minisup.core.model import Outcome

SCENARIOS = sorted(Path(__file__).parent.glob("*.txt"))
LATE = 20.0
"""Seconds that the machine may be late."""


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_twin(stage: Stage, actor: Path, path: Path) -> None:
    simulated, real = Script(), Script(partial(RealWorld, stage, actor))
    lines: list[str] = []
    for command in commands_in(path):
        lines += simulated.do(command)
        real.do(command)
        if lines:
            catch_up(real.world, lines)
    assert_same(simulated, real, lines)


def commands_in(path: Path) -> list[str]:
    paragraphs = path.read_text(encoding="utf-8").split("\n\n")
    return [line for paragraph in paragraphs for line in commands_of(paragraph) if line and line[0] != "#"]


def catch_up(world: RealWorld, lines: list[str]) -> None:
    """Wait until minisup has told what the simulator has, and let the clock of the scenario go on from there."""
    expected = story(lines)
    try:
        wait_until(lambda: holds(story(world.told()), expected), LATE)
    except AssertionError:
        pytest.fail(difference(story(world.told()), expected))
    world.settle()


def assert_same(simulated: Script, real: Script, lines: list[str]) -> None:
    daemon, halted = real.world.daemon, simulated.world.trace.halted
    assert halted is not None, "a twin ends with the end of minisup, so that nothing can come after what is compared"
    assert daemon.wait() == halted[1]
    assert not difference(story(real.world.told()), story(lines))
    ends = [(record.slot, record.run, str(record.outcome)) for record in simulated.world.trace.records]
    assert by_slot(ends_said(daemon.stderr)) == by_slot(ends), "minisup's own lines tell of the same ends"


def ends_said(stderr: str) -> list[tuple[str, int, str]]:
    found = re.findall(rf"^(\S+:\d+) run (\d+) ({'|'.join(Outcome)})\b", stderr, re.MULTILINE)
    return [(slot, int(run), outcome) for slot, run, outcome in found]


def by_slot(ends: list[tuple[str, int, str]]) -> dict[str, list[str]]:
    slots = {slot for slot, _, _ in ends}
    return {slot: [outcome for other, _, outcome in ends if other == slot] for slot in slots}


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_what_the_file_says_is_what_the_simulator_says(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert perform(text) == text


def test_there_are_twins() -> None:
    assert len(SCENARIOS) >= 18
