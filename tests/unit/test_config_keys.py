"""A key of the configuration is declared once: everything else that knows keys follows from its field."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import minisup
from minisup.config.keys.key_info import NEXT_RUN, NOW, Key, declared, says

PACKAGE = Path(minisup.__file__).parent
TOOLS = Path(__file__).parents[1] / "tools"
AFTER = "    numprocs: int = field(\n"
ADDED = """    colour: str = field(default="none", metadata=says(Key("The colour of its lines."), NOW))
"""
ASK = """
import json, os
from minisup.check.effective import facts
from minisup.check.lint import review
from config_reference import reference
from minisup.config.load import load
from minisup.config.reload_plan import plan

def read(colour):
    with open("minisup.toml", "w") as file:
        file.write(f"[program.email]\\ncommand = 'true'\\n{colour}\\n")
    return load("minisup.toml", {}, os.getcwd())

before, after = read(""), read("colour = 'red'")
print(next(line for line in reference().splitlines() if line.startswith("| `colour`")))
print([(change.key, change.new, change.effect.value) for change in plan(before, after).changes])
print(json.dumps(facts(after, [], [])).count('"colour": "red"'))
"""


def test_a_key_that_is_added_is_in_the_reference_in_the_plan_of_a_reload_and_in_the_json_of_check(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "minisup", ignore=shutil.ignore_patterns("__pycache__"))
    schema = tmp_path / "minisup" / "config" / "schema.py"
    text = schema.read_text(encoding="utf-8")
    assert text.count(AFTER) == 1
    schema.write_text(text.replace(AFTER, ADDED + AFTER), encoding="utf-8")
    script = tmp_path / "ask.py"
    script.write_text(ASK, encoding="utf-8")
    environ = {**os.environ, "PYTHONPATH": f"{tmp_path}:{TOOLS}", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, cwd=tmp_path, env=environ, check=False
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        '| `colour` | text | `"none"` | The colour of its lines. | at once |',
        "[('colour', 'red', 'applied at once')]",
        "1",
    ]


def test_a_key_that_does_not_say_what_a_reload_does_with_it_does_not_load():
    @dataclass(frozen=True)
    class Table:
        command: str = field(metadata=says(Key("What runs."), NEXT_RUN))
        colour: str = field(metadata=says(Key("The colour of its lines.")))
        found_out: int = 0

    with pytest.raises(TypeError, match=r"Table\.colour does not say what a reload does with it"):
        declared(Table)


def test_what_is_found_out_is_no_key():
    @dataclass(frozen=True)
    class Table:
        command: str = field(metadata=says(Key("What runs."), NOW))
        found_out: int = 0

    assert declared(Table) == {"command": NOW}
