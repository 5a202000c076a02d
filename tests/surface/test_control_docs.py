"""The page about the control socket names what there is."""

import re
from pathlib import Path
from types import UnionType
from typing import get_args, get_origin, is_typeddict

from status_reference import fields_of, with_reference

from minisup.control.protocol import INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR
from minisup.core.messages import Verb
from minisup.core.model import ExitCodes, Kind, Outcome, Phase, Policy, Reason, Scale
from minisup.core.status import RunCounts, SlotStatus, StatusDocument
from minisup.core.view import snapshot
from minisup.host.requests.verbs import VERBS
from minisup.sim.jobs import Job
from minisup.sim.world import World

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "control.md").read_text(encoding="utf-8")
METHODS_PART = PAGE.partition("## The document")[0]
ROWS = [line.split(" | ") for line in METHODS_PART.splitlines() if line.startswith("| `")]


def test_every_method_has_a_row_with_its_parameters():
    documented = {
        method: set(re.findall(r"`(\w+)`", row[1])) for row in ROWS for method in re.findall(r"`([\w.]+)`", row[0])
    }
    assert documented == {method: set(verb.parameters) for method, verb in VERBS.items()}


def test_every_error_code_is_explained():
    codes = {int(code) for code in re.findall(r"^\| (-\d+) \|", PAGE, re.MULTILINE)}
    assert codes == {PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR}


def test_the_shape_of_status_is_what_its_types_say():
    hint = "run: python tests/tools/status_reference.py docs/reference/control.md"
    assert with_reference(PAGE) == PAGE, hint


def tables(kind):
    """All objects in a type, itself included."""
    if is_typeddict(kind):
        return [kind, *(table for _, inner, _ in fields_of(kind) for table in tables(inner))]
    return [table for part in get_args(kind) for table in tables(part)]


def test_every_field_of_status_has_a_meaning():
    met = {table.__name__ for table in tables(StatusDocument)}
    assert {
        "StatusDocument",
        "ProgramStatus",
        "SlotStatus",
        "PauseStatus",
        "LastRun",
        "ScaleStatus",
        "ScaleDecision",
        "RunCounts",
    } <= met
    for table in tables(StatusDocument):
        for name, _, means in fields_of(table):
            assert means.text.endswith("."), f"{table.__name__}.{name}"


def test_the_words_of_a_slot_and_the_outcomes_are_all_named():
    told = {name: means.text for name, _, means in fields_of(SlotStatus)}
    assert re.findall(r"`(\w+)`", told["phase"]) == [phase.value for phase in Phase]
    assert set(re.findall(r"`(\w+)`", told["reason"])) == {reason.value for reason in Reason}
    assert {name for name, _, _ in fields_of(RunCounts)} == {"total", *(outcome.value for outcome in Outcome)}


def misplaced(value, kind, at="status"):
    """Where a value is not as its type: a key too many or too few, another type."""
    if is_typeddict(kind):
        if not isinstance(value, dict):
            return [at]
        kinds = {name: inner for name, inner, _ in fields_of(kind)}
        found = [f"{at}.{name}" for name in kinds.keys() ^ value.keys()]
        for name in kinds.keys() & value.keys():
            found += misplaced(value[name], kinds[name], f"{at}.{name}")
        return found
    if isinstance(kind, UnionType):
        found = [misplaced(value, part, at) for part in get_args(kind)]
        return [] if [] in found else found[0]
    if get_origin(kind) is list:
        return [where for item in value for where in misplaced(item, get_args(kind)[0], at)]
    if get_origin(kind) is dict:
        return [where for item in value.values() for where in misplaced(item, get_args(kind)[1], at)]
    return [] if type(value) is kind else [at]


def test_minisup_tells_every_field_of_status_and_no_other():
    policies = [
        Policy(name="email", numprocs=2),
        Policy(name="shop", kind=Kind.SERVICE, exit=ExitCodes(ok=frozenset())),
        Policy(name="push", scale=Scale(min=1, max=4, probed=False)),
    ]
    world = World(policies, {"email": Job(lasts=0.1), "shop": Job(lasts=0.1), "push": Job(lasts=0.5)})
    world.boot()
    world.run(120.0)
    world.ask(Verb.PAUSE, "email:0")
    told = snapshot(world.fleet, now=world.now, wall=0.0, version="", pid=1, instance="", uptime=world.now)
    assert misplaced(told, StatusDocument) == []
    slots = {slot["name"]: slot for program in told["programs"] for slot in program["slots"]}
    assert slots["email:0"]["paused"]["by"] == "app"
    assert slots["shop:0"]["last"]["because"] == "kind"
    assert told["programs"][2]["scale"]["last"] is not None
    del slots["email:0"]["paused"]["by"]
    assert misplaced(told, StatusDocument) == ["status.programs.slots.paused.by"]
