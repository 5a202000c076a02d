"""Ends of children, one at a time: what goes wrong with one of them costs no other its own."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from plumbing import Plumbing

from minisup.core.messages import Event, Exited
from minisup.core.model import Scope
from minisup.host.exits import Exits
from minisup.host.process import processes
from minisup.host.process.kill import Sender
from minisup.host.process.reap import Reaped
from minisup.host.start.helper import Helpers

LEFT_BEHIND = 3


def broken(*_: object, **__: object) -> Any:
    raise ValueError("what another wrote")


class Desk:
    """A supervisor with a run in each of some slots; `fed` is what the core hears."""

    def __init__(self, runs: int) -> None:
        self.plumbing = Plumbing()
        self.loop, self.now = self.plumbing.loop, self.plumbing.loop.clock.monotonic
        self.children = [subprocess.Popen(["true"], start_new_session=True) for _ in range(runs)]
        self.running = {child.pid: (f"a:{number}", number) for number, child in enumerate(self.children, 1)}
        self.helpers: Helpers = {}
        self.has_sources = False
        self.launcher = SimpleNamespace(starting=(), ended=broken, messages=None)
        program = SimpleNamespace(is_service=False)
        slot = SimpleNamespace(wanted=True, run=None, program=program, is_killed=lambda: False)
        self.fleet = SimpleNamespace(slots={name: slot for name, _ in self.running.values()})
        self.fed: list[Event] = []
        self.defects: list[Exception] = []
        self.console = SimpleNamespace(defect=self.defects.append)
        self.signals = SimpleNamespace(child_ended=True, noted=[])
        self.record = SimpleNamespace(ended=lambda _slot: None)
        self.verdicts = SimpleNamespace(rules={}, of=broken)
        self.pump = SimpleNamespace(finish=lambda _run: False, last_line=lambda *_: "said")
        self.leftovers = SimpleNamespace(
            reaped=lambda *_: None, ended=lambda *_, **__: LEFT_BEHIND, orphans=lambda: False, watch=lambda: None
        )
        self.leftovers.may_be_there = lambda: True
        self.on_event: Callable[[Event], None] = self.fed.append

    def feed(self, event: Event) -> None:
        self.on_event(event)

    def take_signals(self) -> None:
        """Nobody sends any."""

    def exits(self) -> Exits:
        """What takes their ends, once all have ended."""
        for child in self.children:
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        desk: Any = self
        return Exits(desk)

    def close(self) -> None:
        for child in self.children:
            with suppress(ChildProcessError):
                os.waitpid(child.pid, 0)
            child.returncode = 0
        self.plumbing.end()


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk(3)
    yield made
    made.close()


def runs(desk: Desk) -> list[int]:
    return sorted(event.run for event in desk.fed if isinstance(event, Exited))


def test_every_end_is_told(desk: Desk) -> None:
    desk.exits().take()
    assert runs(desk) == [1, 2, 3]
    assert not desk.running
    assert not desk.signals.child_ended


def test_a_core_that_stumbles_over_one_end_hears_of_the_others(desk: Desk) -> None:
    def stumble(event: Event) -> None:
        if getattr(event, "run", 0) == 2:
            raise ValueError("a defect")
        desk.fed.append(event)

    desk.on_event = stumble
    desk.exits().take()
    assert runs(desk) == [1, 3]
    assert [str(error) for error in desk.defects] == ["a defect"]
    assert not desk.running, "nobody signals any of them"


def test_a_start_whose_end_breaks_something_costs_no_run_its_end(desk: Desk) -> None:
    desk.launcher.starting = ("one",)
    desk.exits().take()
    assert runs(desk) == [1, 2, 3]
    assert len(desk.defects) == 3


def test_a_helper_whose_end_breaks_something_costs_no_run_its_end(desk: Desk) -> None:
    helper = desk.children[1]
    del desk.running[helper.pid]
    desk.helpers[helper.pid] = broken
    desk.exits().take()
    assert runs(desk) == [1, 3]
    assert len(desk.defects) == 1


@pytest.mark.parametrize("part", ["record", "leftovers", "pump", "verdicts"])
def test_the_core_hears_of_an_end_whatever_could_not_be_found_out(desk: Desk, part: str) -> None:
    desk.verdicts.rules = {"a": None} if part == "verdicts" else {}
    names = {"record": "ended", "leftovers": "reaped", "pump": "finish", "verdicts": "of"}
    setattr(getattr(desk, part), names[part], broken)
    desk.exits().take()
    assert runs(desk) == [1, 2, 3]
    assert len(desk.defects) == 3
    assert {(event.code, event.leftovers) for event in desk.fed if isinstance(event, Exited)} == {(0, 0)}


def test_a_turn_that_is_over_leaves_the_other_ends_for_the_next(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    exits = desk.exits()
    monkeypatch.setattr("minisup.host.exits.TURN", -1.0)
    exits.take()
    assert len(desk.fed) == 1
    assert desk.signals.child_ended, "the next turn does not wait"
    exits.take()
    exits.take()
    assert runs(desk) == [1, 2, 3]


def test_nobody_signals_a_run_that_was_reaped_a_moment_before(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows from the first end asks for SIGKILL of all; by the end of the turn all of them are reaped."""
    sent: list[tuple[int, bool]] = []

    def send(pid: int, _number: int, *, group: bool, **_: object) -> bool:
        sent.append((pid, processes.is_unreaped(pid)))
        return group

    monkeypatch.setattr(processes, "_send", send)
    survivors: Any = {}
    nobody: Any = type("Nobody", (dict,), {"stats": lambda *_: []})(survivors)
    sender = Sender(desk.running, nobody)
    everybody = dict(desk.running)

    def kill_all(event: Event) -> None:
        desk.fed.append(event)
        for pid, run in everybody.items():
            sender.send(pid, run, "SIGKILL", Scope.GROUP)

    desk.on_event = kill_all
    desk.exits().take()
    sender.finish()
    assert len(sent) == 2 + 1, "the second and the third after the first end, the third after the second"
    assert all(unreaped for _, unreaped in sent)


def test_a_number_that_another_run_has_got_is_not_signalled_for_the_first(desk: Desk) -> None:
    nobody: Any = type("Nobody", (dict,), {"stats": lambda *_: []})()
    sender = Sender(desk.running, nobody)
    sleeper = subprocess.Popen(["sleep", "100"], start_new_session=True)
    desk.running[sleeper.pid] = ("a:0", 9)
    sender.send(sleeper.pid, ("a:0", 8), "SIGTERM", Scope.GROUP)
    assert sleeper.poll() is None
    sender.send(sleeper.pid, ("a:0", 9), "SIGTERM", Scope.GROUP)
    assert sleeper.wait(10) == -signal.SIGTERM


def test_a_helper_that_ends_beside_the_last_strangers_is_signalled_no_more() -> None:
    plumbing = Plumbing()
    ended: list[Reaped] = []
    child = subprocess.Popen(["true"])
    helpers: Helpers = {child.pid: ended.append}
    leftovers = SimpleNamespace(orphans=lambda: bool(helpers))
    now = plumbing.loop.clock.monotonic
    desk: Any = SimpleNamespace(helpers=helpers, leftovers=leftovers, loop=plumbing.loop, now=now)
    Exits(desk).let_strangers_end(now() + 10.0)
    child.returncode = 0  # who has been reaped is not to be waited for
    assert [(one.pid, one.code) for one in ended] == [(child.pid, 0)]
    assert not helpers, "its number may be somebody else's by now"
