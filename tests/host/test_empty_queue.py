"""Twenty real slots and a queue that is empty, then is not: what the idle rule saves, and what it costs."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from kit import AT_ONCE, SLACK, SOON, Daemon, Stage, Stopwatch, program, sh, wait_until

pytestmark = pytest.mark.timeout(120)

SLOTS = 20
MESSAGES = 100
JOB = 'for f in queue/*; do if mv "$f" taken/ 2>/dev/null; then sleep 0.3; echo "took ${f#queue/}"; exit 0; fi; done'
"""Takes one file, atomically; exits 0 in any case."""


@pytest.fixture
def daemon(stage: Stage) -> Daemon:
    for name in ("queue", "taken"):
        stage.path(name).mkdir()
    keys = {"numprocs": SLOTS, "min_runtime": 0, "idle": {"unless_output": "^took "}, "stop": AT_ONCE}
    daemon = stage.up(program("email", sh(JOB), **keys, directory=stage.root))
    wait_until(lambda: daemon.program("email")["runs"]["idle"] >= SLOTS + 5, 60, "the ladder is climbed")
    return daemon


def test_twenty_idle_slots_poll_less_than_a_tenth_as_often(daemon: Daemon) -> None:
    before, watch = daemon.program("email")["runs"]["total"], Stopwatch()
    wait_until(lambda: watch.seconds > 5, SOON, "five seconds have passed")
    polls = daemon.program("email")["runs"]["total"] - before
    assert polls / watch.seconds < 0.1 * SLOTS  # without a rule each slot polls once a second


def test_a_burst_is_on_all_slots_within_a_second_of_the_first_run_that_worked(daemon: Daemon, stage: Stage) -> None:
    for number in range(MESSAGES):
        stage.path("queue").joinpath(f"{number:03}").touch()
    wait_until(lambda: daemon.program("email")["runs"]["worked"] == MESSAGES, 60, "the burst is worked off")
    worked = wait_until(lambda: rows(stage), SOON, "the history has all of it")
    first = min(begun(row) + row["duration"] for row in worked)
    begins: dict[int, float] = {}
    for row in worked:
        begins[row["slot"]] = min(begun(row), begins.get(row["slot"], float("inf")))
    assert len(begins) == SLOTS
    assert max(begins.values()) - first < 1.0 + SLACK
    assert daemon.program("email")["runs"]["failed"] == 0
    assert not list(Path(stage.path("queue")).iterdir())


def rows(stage: Stage) -> list[dict] | None:
    said = stage.run("-c", stage.path("minisup.toml"), "-s", stage.socket, "history", "email", "-n", "0", "--json")
    assert said.returncode == 0, said.stderr
    found = [row for row in map(json.loads, said.stdout.splitlines()) if row["outcome"] == "worked"]
    return found if len(found) == MESSAGES else None


def begun(row: dict) -> float:
    return datetime.fromisoformat(row["started"]).timestamp()
