"""One chaos run: a zoo, a storm, the calm after it, the end; and what was wrong with it."""

import os
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from attackers import PREFIX, WHILE, Attackers, attackers
from kit import SLACK, Daemon, Stage, Stopwatch, pause, toml, wait_until
from ledger import Ledger, disagreements, lines_of, told_in
from listener import Asked, Listener, Reply, granted
from lookup import children_of, cpu_of, descriptors_of, resident_of, started_of, state_of
from reader import Reader
from redis_kit import Redis
from storm import Storm, bring_the_commands_back, first_configuration, wake_all
from zoo import UNSEEN, Animal, zoo

SOURCE = Path(__file__).parent / "jobs" / "animal.c"
SHUTDOWN = 4.0
PATIENCE = 30.0
"""Seconds that anything may take when the storm is over."""
MEMORY = 64 << 20
"""Bytes that minisup may hold at most after the storm."""
GROWTH = 24 << 20
"""Bytes that it may hold more at the end of the storm than after a third of it: tails fill up (32 KiB a slot), and what
waited for stalled readers and slow clients leaves holes."""
IDLE_CPU = 0.05
"""The share of a processor that a minisup may use that has nothing to do."""
HOOK = ["sh", "-c", "echo $$MINISUP_EVENT; case $$(($$$$ % 4)) in 0) exec sleep 20 ;; 1) exit 3 ;; esac"]
"""A hook that works, fails, or hangs."""
EVENTS = {"hold", "after", "paused", "output", "leftovers"}
"""Waits that an event ends, not a time."""


