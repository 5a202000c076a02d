"""The wall clock jumps an hour, forth and back: nothing changes but the timestamps."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from kit import AT_ONCE, SLACK, SOON, Daemon, Stage, Stopwatch, program, sh, wait_until

HOUR = 3600.0
LAUNCHER = Path(__file__).parent / "jobs" / "shifted_wall_clock.py"


def up(stage: Stage, *programs: str, supervisor: str = 'shutdown_timeout = "4s"') -> Daemon:
    return stage.up(*programs, entry=(str(LAUNCHER), str(stage.path("offset"))), supervisor=supervisor)


def worked(daemon: Daemon, name: str) -> int:
    return daemon.program(name)["runs"]["worked"]


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forth", "back"])
def test_an_hour_more_or_less_changes_neither_pace_nor_backoff_nor_budget(stage: Stage, jump: float) -> None:
    keys = {"stop": AT_ONCE, "log": {"to": "none"}}
    daemon = up(
        stage,
        program("paced", sh("true"), min_runtime="200ms", **keys),
        program("failing", sh("exit 1"), retry={"backoff": "8s", "max_backoff": "8s"}, **keys),
        program("long", "sleep 1000", max_runtime="30s", **keys),
    )
    wait_until(lambda: worked(daemon, "paced") > 2, SOON, "the paced job runs")
    wait_until(lambda: daemon.slot("failing:0")["reason"] == "backoff", SOON, "the failing one waits")
    long, budget = daemon.running_pid("long:0"), daemon.program("paced")["budget"]
    before = daemon.slot("failing:0")["next_in"]
    stage.write("offset", str(jump))
    watch, runs = Stopwatch(), worked(daemon, "paced")
    wait_until(lambda: watch.seconds > 1.0, SOON, "a second has passed")
    paced = daemon.program("paced")
    assert 2 <= paced["runs"]["worked"] - runs <= 1.0 / 0.2 + 3 + (watch.seconds - 1.0) / 0.2
    assert paced["budget"] == budget
    assert abs(paced["slots"][0]["last"]["duration"]) < SLACK
    failing = daemon.slot("failing:0")
    assert daemon.program("failing")["runs"]["failed"] == 1
    assert before - watch.seconds - SLACK < failing["next_in"] <= before - 0.9
    assert daemon.running_pid("long:0") == long
    assert 0 <= daemon.slot("long:0")["since"] < 30
    assert 0 <= daemon.status()["uptime"] < 30
    ended = datetime.fromisoformat(paced["slots"][0]["last"]["ended"])
    assert abs((ended - datetime.now(UTC)).total_seconds() - jump) < 30


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forth", "back"])
def test_a_jump_during_the_drain_neither_cuts_nor_prolongs_it(stage: Stage, jump: float) -> None:
    daemon = up(
        stage, program("job", sh("echo > began; sleep 1.5; echo end > end")), supervisor='shutdown_timeout = "20s"'
    )
    wait_until(lambda: stage.lines("began"), SOON, "the job is at work")
    taken = Stopwatch()
    daemon.term()
    wait_until(lambda: daemon.slot("job:0")["phase"] == "draining", SOON, "it drains")
    stage.write("offset", str(jump))
    assert daemon.wait() == 0
    assert taken.seconds < 1.5 + SLACK
    assert stage.lines("end") == ["end"]
