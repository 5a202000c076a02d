"""A scene played under minisup's rules: the core in virtual time, ended and started anew by deploys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from minisup.core.model import Instant, Outcome, Policy, Seconds
from minisup.sim.jobs import Job
from minisup.sim.load_plan import Scene
from minisup.sim.world import Trace, World

PLATFORM: Final[Seconds] = 10.0
"""Seconds after which the platform starts a minisup again that has exited by itself (`give_up = "exit"`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploy:
    """A shutdown and the new start that follows it at once."""

    asked: Instant
    ended: Instant
    cut: Mapping[str, int]  # by program: runs that did not end by themselves


@dataclass(slots=True, kw_only=True)
class Played:
    """What came of a scene. `fatal` are the slots that supervisord gave up, and when."""

    trace: Trace
    jobs: Mapping[str, Job]
    deploys: list[Deploy] = field(default_factory=list)
    exits: list[Instant] = field(default_factory=list)  # minisup left by itself: a program was given up
    fatal: list[tuple[Instant, str]] = field(default_factory=list)


def play(policies: Sequence[Policy], scene: Scene, seed: int) -> Played:
    """Let a scene happen to these programs."""
    played = Played(trace=Trace(), jobs=scene.jobs(policies, seed))
    now: Instant = 0.0
    for number, until in enumerate((*scene.deploys, scene.seconds)):
        world = _run(policies, scene, played, seed + number, now, until)
        now = until
        if number < len(scene.deploys):
            now = _deploy(world, played, until)
    return played


def _run(policies: Sequence[Policy], scene: Scene, played: Played, seed: int, now: Instant, until: Instant) -> World:
    """The world at `until`; a minisup that has left by itself before is started again."""
    while True:
        world = World(
            policies,
            played.jobs,
            seed=seed,
            shutdown_timeout=scene.shutdown_timeout,
            now=now,
            trace=played.trace,
        )
        world.boot(*scene.targets)
        world.run(until - now)
        if played.trace.halted is None:
            return world
        left, _ = played.trace.halted
        if left + PLATFORM >= until:
            return world
        played.trace.halted = None
        played.exits.append(left)
        now = left + PLATFORM


def _deploy(world: World, played: Played, asked: Instant) -> Instant:
    """Shut a world down, unless its minisup has left by itself; returns when it has gone."""
    before = len(played.trace.records)
    if played.trace.halted is None:
        world.shut_down()
        world.run(world.fleet.shutdown_timeout + 1.0)
    assert played.trace.halted is not None, "a shutdown ends"
    ended = max(asked, played.trace.halted[0])
    played.trace.halted = None
    played.deploys.append(Deploy(asked=asked, ended=ended, cut=cut(played.trace, before)))
    return ended


def cut(trace: Trace, since: int) -> dict[str, int]:
    """By program: the runs among the records from number `since` on that we ended."""
    found: dict[str, int] = {}
    for record in trace.records[since:]:
        if record.outcome is Outcome.STOPPED:
            program = record.slot.rpartition(":")[0]
            found[program] = found.get(program, 0) + 1
    return found
