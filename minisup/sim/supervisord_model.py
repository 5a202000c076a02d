"""supervisord 4.3 in virtual time, on the same simulated processes: its states, its tick, its FATAL.

What is modelled, read in its source and measured beside it (a twin test compares):

- One loop: it sleeps for at most a second, or until a child closes its pipes; then it moves every process along, then
  it reaps, then it looks at signals. So the first start is a second after its own, and what a loop finds out by
  reaping is acted upon in the next one: a second later, unless another child ends sooner.
- STARTING -> RUNNING when a loop finds it older than `startsecs`; an end before is BACKOFF, whatever the exit code.
- BACKOFF waits 1, 2, 3 ... seconds; after `startretries` of them it is FATAL, for ever.
- EXITED starts again with the next loop (`autorestart`), without limit and without delay.
- TERM stops one group (program) after another, `stopwaitsecs` before SIGKILL; runs in progress get the signal at once.

Left out: a child that has closed its pipes and cannot be reaped yet (supervisord then takes a failure for a success now
and then, and gives up later than here), and one whose two pipes close one after the other (it wakes twice, and the next
run starts at once).
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import floor, inf
from random import Random
from typing import Final

from minisup.core.messages import Exited, Record
from minisup.core.model import Instant, Kind, Outcome, Policy, Restart, Seconds
from minisup.core.policy.outcome import classify, code_table
from minisup.sim.jobs import Job, Process
from minisup.sim.load_plan import Scene
from minisup.sim.play import Deploy, Played, cut
from minisup.sim.world import Trace

TICK: Final[Seconds] = 1.001
"""How long it sleeps when nothing happens: a second, and what the loop itself takes."""

SPAWN: Final[Seconds] = 0.002
"""What a fork takes, with all descriptors closed: children that start in one loop start and end one after another."""


class ProcessState(StrEnum):
    """What supervisord calls a process."""

    STOPPED = "STOPPED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    BACKOFF = "BACKOFF"
    STOPPING = "STOPPING"
    EXITED = "EXITED"
    FATAL = "FATAL"


ALIVE: Final = frozenset({ProcessState.STARTING, ProcessState.RUNNING, ProcessState.STOPPING})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramKeys:
    """The keys of a `[program:x]`, with its defaults."""

    autostart: bool = True
    startsecs: Seconds = 1.0
    startretries: int = 3
    autorestart: Restart = Restart.ON_FAILURE  # `unexpected`
    exitcodes: frozenset[int] = frozenset({0})
    stopsignal: str = "SIGTERM"
    stopwaitsecs: Seconds = 10.0


def keys_of(policy: Policy) -> ProgramKeys:
    """The keys of which `minisup import supervisord` would make this policy; supervisord's defaults for the rest."""
    service = policy.kind is Kind.SERVICE
    wait = policy.stop.timeout if service else policy.stop.drain
    usual = 10.0 if service else 60.0
    return ProgramKeys(
        autostart=policy.autostart,
        startsecs=float(round(policy.stable_after)) if service and policy.stable_after > 10.0 else 1.0,  # noqa: PLR2004
        autorestart=policy.restart,
        exitcodes=policy.exit.ok or frozenset({0}),
        stopsignal=policy.stop.signal,
        stopwaitsecs=10.0 if wait == usual else wait,
    )


class Child:
    """One process of supervisord: its state, and the run in progress if there is one."""

    __slots__ = ("delay", "expected", "keys", "laststart", "name", "policy", "retries", "run", "state")

    def __init__(self, policy: Policy, keys: ProgramKeys, index: int) -> None:
        self.policy = policy
        self.keys = keys
        self.name = f"{policy.name}:{index}"
        self.state = ProcessState.STOPPED
        self.laststart: Instant | None = None
        self.retries = 0  # what supervisord calls backoff
        self.delay: Instant = 0.0
        self.expected = False  # whether the last exit code is in exitcodes
        self.run: Process | None = None

    def due(self, now: Instant) -> Instant:
        """The instant after which a loop has something to do for it; `inf`: only when its run ends."""
        match self.state:
            case ProcessState.STOPPED:
                return now if self.keys.autostart and self.laststart is None else inf
            case ProcessState.EXITED:
                return now if self.is_restarted() else inf
            case ProcessState.BACKOFF:
                return now if self.retries > self.keys.startretries else self.delay
            case ProcessState.STOPPING:
                return self.delay
            case _:
                return inf

    def is_restarted(self) -> bool:
        """Whether it starts again after an end in RUNNING."""
        restart = self.keys.autorestart
        return restart is Restart.ALWAYS or (restart is Restart.ON_FAILURE and not self.expected)


