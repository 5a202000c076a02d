"""Events of a real minisup: every fact reaches those who follow, single runs included, and nobody pays for it else."""

import json
import subprocess
import sys
from typing import Any

from kit import AT_ONCE, SOON, Daemon, Stage, program, sh, wait_until

FLAKY = sh("test ! -e broken || { echo refused; exit 1; }")
QUICK = {"backoff": "20ms", "max_backoff": "40ms", "budget": 0, "refill": "300ms"}


class Follower:
    """`minisup events -f --json`, and what it has printed."""

    def __init__(self, stage: Stage, *words: str) -> None:
        self.file = stage.root / f"events.{len(stage.processes)}"
        with self.file.open("wb") as out:
            command = [sys.executable, "-m", "minisup", "-s", stage.socket, "events", "-f", "--json", *words]
            self.process = stage.popen(command, stdout=out, stderr=subprocess.DEVNULL)

    @property
    def facts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.file.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def named(self, *names: str) -> list[dict[str, Any]]:
        return [event["fields"] for event in self.facts if event["fact"] in names]


def followed(stage: Stage, daemon: Daemon, *words: str) -> Follower:
    """A follower that has begun to be told."""
    follower = Follower(stage, *words)
    wait_until(lambda: follower.named("run_started"), SOON, "the start of a run is told")
    assert daemon.answers()
    return follower


def remembered(stage: Stage) -> list[str]:
    done = stage.command("events", "--json")
    return [json.loads(line)["fact"] for line in done.stdout.splitlines()]


def test_every_start_and_end_is_told_in_order(stage: Stage) -> None:
    daemon = stage.up(program("job", sh("echo $MINISUP_RUN_ID >> ran"), min_runtime="20ms", numprocs=2))
    follower = followed(stage, daemon)
    wait_until(lambda: len(follower.named("run_ended")) >= 20, SOON, "many runs are told")
    daemon.term()
    assert daemon.wait() == 0
    assert follower.process.wait(SOON) == 0
    started = [fact["run"] for fact in follower.named("run_started")]
    assert started == sorted(started)
    assert set(started) <= {int(line) for line in stage.lines("ran")}
    assert len(started) == started[-1] - started[0] + 1, "none is left out"
    ended = {fact["run"]: fact for fact in follower.named("run_ended")}
    assert set(started) <= set(ended)
    assert {(fact["outcome"], fact["code"]) for fact in ended.values()} == {("worked", 0)}
    assert follower.facts[-1]["fact"] == "shutdown_ended"


def test_an_outage_is_told_from_the_first_failure_to_the_recovery(stage: Stage) -> None:
    daemon = stage.up(program("sms", FLAKY, min_runtime="20ms", retry=QUICK))
    follower = followed(stage, daemon)
    stage.write("broken", "")
    wait_until(lambda: follower.named("slot_probed"), SOON, "a held slot is tried again")
    (stage.root / "broken").unlink()
    wait_until(lambda: follower.named("recovered"), SOON, "it has recovered")
    names = [event["fact"] for event in follower.facts if event["fact"] not in {"run_started", "run_ended"}]
    for name in ("first_failure", "slot_held", "slot_probed", "recovered"):
        assert name in names
    assert names.index("first_failure") < names.index("slot_held") < names.index("slot_probed")
    assert follower.named("slot_held")[0]["cause"] == 'exit 1 "refused"'
    (first, *_) = follower.named("first_failure")
    assert (first["slot"], first["code"], first["cause"]) == ("sms:0", 1, "refused")
    said = next(event["message"] for event in follower.facts if event["fact"] == "recovered")
    wait_until(lambda: said in daemon.stderr, SOON, "the log says the same")


def test_single_runs_are_told_to_those_who_follow_and_not_remembered(stage: Stage) -> None:
    daemon = stage.up(program("job", "true", min_runtime="20ms"))
    follower = followed(stage, daemon)
    assert remembered(stage) == ["program_started"]
    follower.process.kill()
    follower.process.wait(SOON)
    before = daemon.program("job")["runs"]["worked"]
    wait_until(lambda: daemon.program("job")["runs"]["worked"] > before + 5, SOON, "runs go on")
    assert remembered(stage) == ["program_started"]
    assert "run_ended" not in daemon.stderr


def test_the_past_comes_before_what_happens(stage: Stage) -> None:
    daemon = stage.up(program("job", sh("exit 3"), min_runtime="20ms", retry={"backoff": "50ms"}))
    wait_until(lambda: "first failure" in daemon.stderr, SOON, "it fails")
    follower = followed(stage, daemon, "-n", "5")
    assert [event["fact"] for event in follower.facts][:2] == ["program_started", "first_failure"]
    none = followed(stage, daemon, "-n", "0")
    assert "first_failure" not in [event["fact"] for event in none.facts]


def test_a_log_at_debug_says_the_same(stage: Stage) -> None:
    daemon = stage.up(
        program("job", "true", min_runtime="20ms"),
        program("long", "sleep 1000", stop=AT_ONCE),
        supervisor='log = { level = "debug", format = "json" }',
    )
    wait_until(lambda: daemon.program("job")["runs"]["worked"] > 2, SOON, "some runs")
    facts = [json.loads(line).get("fact") for line in daemon.stderr.splitlines()]
    assert {"run_started", "run_ended"} <= set(facts)
