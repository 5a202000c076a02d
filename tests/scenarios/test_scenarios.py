"""Each scenario is a text that a reviewer can read; its answers are machine-written and then reviewed:
`python tests/tools/scenario_script.py --rewrite tests/scenarios/*.txt`.
"""

from pathlib import Path

import pytest
from scenario_script import ScriptError, perform

HERE = Path(__file__).parent
SCENARIOS = sorted(HERE.glob("*.txt"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(path):
    text = path.read_text(encoding="utf-8")
    assert perform(text) == text


def test_there_are_scenarios():
    assert len(SCENARIOS) >= 25


def test_a_wrong_command_is_reported_with_its_line():
    with pytest.raises(ScriptError, match=r"line 3: .*unknown command 'strat'"):
        perform("program email\n\nstrat email\n----\n")


def test_an_unknown_key_is_reported():
    with pytest.raises(ScriptError, match=r"line 1: .*unknown key 'numproc'"):
        perform("program email numproc=2\n")


def test_a_wrong_duration_is_reported():
    with pytest.raises(ScriptError, match="expected a duration"):
        perform("program email min_runtime=soon\n")