class Supervisord:
    """One supervisord with its children, which starts at `now`."""

    def __init__(
        self,
        policies: Sequence[Policy],
        keys: Mapping[str, ProgramKeys],
        jobs: Mapping[str, Job],
        chance: Random,
        now: Instant,
    ) -> None:
        self.now = now
        self.trace = Trace()
        self.fatal: list[tuple[Instant, str]] = []
        self.groups = [
            [Child(policy, keys[policy.name], index) for index in range(policy.numprocs)]
            for policy in sorted(policies, key=lambda policy: policy.name)
        ]
        self._children = [child for group in self.groups for child in group]
        self._codes = {policy.name: code_table(policy.exit) for policy in policies}
        self._jobs = jobs
        self._chance = chance
        self._ends: list[tuple[Instant, int, Child, Process]] = []
        self._slept = now  # when it last began to sleep
        self._stopping = False
        self._runs = 0

    def run(self, until: Instant) -> None:
        """Let time pass."""
        while (wake := self._wake()) <= until:
            self._loop(wake)
        self.now = until
        self._slept += TICK * max(0, floor((until - self._slept) / TICK))

    def shut_down(self, deadline: Instant) -> Instant:
        """SIGTERM now; returns when it has gone, at `deadline` at the latest: then the platform kills everything."""
        self._loop(min(self._wake(next_tick=True), deadline))  # signals are looked at when it wakes by itself
        self._stopping = True
        groups = list(self.groups)
        while groups:
            _pop_stopped(groups)
            if groups:
                self._stop(groups[-1])
            if not any(_is_unstopped(child) for child in self._children):
                return self.now
            wake = self._wake(next_tick=True)
            if wake >= deadline:
                self._kill_all(deadline)
                return deadline
            self._loop(wake)
            _pop_stopped(groups)
        return self.now

    # --- how it works ---

    def _wake(self, *, next_tick: bool = False) -> Instant:
        """When its sleep ends in which something happens; with `next_tick` when its sleep ends."""
        slept = self._slept
        while self._ends and self._ends[0][2].run is not self._ends[0][3]:
            heapq.heappop(self._ends)
        ends = self._ends[0][0] if self._ends else inf
        due = slept if next_tick else min((child.due(slept) for child in self._children), default=inf)
        tick = inf if due == inf else slept + TICK * max(1, floor((due - slept) / TICK) + 1)
        return min(max(ends, slept), tick)

    def _loop(self, now: Instant) -> None:
        """Wake at `now`: move every child along, reap, and sleep again."""
        self.now = self._slept = now
        for child in self._children:
            self._move(child)
        while self._ends and self._ends[0][0] <= now:
            _, _, child, process = heapq.heappop(self._ends)
            if child.run is process and process.ends <= now:
                self._reap(child, process)
        self._slept = self.now

    def _move(self, child: Child) -> None:
        now, keys = self.now, child.keys
        match child.state:
            case ProcessState.STOPPED if keys.autostart and child.laststart is None and not self._stopping:
                self._spawn(child)
            case ProcessState.EXITED if child.is_restarted() and not self._stopping:
                self._spawn(child)
            case ProcessState.STARTING if now - (child.laststart or 0.0) > keys.startsecs:
                child.state, child.retries = ProcessState.RUNNING, 0
            case ProcessState.BACKOFF if child.retries > keys.startretries:
                child.state = ProcessState.FATAL
                self.fatal.append((now, child.name))
            case ProcessState.BACKOFF if now > child.delay and not self._stopping:
                self._spawn(child)
            case ProcessState.STOPPING if now >= child.delay:
                self._signal(child, "SIGKILL")

    def _spawn(self, child: Child) -> None:
        job = self._jobs.get(child.name) or self._jobs[child.policy.name]
        self._runs += 1
        child.run = Process(child.name, self._runs, job, self.now, job.plan(self.now, self._chance))
        child.state, child.laststart = ProcessState.STARTING, self.now
        self.trace.launches.append((self.now, child.name))
        self._expect(child)
        self.now += SPAWN

    def _expect(self, child: Child) -> None:
        if child.run is not None and child.run.ends < inf:
            heapq.heappush(self._ends, (child.run.ends, child.run.run, child, child.run))

    def _reap(self, child: Child, process: Process) -> None:
        now, keys = self.now, child.keys
        child.run = None
        self._record(child, process, stopped=child.state is ProcessState.STOPPING)
        if child.state is ProcessState.STOPPING:
            child.state = ProcessState.STOPPED
        elif now - (child.laststart or 0.0) < keys.startsecs:
            child.state = ProcessState.BACKOFF
            child.retries += 1
            child.delay = now + child.retries
        else:
            child.state, child.retries = ProcessState.EXITED, 0
            child.expected = process.code in keys.exitcodes

    def _record(self, child: Child, process: Process, *, stopped: bool) -> None:
        slot, run = process.slot, process.run
        ended = Exited(slot, run, process.code, process.signal)
        outcome = Outcome.STOPPED if stopped else classify(ended, self._codes[child.policy.name], None)
        lasted = self.now - process.started
        self.trace.records.append(
            Record(run, slot, process.started, lasted, outcome, ended.code, ended.signal, 0.0, None, 0, "")
        )

    def _stop(self, group: list[Child]) -> None:
        for child in group:
            if child.state is ProcessState.BACKOFF:
                child.state = ProcessState.FATAL
            elif child.state in {ProcessState.STARTING, ProcessState.RUNNING}:
                child.state = ProcessState.STOPPING
                self._signal(child, child.keys.stopsignal)

    def _signal(self, child: Child, signal: str) -> None:
        child.delay = self.now + child.keys.stopwaitsecs
        if child.run is not None:
            child.run.take(signal, self.now, group=False)
            self._expect(child)

    def _kill_all(self, now: Instant) -> None:
        self.now = now
        for child in self._children:
            if child.run is not None:
                process, child.run = child.run, None
                process.take("SIGKILL", now, group=True)
                self._record(child, process, stopped=True)


