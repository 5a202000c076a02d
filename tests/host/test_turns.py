"""Many ends, many starts, and all of it slow: whoever asks for something is answered in between."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kit import AT_ONCE, SOON, Daemon, Stage, Stopwatch, program, sh, wait_until
from raw import Raw

from minisup.host.process import leftovers, processes
from minisup.host.process.leftovers import LeftoverSessions
from minisup.host.process.processes import Stat

LAUNCHER = Path(__file__).parent / "jobs" / "slow_starts.py"
SLOTS = 300


@pytest.mark.parametrize("min_runtime", [0, "1s"], ids=["exits start them", "timers start them"])
def test_health_is_answered_while_hundreds_of_slow_starts_are_due(stage: Stage, min_runtime: object) -> None:
    # A start takes 10 ms: to start each slot once takes 3 s, and it never ends, for the jobs end at once.
    job = program("many", sh(":"), numprocs=SLOTS, min_runtime=min_runtime, log={"to": "none"}, stop=AT_ONCE)
    daemon = stage.up(job, entry=(str(LAUNCHER), "0.01"), ready=False)
    wait_until(daemon.answers, SOON, "minisup answers")
    wait_until(lambda: daemon.program("many")["runs"]["total"] > SLOTS, 3 * SOON, "each slot has had a run")
    for _ in range(5):
        watch = Stopwatch()
        assert daemon.ask("health")["healthy"]
        assert watch.seconds < 1.0, "it waited for starts that others are waiting for"


def test_health_is_answered_while_a_request_starts_hundreds_of_slots_slowly(stage: Stage) -> None:
    job = program("many", "sleep 1000", numprocs=SLOTS, autostart=False, log={"to": "none"}, stop=AT_ONCE)
    daemon = stage.up(job, entry=(str(LAUNCHER), "0.01"))
    with Raw(daemon.socket) as operator:
        operator.send(b'{"jsonrpc": "2.0", "id": 1, "method": "start", "params": {"targets": ["many"]}}\n')
        wait_until(lambda: daemon.program("many")["wanted"], SOON, "it is under way")
        watch, before = Stopwatch(), running(daemon)
        assert daemon.ask("health")["healthy"]
        assert watch.seconds < 1.0, "it waited for starts that somebody else has asked for"
        assert before < SLOTS, "they are not slow enough for this test"
    wait_until(lambda: running(daemon) == SLOTS, 3 * SOON, "all of them run")


def test_a_stop_right_after_a_start_of_hundreds_reaches_them_all(stage: Stage) -> None:
    job = program("many", "sleep 1000", numprocs=SLOTS, autostart=False, log={"to": "none"}, stop=AT_ONCE)
    daemon = stage.up(job, entry=(str(LAUNCHER), "0.001"))
    daemon.ask("start", ["many"])
    daemon.ask("stop", ["many"], now=True, wait=True)
    wait_until(lambda: not stage.jobs(), SOON, "nothing is left")
    ended = wait_until(lambda: whole(daemon.program("many")["runs"]), SOON, "all ends are counted")
    assert ended["stopped"] == SLOTS, ended


def whole(runs: dict[str, int]) -> dict[str, int] | None:
    return runs if runs["total"] == SLOTS else None


def test_requests_for_hundreds_of_slots_are_carried_out_in_turn_while_status_is_answered(stage: Stage) -> None:
    job = program("many", "sleep 1000", numprocs=SLOTS, autostart=False, log={"to": "none"}, stop=AT_ONCE)
    daemon = stage.up(job, entry=(str(LAUNCHER), "0.01"))
    with Raw(daemon.socket) as one, Raw(daemon.socket) as other, Raw(daemon.socket) as third:
        one.send(b'{"jsonrpc": "2.0", "id": 1, "method": "start", "params": {"targets": ["many"], "wait": true}}\n')
        wait_until(lambda: daemon.program("many")["wanted"], SOON, "it is under way")
        other.send(b'{"jsonrpc": "2.0", "id": 1, "method": "stop", "params": {"targets": ["many"], "now": true}}\n')
        third.send(b'{"jsonrpc": "2.0", "id": 1, "method": "start", "params": {"targets": ["nobody"]}}\n')
        watch = Stopwatch()
        assert daemon.program("many")["wanted"] == SLOTS, "the stop waits for its turn"
        assert watch.seconds < 1.0, "status waited for a turn, too"
        one.socket.settimeout(3 * SOON)
        assert "result" in json.loads(other.line())
        assert json.loads(third.line())["error"]["code"] == -32004
    wait_until(lambda: not stage.jobs(), SOON, "nothing is left")
    assert daemon.program("many")["runs"]["stopped"] == SLOTS


def running(daemon: Daemon) -> int:
    """How many slots have a process."""
    return sum(slot["pid"] is not None for slot in daemon.program("many")["slots"])


class Looks:
    """`LeftoverSessions` of runs that are to be gone, on a machine whose processes are `seen`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seen: dict[int, list[Stat]]) -> None:
        self.taken = 0
        self.seen = seen
        monkeypatch.setattr(processes, "census", self._look)
        self.now = 0.0
        clock = SimpleNamespace(monotonic=lambda: self.now)
        loop: Any = SimpleNamespace(
            clock=clock, post=None, after=lambda _delay, _callback: SimpleNamespace(cancel=lambda: None)
        )
        survivors: Any = SimpleNamespace(mark=b"", state=b"", first_run=0)
        monkeypatch.setattr(leftovers, "SHARE", 0)  # a look that takes no time
        self.leftovers = LeftoverSessions(
            loop, dict, lambda _run: None, lambda _slot: False, lambda _slot: 0, lambda _changed: None, survivors
        )

    def _look(self, *_whose: object) -> dict[int, list[Stat]]:
        self.taken += 1
        return dict(self.seen)


