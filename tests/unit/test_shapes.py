"""What a client relies on: minisup's own documents have it, and whatever else answers is refused, not tripped over."""

import copy
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_requests import WORLDS

from minisup.cli.status import why_text as why_words
from minisup.cli.status.table import Look, table
from minisup.control.shapes import SHAPES, TOLD, decision, misfit
from minisup.core.facts import Autoscaled
from minisup.core.view import snapshot
from minisup.core.why import explain

WALL = datetime(2026, 11, 22, 10, tzinfo=UTC).timestamp()
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text()
    | st.just("\ud800")
    | st.sampled_from(["stopping", "2026-11-22T10:00:00Z"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
CHOICES = st.lists(st.integers(0, 1000), min_size=8, max_size=8)


def status_of(world):
    facts = {"version": "0.1.0", "pid": 1, "instance": "7f3a", "uptime": 100.0}
    return snapshot(world.fleet, now=100.0, wall=WALL, zone=UTC, names=None, programs=frozenset(), **facts)


def why_of(world):
    programs = [
        explain(world.fleet, program, program.slots, now=100.0, wall=WALL) for program in world.fleet.programs.values()
    ]
    return {"schema": 1, "state": "running", "programs": programs}


@pytest.mark.parametrize("where", WORLDS, ids=lambda where: where.name.lower())
def test_the_documents_of_minisup_have_the_shape(where):
    world = WORLDS[where]()
    assert misfit(status_of(world), SHAPES["status"]) is None
    assert misfit(why_of(world), SHAPES["why"]) is None


def test_each_place_of_a_misfit_is_named():
    document = status_of(WORLDS[next(iter(WORLDS))]())
    assert misfit({}, SHAPES["status"]) == "version"
    document["programs"][0]["slots"][1]["since"] = "long"
    assert misfit(document, SHAPES["status"]) == "programs.0.slots.1.since"
    del document["programs"][0]["name"]
    assert misfit(document, SHAPES["status"]) == "programs.0.name"
    assert misfit([], SHAPES["status"]) == "."
    assert misfit({"programs": 5, "state": "running"}, SHAPES["why"]) == "programs"


def test_numbers_are_finite_and_truth_is_no_number():
    assert misfit(float("nan"), float) == misfit(10**400, float) == misfit(True, int) == misfit(1 << 63, int) == "."
    assert misfit(5, float) is None


def test_a_decision_of_scaling_is_all_there():
    said = Autoscaled("a", 1, 2, "backlog", 5, None, 10.0, 1.0, 0, 0, 0.0)._asdict() | {"ago": 1.0}
    assert decision(said)
    assert not decision({**said, "visible": None})
    assert not decision({**said, "runs": None})
    assert not decision(None)


def changed(document, choices, value, *, remove):
    """The document with one of its inner values replaced or removed."""
    found = copy.deepcopy(document)
    at = found
    for choice in choices:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            break
        key = keys[choice % len(keys)]
        inner = at[key]
        if isinstance(inner, dict | list) and inner and choice % 3:
            at = inner
        elif remove:
            del at[key]
            break
        else:
            at[key] = value
            break
    return found


@pytest.mark.parametrize("where", [next(iter(WORLDS)), *list(WORLDS)[4:7]], ids=lambda where: where.name.lower())
@pytest.mark.parametrize("what", ["status", "why"])
def test_a_document_with_anything_in_it_is_refused_or_shown(where, what):
    document = (status_of if what == "status" else why_of)(WORLDS[where]())

    @settings(deadline=None, max_examples=150)
    @given(CHOICES, JSON, st.booleans())
    def check(choices, value, remove):
        found = changed(document, choices, value, remove=remove)
        if misfit(found, SHAPES[what]) is None:
            shown = why_words.text(found) if what == "why" else table(found, Look(80), slots=True)
            assert isinstance(shown, str)

    check()


@settings(deadline=None, max_examples=150)
@given(JSON, st.sampled_from(sorted(SHAPES)))
def test_any_answer_fits_or_does_not(value, method):
    assert misfit(value, SHAPES[method]) is None or misfit(value, SHAPES[method])


@settings(deadline=None, max_examples=100)
@given(JSON, st.sampled_from(sorted(TOLD)))
def test_any_notification_fits_or_does_not(value, method):
    assert misfit(value, TOLD[method]) is None or misfit(value, TOLD[method])