def _is_unstopped(child: Child) -> bool:
    return child.state in ALIVE or child.state is ProcessState.BACKOFF


def _pop_stopped(groups: list[list[Child]]) -> None:
    """A loop looks at the last group alone: one that is empty is done, and the next has its turn."""
    if groups and not any(_is_unstopped(child) for child in groups[-1]):
        groups.pop()


def play_supervisord(policies: Sequence[Policy], scene: Scene, seed: int) -> Played:
    """Let a scene happen to these programs under supervisord. There `after` is unknown: everything starts at once."""
    keys = {policy.name: keys_of(policy) for policy in policies}
    for name in scene.targets:
        keys[name] = replace(keys[name], autostart=True)
    played = Played(trace=Trace(), jobs=scene.jobs(policies, seed))
    chance = Random(seed)  # noqa: S311 -- a seed, not secrets
    now: Instant = 0.0
    for number, until in enumerate((*scene.deploys, scene.seconds)):
        peer = Supervisord(policies, keys, played.jobs, chance, now)
        peer.run(until)
        _add(played, peer)
        now = until
        if number < len(scene.deploys):
            before = len(peer.trace.records)
            now = peer.shut_down(until + scene.shutdown_timeout)
            played.deploys.append(Deploy(asked=until, ended=now, cut=cut(peer.trace, before)))
            played.trace.records += peer.trace.records[before:]
    return played


def _add(played: Played, peer: Supervisord) -> None:
    played.trace.launches += peer.trace.launches
    played.trace.records += peer.trace.records
    played.fatal += peer.fatal
