"""The page about events names what there is: every fact with its fields and its level."""

import re
from pathlib import Path
from typing import get_args

import pytest

from minisup import narrate
from minisup.core import facts
from minisup.core.model import Outcome
from minisup.host.output.events import document

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "events.md").read_text(encoding="utf-8")
ROWS = {row[0]: row[1:] for row in re.findall(r"^\| `(\w+)` \| (\w+) \| (.+?) \|", PAGE, re.MULTILINE)}
FACTS = get_args(facts.Fact)

EXAMPLES = {
    "outcome": Outcome.FAILED,
    "code": 1,
    "step": "drain",
    "frees": ("email",),
    "failed": (),
    "doing": "rotate",
    "then": "stop",
    "slot": "sms:0",
    "by": "TERM",
}


def example(kind):
    """A fact with some value in each field."""
    given = {name: EXAMPLES.get(name, _some(str(hint))) for name, hint in kind.__annotations__.items()}
    return kind(**given)


def _some(hint):
    if "str" in hint:
        return "text"
    return 7 if "int" in hint else True if "bool" in hint else 1.5


def test_every_fact_has_a_row_with_its_fields():
    documented = {name: re.findall(r"`(\w+)`", row[1]) for name, row in ROWS.items()}
    assert documented == {facts.name_of(example(kind)): list(kind._fields) for kind in FACTS}


def test_every_fact_has_a_sentence():
    assert set(narrate.SENTENCES) == set(FACTS)


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.__name__)
def test_the_object_of_a_fact_is_what_the_page_says(kind):
    fact = example(kind)
    found = document(fact, 1_795_600_000.5)
    assert list(found) == ["timestamp", "level", "message", "fact", "fields"]
    assert found["timestamp"] == "2026-11-25T09:46:40.500Z"
    assert found["level"] == ROWS[found["fact"]][0]
    assert found["message"] == narrate.sentence(fact)
    assert list(found["fields"]) == list(kind._fields)