@dataclass
class Report:
    """What a run did and what was wrong with it."""

    seed: int
    facts: dict[str, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        facts = [f"  {name}: {value}" for name, value in self.facts.items()]
        wrong = [f"  WRONG: {problem}" for problem in self.wrong]
        return "\n".join([f"seed {self.seed}: {'FAILED' if wrong else 'ok'}", *facts, *wrong])


def run(directory: Path, seconds: float, programs: int, seed: int) -> Report:
    """A whole run in an empty directory. Nothing of it survives."""
    report = Report(seed)
    with staged(directory, report) as stage, attackers(stage) as user:
        agent = Listener(granted_or_taken)
        redis = Redis(stage) if shutil.which("redis-server") and find_spec("redis") else None
        animals = prepare(stage, programs, seed, agent.url, redis, user)
        ours, theirs = os.pipe()
        environ = {"ECS_AGENT_URI": agent.url}
        daemon = stage.up_file(stage.path("minisup.toml"), args=["--watch"], env=environ, stdout=theirs)
        os.close(theirs)
        reader = Reader(ours, random.Random(f"{seed}/reader"))
        reader.start()
        storm = Storm(stage, daemon, animals, seed, agent, redis)
        try:
            everything(storm, reader, report, seconds, user)
        except AssertionError as error:
            report.wrong.append(str(error))
        report.wrong += storm.wrong
        finish(storm, reader, report)
        agent.close()
    return report


def granted_or_taken(asked: Asked) -> Reply:
    """What the agent answers, and whoever takes the events of hooks."""
    return granted(asked) if asked.method == "PUT" else (204, b"")


@contextmanager
def staged(directory: Path, report: Report) -> Iterator[Stage]:
    """A stage; what it says at its end is part of the report."""
    stage = Stage(directory)
    try:
        yield stage
    finally:
        try:
            stage.close()
        except AssertionError as error:
            report.wrong.append(str(error))


def prepare(
    stage: Stage, programs: int, seed: int, url: str, redis: Redis | None, user: Attackers | None
) -> list[Animal]:
    """Compile the job and write the configurations."""
    animal, rooms = stage.path("animal"), stage.path("rooms")
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", animal, SOURCE], check=True)
    rooms.mkdir()
    stage.path("watched").mkdir()

    def command(name: str, kind: str) -> Path:
        if kind != "missing":
            return animal
        return Path(shutil.copy(animal, rooms / name))

    asked = f"redis://127.0.0.1:{redis.port}/0" if redis else ""
    animals = zoo(programs, random.Random(f"{seed}/zoo"), stage.root, command, asked)
    head = (
        f'shutdown_timeout = "{SHUTDOWN:g}s"\nlog = {{ level = "debug" }}\nplatform = "ecs"\n'
        f"on_failing = {toml(HOOK)}\non_recovered = {toml(f'{url}/recovered')}\n"
        f"on_give_up = {toml(HOOK)}\non_drain = {toml(f'{url}/drain')}"
    )
    theirs = user.tables if user else []
    stage.config(*(animal.table for animal in animals), *theirs, supervisor=head)
    broken = stage.path("minisup.toml").read_text() + f"[program.broken]\ncomand = {toml('true')}\n"
    stage.write("broken.toml", broken)
    stage.write("first.toml", stage.path("minisup.toml").read_text())
    return animals


def everything(storm: Storm, reader: Reader, report: Report, seconds: float, user: Attackers | None) -> None:
    """Up to the moment before the end. AssertionError: something did not come about in time."""
    daemon, facts = storm.daemon, report.facts
    pause(3.0)  # all that is made once is made: threads, helpers, what they need
    daemon.ask("stop", ["all"], now=True, wait=True, timeout=PATIENCE)
    before = descriptors_of(daemon.pid)
    daemon.ask("start", ["all"])
    facts["attackers"] = attack(storm, seconds, user, report)
    facts["actions"] = dict(sorted(storm.done.items()))
    facts["refused"] = dict(storm.refused)
    facts["slowest health"] = f"{storm.slowest_health * 1000:.0f} ms"
    assert_no_growth(storm.memory, report)
    calm_down(storm, reader)
    facts["reader"] = f"{reader.bytes / 2**20:.1f} MiB, {reader.stalls} stalls"
    assert_no_slot_is_stuck(daemon)
    assert_work_goes_on(storm)
    daemon.ask("stop", ["all"], now=True, wait=True, timeout=PATIENCE)
    wait_until(lambda: not storm.left(), PATIENCE, "nothing is left of what was stopped")
    assert_as_before(daemon, before, report)
    assert_counts(storm, reader, report)
    daemon.ask("start", ["all"])
    pause(0.5)


def attack(storm: Storm, seconds: float, user: Attackers | None, report: Report) -> str:
    """The storm, with a hostile user in it if there can be one."""
    if user is None:
        storm.rage(seconds)
        return "none: only root can start programs as another user"
    user.begin(storm.daemon.pid)
    try:
        storm.rage(seconds)
    finally:
        report.wrong += user.end()
    effects = user.effects(storm.daemon.stderr)
    if seconds >= WHILE:
        report.wrong += [f"attackers without effect: {what} 0" for what, count in effects.items() if not count]
    said = ", ".join(f"{count} {what}" for what, count in effects.items())
    return f"{said}; unknown here: {', '.join(user.missing) or 'nothing'}"


def assert_no_growth(memory: list[int], report: Report) -> None:
    """What minisup holds at the end of the storm is about what it held after a third of it."""
    if not memory:  # a storm of seconds on a machine that is as busy as it can be
        report.facts["memory"] = "nobody came to look at it"
        return
    third = max(memory[: len(memory) // 3 + 1])
    last = max(memory[-len(memory) // 10 :])
    report.facts["memory"] = f"{third / 2**20:.1f} MiB after a third, {last / 2**20:.1f} MiB at the end"
    if last > third + GROWTH:
        report.wrong.append(f"minisup has grown: {report.facts['memory']}")


def calm_down(storm: Storm, reader: Reader) -> None:
    """Undo what the storm did and want everything."""
    reader.calm.set()
    bring_the_commands_back(storm, storm.chance("calm"))
    first_configuration(storm, storm.chance("calm"))
    wake_all(storm, storm.chance("calm"))
    storm.daemon.ask("reload")
    for animal in storm.animals:
        storm.daemon.ask("scale", animal.name, animal.numprocs)
    storm.daemon.ask("stop", ["all"], now=True, wait=True, timeout=PATIENCE)
    storm.daemon.ask("start", ["all"])


def assert_no_slot_is_stuck(daemon: Daemon) -> None:
    """Each slot runs at some moment, or is done, or waits for something that will come."""
    odd = unsettled(daemon)

    def fewer() -> bool:
        now = unsettled(daemon)
        for name in odd.keys() - now.keys():
            del odd[name]
        return not odd

    try:
        wait_until(fewer, PATIENCE)
    except AssertionError:
        raise AssertionError(f"stuck: {odd}") from None


def unsettled(daemon: Daemon) -> dict[str, str]:
    """Slots that neither run, nor are done, nor wait for something that will come: their phases."""
    slots = [slot for program in daemon.status()["programs"] for slot in program["slots"]]
    return {slot["name"]: slot["phase"] for slot in slots if not is_settled(slot)}


def is_settled(slot: dict[str, Any]) -> bool:
    """Whether a slot may stay as it is."""
    if slot["phase"] == "waiting":
        return slot["next_in"] is not None or slot["reason"] in EVENTS
    given_up = slot["phase"] == "off" and (slot["cause"] or "").startswith("given up")
    return given_up or slot["phase"] in {"running", "done"}


def assert_work_goes_on(storm: Storm) -> None:
    """Programs that work have more runs after a while, those that failed for a while too."""
    kinds = {"quick", "paced", "missing", "holder", "flood", "needy", "timed", "elastic", "remote", "talker"}
    names = {animal.name for animal in storm.animals if animal.kind in kinds}
    before = worked(storm.daemon, names)

    def stuck() -> list[str]:
        now = worked(storm.daemon, names)
        return [name for name in names if now[name] < before[name] + 2]

    try:
        wait_until(lambda: not stuck(), PATIENCE)
    except AssertionError:
        raise AssertionError(f"no work is done by {stuck()}") from None


def worked(daemon: Daemon, names: set[str]) -> dict[str, int]:
    return {entry["name"]: entry["runs"]["worked"] for entry in daemon.status()["programs"] if entry["name"] in names}


def assert_as_before(daemon: Daemon, descriptors: int, report: Report) -> None:
    """A minisup with nothing to do holds no more than in the beginning and does nothing."""

    def zombies() -> set[tuple[int, str]]:
        """By pid and start time: the next process with the same pid is another one."""
        return {(pid, started_of(pid)) for pid in children_of(daemon.pid) if state_of(pid) == "Z"}

    seen = zombies()
    wait_until(lambda: not seen & zombies(), PATIENCE, "each zombie is reaped")
    wait_until(lambda: not zombies(), PATIENCE, "no zombies are left")
    wait_until(lambda: descriptors_of(daemon.pid) <= descriptors, PATIENCE, "all descriptors are given back")
    watch, used = Stopwatch(), cpu_of(daemon.pid)
    wait_until(lambda: watch.seconds > 1.0, PATIENCE)
    share = (cpu_of(daemon.pid) - used) / watch.seconds
    report.facts["idle"] = f"{100 * share:.1f} % of a processor, {descriptors} descriptors"
    if share > IDLE_CPU:
        report.wrong.append(f"an idle minisup uses {100 * share:.1f} % of a processor")
    if resident_of(daemon.pid) > MEMORY:
        report.wrong.append(f"minisup holds {resident_of(daemon.pid) / 2**20:.1f} MiB")


def assert_counts(storm: Storm, reader: Reader, report: Report) -> None:
    """The jobs' ledger, minisup's lines, its status and what was printed tell the same."""
    status = storm.daemon.status()
    ledger = Ledger(lines_of(storm.stage.path("ledger")))
    told = wait_until(lambda: all_told(storm.daemon, status), PATIENCE, "minisup has said what it counts")
    report.facts["runs"] = f"{len(told)} told, {len(ledger.started)} started, {len(ledger.ended)} announced their end"
    report.wrong += disagreements(ledger, told, status)[:20]
    silent = {animal.name for animal in storm.animals if animal.kind in UNSEEN}
    heard = [end for end in told if end.slot.rpartition(":")[0] not in silent and not end.slot.startswith(PREFIX)]
    printed = {end.run for end in heard if end.outcome == "worked"}
    try:
        wait_until(lambda: printed <= reader.done, PATIENCE)
    except AssertionError:
        report.wrong.append(f"{len(printed - reader.done)} of {len(printed)} last lines were lost")
    if reader.odd:
        report.wrong.append(f"lines that begin with no slot: {reader.odd[:3]}")


def all_told(daemon: Daemon, status: dict[str, Any]) -> list[Any]:
    told = told_in(daemon.stderr)
    return told if len(told) >= sum(program["runs"]["total"] for program in status["programs"]) else []


def by_its_own_clock(stderr: str) -> float | None:
    """Seconds that the shutdown took, as minisup says at its end."""
    said = re.findall(r"^stopped: .* ([0-9.]+) s$", stderr, re.MULTILINE)
    return float(said[-1]) if said else None


def finish(storm: Storm, reader: Reader, report: Report) -> None:
    """The end: in time, with 0, and nobody survives."""
    daemon, watch = storm.daemon, Stopwatch()
    reader.calm.set()
    daemon.term()
    try:
        code = daemon.wait(SHUTDOWN + PATIENCE)
    except AssertionError as error:
        report.wrong.append(str(error)[:300])
        return
    report.facts["shutdown"] = f"{watch.seconds:.2f} s of {SHUTDOWN:g}"
    if code != 0:
        report.wrong.append(f"exit code {code}")
    took = by_its_own_clock(daemon.stderr)  # without hooks that linger and what it still writes: ours has these
    if took is None or took > SHUTDOWN or watch.seconds > SHUTDOWN + SLACK:
        report.wrong.append(f"the shutdown took {took} s by minisup's clock, {watch.seconds:.2f} s by ours")
    if survivors := storm.stage.jobs():
        report.wrong.append(f"survivors: {survivors}")
    ledger = Ledger(lines_of(storm.stage.path("ledger")))
    report.wrong += disagreements(ledger, told_in(daemon.stderr), None)[:20]
    words = ("Traceback", "internal error", "were dropped")
    report.wrong += [line for line in daemon.stderr.splitlines() if any(word in line for word in words)][:10]
