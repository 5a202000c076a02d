"""A machine in virtual time: it carries out what `Fleet` decides on simulated processes, as the host does on real ones.

It keeps the host's promises: each `Spawn` is answered, at once unless the job takes long to start; actions are carried
out in order, exits come before timers of the same instant, SIGKILL always works. The same seed gives the same world.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from math import inf
from random import Random

from minisup.core.fleet import Fleet
from minisup.core.messages import (
    Action,
    Arm,
    Asked,
    Booted,
    Changed,
    ClockSet,
    ConfigReloaded,
    Credit,
    Deliver,
    Due,
    Event,
    Exited,
    Halt,
    HoldFiles,
    LeaseExpired,
    Leftovers,
    Lost,
    Measure,
    Measured,
    MessagesWaiting,
    Note,
    OutputDrained,
    OverMemory,
    Received,
    Record,
    Remember,
    Remembered,
    RunAsked,
    RunSurvived,
    ScaleAsked,
    Settle,
    ShutdownAsked,
    Signal,
    SignalAsked,
    SignalLeftovers,
    SourceDown,
    SourceUp,
    Spawn,
    SpawnFailed,
    Started,
    Verb,
    WatchedFilesChanged,
)
from minisup.core.model import Instant, Policy, Scope, Seconds
from minisup.core.policy.timers import Timers
from minisup.core.slot import Slot
from minisup.sim.broker import Broker
from minisup.sim.jobs import Job, Process, Reaction, RunPlan, Start, Trouble
from minisup.target_match import means_program, means_slot

Watcher = Callable[[Instant, Event, Sequence[Action]], None]
"""Told of every step of the core: when, what went in, what came out."""


OPERATOR = "app"
"""Who asks in a simulated world."""

UNTIL_ITS_MESSAGE = RunPlan(inf, 0, None)
"""What a process does that is ready: it waits."""

MANY = 100_000
"""More than happens at any one instant; then the world is stuck."""


class StuckError(Exception):
    """Virtual time no longer advances: something wakes itself for ever."""


@dataclass(slots=True)
class Trace:
    """What happened in a world: the raw material of `report` and of the tests."""

    launches: list[tuple[Instant, str]] = field(default_factory=list)  # when, slot; also of runs that could not start
    records: list[Record] = field(default_factory=list)
    notes: list[tuple[Instant, object]] = field(default_factory=list)
    signals: list[tuple[Instant, Signal | SignalLeftovers]] = field(default_factory=list)
    steps: int = 0
    halted: tuple[Instant, int] | None = None  # when, exit code


class World:
    """A fleet with simulated processes under it. `now` is virtual time in seconds and starts at 0 unless told.

    `jobs` describes the processes by program name, or by slot name where one slot differs. `uniform` replaces the
    seeded chance of the core (a scenario wants round numbers).
    """

    def __init__(
        self,
        policies: Sequence[Policy],
        jobs: Mapping[str, Job],
        *,
        seed: int = 0,
        shutdown_timeout: Seconds = 10.0,
        exit_when_done: bool = False,
        uniform: Callable[[float, float], float] | None = None,
        watcher: Watcher | None = None,
        now: Instant = 0.0,
        trace: Trace | None = None,
        wall: float = 0.0,
    ) -> None:
        self.jobs = dict(jobs)
        self.now = now
        self.trace = trace or Trace()
        self.watched: set[str] = set()
        self.processes: dict[str, Process] = {}
        self.starting: dict[str, Start] = {}
        self._chance = Random(seed)  # noqa: S311  a simulation wants a seed, not secrets
        self._leavings: dict[tuple[str, int], Process] = {}
        self._watcher = watcher
        self._shutdown_timeout = shutdown_timeout
        self.ahead = wall  # what the wall clock read at 0; `set_clock` changes it
        self.remembered: dict[str, float] = {}
        self._tie = count()
        self._happenings: list[tuple[Instant, int, Process | Start | Event]] = []
        self.timers = Timers()
        self.brokers: dict[str, Broker] = {}
        self.fleet = Fleet(
            policies,
            shutdown_timeout=shutdown_timeout,
            uniform=uniform or Random(seed + 1).uniform,  # noqa: S311  as above
            exit_when_done=exit_when_done,
            now=now,
        )

    # --- what a test or a script does ---

    def boot(self, *targets: str) -> None:
        """Let minisup be ready to start runs: of these programs, or of all that start by themselves."""
        if self.ahead:
            self.feed(ClockSet(self.ahead))
        self.feed(Booted(targets))

    def set_clock(self, by: Seconds) -> None:
        """Somebody sets the wall clock forward, or back."""
        self.ahead += by
        self.feed(ClockSet(self.ahead))

    def recall(self, slot: str, ago: Seconds) -> None:
        """Before `boot`: until so long ago an earlier minisup has seen to the slot's schedule."""
        self.feed(Remembered(slot, self.now + self.ahead - ago))

    def reload(self, policies: Sequence[Policy]) -> None:
        """Another configuration, whose runs are made as before."""
        self.feed(ConfigReloaded(tuple(policies), self._shutdown_timeout, by=OPERATOR))

    def survive(self, slot: str, run: int, age: Seconds) -> None:
        """Before `boot`: a run that an earlier minisup started `age` seconds ago goes on, as long as its job says."""
        since, job = self.now - age, self._job(slot)
        plan = job.plan(self.now, self._chance)
        process = Process(slot, run, job, since, plan._replace(lasts=max(age, plan.lasts)))
        process.survivor = True
        self.processes[slot] = process
        self._later(process.ends, process)
        self.feed(RunSurvived(slot, run, run, since))

    def lose(self, slot: str, run: int, age: Seconds) -> None:
        """Before `boot`: a run that an earlier minisup started `age` seconds ago has ended since."""
        self.feed(Lost(slot, run, self.now - age))

    def ask(self, verb: Verb, *targets: str, now: bool = False) -> None:
        """An operator asks something of programs (`email`), slots (`email:1`) or `all`."""
        self.feed(Asked(verb, self._meant(targets), now, frozenset(targets), OPERATOR))

    def scale(self, program: str, numprocs: int, *, now: bool = False) -> None:
        """An operator gives a program so many slots."""
        self.feed(ScaleAsked(program, numprocs, now, OPERATOR))

    def once(self, program: str) -> None:
        """An operator asks for one extra run of a program."""
        self.feed(RunAsked(program, OPERATOR))

    def signal(self, name: str, *targets: str) -> None:
        """An operator sends a signal (`SIGTERM`) to the runs in progress of these targets."""
        self.feed(SignalAsked(self._meant(targets), name, frozenset(targets), OPERATOR))

    def shut_down(self, *, now: bool = False) -> None:
        """SIGTERM to minisup, or `minisup shutdown`."""
        self.feed(ShutdownAsked(now))

    def touch(self, program: str) -> None:
        """A file of the program's command has changed: the core hears of it if it asked to watch."""
        if program in self.watched:
            self.feed(Changed(program))

    def change(self, program: str, file: str, files: int = 1) -> None:
        """Files that a program watches change; `file` is one of them."""
        self.feed(WatchedFilesChanged(program, file, files))

    def end(self, slot: str, code: int | None = 0, signal: str | None = None) -> None:
        """The run in progress in a slot ends now, in this way."""
        process = self.processes[slot]
        process.ends, process.code, process.signal = self.now, code, signal
        self._later(self.now, process)
        self.run(0.0)

    def fill(self, slot: str, size: int, limit: int) -> None:
        """The run in progress in a slot is seen to take `size` bytes of memory, of which it may have `limit`."""
        self.feed(OverMemory(slot, self.processes[slot].run, size, limit))

    def find(self, slot: str, count: int) -> None:
        """Processes that the slot's last run left behind are found late: they had made a session of their own."""
        last = self.fleet.slots[slot].last
        assert last is not None, f"{slot} has not had a run"
        job = self._job(slot)
        self._leavings[slot, last.run] = Process(slot, last.run, job, self.now, RunPlan(0.0, 0, None))
        self._later(self.now + job.leftovers_last, Leftovers(slot, last.run, 0))
        self.feed(Leftovers(slot, last.run, count))

    def send(self, program: str, *messages: str) -> None:
        """Somebody sends messages to the program's source."""
        broker = self._broker(program)
        for message in messages:
            broker.send(message, self.now)
        self._hand_out(broker)

    def lose_lease(self, program: str, message: str) -> None:
        """Somebody else may have a message that is in work."""
        self.feed(LeaseExpired(program, message))

    def break_source(self, program: str, error: str) -> None:
        """The source does not work from now on; without an error it works again."""
        broker = self._broker(program)
        broker.away = bool(error)
        self.feed(SourceDown(program, error) if error else SourceUp(program))
        self._hand_out(broker)

    def run(self, seconds: Seconds) -> None:
        """Let virtual time pass, and everything happen that is due by then."""
        until = self.now + max(0.0, seconds)
        happenings, timers, patience = self._happenings, self.timers, MANY
        while self.trace.halted is None:
            due = timers.next_due()
            when = happenings[0][0] if happenings else inf
            ends_first = due is None or when <= due
            now = when if due is None or ends_first else due
            if now > until or now == inf:
                self.now = until
                return
            if now > self.now:
                self.now, patience = now, MANY
            elif not (patience := patience - 1):
                raise StuckError(f"{MANY} steps at {now} s and no end")
            if ends_first:
                self._happen(heappop(happenings)[2], now)
            elif timer := timers.pop_due(self.now):
                self.feed(Due(*timer))

    def feed(self, event: Event) -> None:
        """Give the core an event and carry out what it decides."""
        todo = self._step(event)
        for action in todo:  # grows meanwhile: most starts are answered at once
            if isinstance(action, Arm):
                self.timers.arm(*action)
            elif isinstance(action, Record):
                self.trace.records.append(action)
            elif isinstance(action, Spawn):
                answer = self._spawn(action)
                todo += self._step(answer) if answer is not None else []
            elif isinstance(action, Measure):
                todo += self._step(self._measure(action.program))
            elif isinstance(action, Note):
                self.trace.notes.append((self.now, action.fact))
            else:
                self._carry_out(action)

    @property
    def left(self) -> frozenset[tuple[str, int]]:
        """The ended runs (slot, run) of which processes live on."""
        return frozenset(self._leavings)

    # --- how it works ---

    def _step(self, event: Event) -> list[Action]:
        self.trace.steps += 1
        actions = self.fleet.step(event, self.now)
        if self._watcher is not None:
            self._watcher(self.now, event, actions)
        return actions

    def _meant(self, targets: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name, slot in self.fleet.slots.items() if _is_meant(slot, targets))

    def _job(self, slot: str) -> Job:
        return self.jobs.get(slot) or self.jobs.get(slot.rpartition(":")[0]) or Job()

    def _later(self, when: Instant, what: Process | Start | Event) -> None:
        if when < inf:
            heappush(self._happenings, (when, next(self._tie), what))

    def _spawn(self, spawn: Spawn) -> Started | SpawnFailed | None:
        slot, run, _, message, ready = spawn
        assert slot not in self.processes, f"two runs in {slot}"
        assert slot not in self.starting, f"two runs start in {slot}"
        now, job = self.now, self._job(slot)
        self.trace.launches.append((now, slot))
        trouble = job.trouble(now) if job.troubles else None
        if job.starting:
            self.starting[slot] = start = Start(slot, run, trouble, None if ready else message)
            self._later(now + job.starting, start)
            return None
        return self._begin(slot, run, self._job_for(slot, message), trouble, ready=ready)

    def _begin(self, slot: str, run: int, job: Job, trouble: Trouble | None, *, ready: bool) -> Started | SpawnFailed:
        if trouble is not None:
            return SpawnFailed(slot, run, trouble.cause, trouble.scarce)
        now = self.now
        self.processes[slot] = process = Process(
            slot, run, job, now, UNTIL_ITS_MESSAGE if ready else job.plan(now, self._chance)
        )
        if process.ends < inf:
            heappush(self._happenings, (process.ends, next(self._tie), process))
        return Started(slot, run, run)

    def _measure(self, program: str) -> Measured:
        job = self.jobs.get(program) or Job()
        if job.probe_error:
            return Measured(program, None, job.probe_error)
        if job.waiting is not None:
            return Measured(program, job.waiting)
        return Measured(program, job.queue.visible(self.now, self._chance) if job.queue else 0)

    def _answer(self, start: Start) -> None:
        """A start is over: now the run gets what it has been sent meanwhile."""
        del self.starting[start.slot]
        job = self._job_for(start.slot, start.message or "")
        self.feed(self._begin(start.slot, start.run, job, start.trouble, ready=start.message is None))
        process = self.processes.get(start.slot)
        if process is not None and process.run == start.run:
            for name, group in start.signals:
                process.take(name, self.now, group=group)
            self._later(process.ends, process)

    def _happen(self, what: Process | Start | Event, when: Instant) -> None:
        if isinstance(what, Process):
            if what.ends == when and self.processes.get(what.slot) is what:  # else a signal has moved its end
                self._exit(what)
        elif isinstance(what, Start):
            if self.starting.get(what.slot) is what:  # else a SIGKILL has ended it
                self._answer(what)
        elif isinstance(what, Leftovers):
            if self._leavings.pop((what.slot, what.run), None) is not None:  # else a signal was quicker
                self.feed(what)
        else:
            if isinstance(what, Received):
                self._broker(what.program).on_its_way -= 1
            self.feed(what)
            if isinstance(what, MessagesWaiting):
                self._hand_out(self._broker(what.program))

    def _exit(self, process: Process) -> None:
        del self.processes[process.slot]
        slot, run, job, left = process.slot, process.run, process.job, process.leftovers
        ended = Exited(slot, run, None)
        if not process.survivor:
            ended = ended._replace(code=process.code, signal=process.signal, said=process.said)
        if left:
            self._leavings[slot, run] = process
            self._later(self.now + job.leftovers_last, Leftovers(slot, run, 0))
            ended = ended._replace(leftovers=left)
        if job.clogged:
            self._later(self.now + job.clogged, OutputDrained(slot))
            ended = ended._replace(output=True)
        self.feed(ended)

    def _carry_out(self, action: Action) -> None:
        if isinstance(action, Signal):
            self._signal(action)
        elif isinstance(action, SignalLeftovers):
            self._signal_leftovers(action)
        elif isinstance(action, HoldFiles):
            (self.watched.add if action.on else self.watched.discard)(action.program)
        elif isinstance(action, Remember):
            self.remembered[action.slot] = action.wall
        elif isinstance(action, Credit):
            broker = self._broker(action.program)
            broker.credit = action.messages - broker.on_its_way
            self._hand_out(broker)
        elif isinstance(action, Settle):
            self._settle(action)
        elif isinstance(action, Deliver):
            self._deliver(action)
        elif isinstance(action, Halt):
            self.trace.halted = (self.now, action.code)

    def _broker(self, program: str) -> Broker:
        return self.brokers.setdefault(program, Broker(program))

    def _hand_out(self, broker: Broker) -> None:
        """Let the broker give what it may, in the turn after this one; and again when something becomes visible."""
        received = broker.receive(self.now)
        while received is not None:
            self._later(self.now, received)
            received = broker.receive(self.now)
        again = broker.next_visible(self.now) if broker.credit > 0 else None
        if again is not None:
            self._later(again, MessagesWaiting(broker.program, len(broker.messages)))

    def _settle(self, action: Settle) -> None:
        broker = self._broker(action.program)
        broker.settle(action, self.now)
        self._hand_out(broker)

    def _deliver(self, action: Deliver) -> None:
        start = self.starting.get(action.slot)
        if start is not None:
            start.message = action.message
            return
        process = self.processes[action.slot]
        process.job = self._job_for(action.slot, action.message)
        process.begin(process.job.plan(self.now, self._chance), self.now)
        self._later(process.ends, process)

    def _job_for(self, slot: str, message: str) -> Job:
        """The job of a slot that has this message: one of its own (`email/bad`), or the slot's."""
        return self.jobs.get(f"{slot.rpartition(':')[0]}/{message}") or self._job(slot)

    def _signal(self, action: Signal) -> None:
        self.trace.signals.append((self.now, action))
        start = self.starting.get(action.slot)
        if start is not None:
            start.signals.append((action.signal, action.scope is Scope.GROUP))
            if action.signal == "SIGKILL":
                start.trouble = None  # it ends as a run that was killed
                self._later(self.now, start)
            return
        run = self.fleet.slots[action.slot].run
        if run is None or action.run != run.id:  # it could not be started after all
            return
        process = self.processes[action.slot]
        assert process.run == action.run, f"a signal for run {action.run} of {action.slot}, which runs {process.run}"
        process.take(action.signal, self.now, group=action.scope is Scope.GROUP)
        self._later(process.ends, process)

    def _signal_leftovers(self, action: SignalLeftovers) -> None:
        self.trace.signals.append((self.now, action))
        process = self._leavings.get((action.slot, action.run))
        if process and (action.signal == "SIGKILL" or process.job.leftovers_reaction is Reaction.DIES):
            self._later(self.now, Leftovers(action.slot, action.run, 0))


def _is_meant(slot: Slot, targets: Sequence[str]) -> bool:
    program = slot.program
    return any(
        means_slot(each, slot.name) or means_program(each, program.name, program.policy.groups) for each in targets
    )