def member(pid: int, session: int) -> Stat:
    return Stat(pid, 1, session, session, 100, "S")


def test_a_hundred_runs_that_end_at_once_cost_one_look_at_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch, {7: [member(7000, 1007)]})
    left = [looks.leftovers.ended(1000 + run, run, "many:0", exact=True) for run in range(100)]
    assert sum(left) == left[7] == 1
    assert looks.taken == 1


def test_a_look_from_before_the_leader_ended_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch, {1: [member(1001, 1001), member(7000, 1001)], 2: [member(1002, 1002)]})
    looks.leftovers.signal(1, "SIGCONT")
    looks.seen = {1: [member(7000, 1001)]}
    assert looks.leftovers.ended(1001, 1, "many:0", exact=True) == 1
    assert looks.leftovers.ended(1002, 2, "many:1", exact=True) == 0
    assert looks.taken == 2


def test_after_a_look_that_took_long_only_an_operator_gets_another_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many processes make each look long: other programs get five times as long in between."""
    looks = Looks(monkeypatch, {1: [member(1001, 1001), member(7000, 1001)]})
    seconds = iter(range(100))
    monkeypatch.setattr(leftovers, "SHARE", 5)
    monkeypatch.setattr(leftovers, "thread_time", lambda: float(next(seconds)))  # a look takes a second
    monkeypatch.setattr(processes, "children_of_self", lambda: [1001, 7000])
    looks.leftovers.reaped(1, "many:0")
    looks.leftovers.signal(1, "SIGCONT")
    looks.now = 4.9
    looks.leftovers.recount()
    assert looks.leftovers.ended(1001, 1, "many:0", exact=True) == 1, "something may be left: nobody has looked since"
    assert looks.taken == 1
    looks.leftovers.recount(now=True)
    assert looks.taken == 2
    looks.now = 9.8
    looks.leftovers.recount()
    assert looks.taken == 2
    looks.now = 10.0
    looks.leftovers.recount()
    assert looks.taken == 3
