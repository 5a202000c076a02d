"""Many requests in any order, on programs of every kind: minisup keeps its head, and nothing survives it."""

import random

import pytest
from kit import SOON, Stage, pause, program, sh, wait_until
from lookup import describe

REQUESTS = 150
STOP = {"drain": "100ms", "timeout": "200ms"}
DEAF = "trap '' TERM; while :; do sleep 0.02; done"


def count(stage: Stage, word: str) -> int:
    return sum(word in describe(pid) for pid in stage.jobs())


@pytest.mark.parametrize("seed", [1, 2])
def test_a_storm_of_requests_leaves_one_run_in_each_wanted_slot(stage: Stage, seed: int) -> None:
    daemon = stage.up(
        program("quick", sh("sleep 0.02"), numprocs=2, min_runtime=0, stop=STOP),
        program("leaving", sh("sleep 1000 & sleep 0.05"), min_runtime="50ms", stop=STOP),
        program("deaf", sh(DEAF), stop=STOP),
        program("failing", sh("exit 1"), retry={"backoff": "20ms", "max_backoff": "50ms"}),
        program("web", "sleep 2000", kind="service", numprocs=3, min_runtime="50ms", stop=STOP),
        program("task", sh("sleep 0.1"), kind="task", numprocs=2, stop=STOP),
    )
    chance = random.Random(seed)
    targets = ["quick", "quick:1", "leaving", "deaf", "failing", "web", "web:0", "task", "*a*", "all"]
    for _ in range(REQUESTS):
        verb = chance.choice(["start", "stop", "restart"])
        daemon.ask(verb, [chance.choice(targets)], now=chance.random() < 0.5)
        pause(chance.choice([0, 0, 0, 0.01, 0.05]))
    daemon.ask("start", ["all"])
    for name, slots in {"deaf": 1, "web": 3}.items():
        wait_until(lambda name=name, slots=slots: daemon.program(name)["running"] == slots, SOON, f"{name} runs")
    for name in ("quick", "leaving"):
        before = daemon.program(name)["runs"]["total"]
        wait_until(lambda name=name, n=before: daemon.program(name)["runs"]["total"] > n + 1, SOON, f"{name} goes on")
    wait_until(lambda: daemon.program("task")["state"] == "done", SOON, "the task is done")
    wait_until(lambda: (count(stage, "2000"), count(stage, "trap")) == (3, 1), SOON, "as many runs as slots, by /proc")
    daemon.ask("stop", ["all"], now=True, wait=True)
    wait_until(lambda: not stage.jobs(), SOON, "nothing is left")
    daemon.term()
    assert daemon.wait() == 0
