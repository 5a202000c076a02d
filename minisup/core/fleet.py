"""The heart: `Fleet.step(event) -> actions`.

Rules for whoever changes this package:

 1. Nothing here reads a clock, a file, a pid or a random source. `now` and `uniform` are arguments; the same events
    give the same actions.
 2. Events and actions are frozen data (`messages.py`). Actions are duties for the host; their order is part of the
    interface. Nothing else flows out.
 3. The host answers each `Spawn` with one `Started` or `SpawnFailed`, before the run's `Exited`, and feeds exits before
    timers. Until the answer the run is starting: it is its slot's run, has no pid yet, and everything may be asked of
    it as of one in progress. What it is sent reaches it when it has started; SIGKILL reaches it at once.
 4. `wanted` says what should be, `phase` what is. Only `Slot.enter` changes a phase, and only along `TRANSITIONS`.
 5. A wanted slot that waits has a timer armed (pace, idle, backoff, schedule) or a named event that wakes it (hold: a
    token, a retry, a changed file; after: the program that it is after; output: `OutputDrained`; leftovers: their end
    or SIGKILL; paused: the operator). A slot that is paused keeps in `saved_wait` what it would wait for;
    `launch.wait` alone puts it there.
 6. A slot has one live timer: the earliest of its own times. A timer carries its generation; an old one is ignored.
 7. At most one run a slot; one of an earlier minisup is its slot's, and is fed before `Booted`. An event that names
    another run than the slot's is of the past and changes nothing.
 8. Outcomes come from our own signals, then the signal, then the exit code. Where that says `worked`, the host may say
    what the output said; the length of a run decides only where the policy asks for it (`idle.faster_than`).
 9. Only a relaunch after a counted end costs a token. Nobody's failure stops a healthy slot.
10. No signal before the drain is over. SIGKILL to a session only after the stop signal has had its timeout, or at the
    shutdown's deadline, or when the operator asks a third time.
11. After a shutdown has been asked for nothing starts.
12. The number of slots is `program.numprocs`. A slot at or above it is leaving: nothing starts in it, and it is
    forgotten, with all that the host knows of it, at the end of the step in which its last process goes. The slot of
    an extra run (`extra_run.py`) leaves from birth: it is the only one that starts something.
13. A program that scales itself does so by scale-out and scale-in, within min and max, and no slot of it joins while
    its budget is degraded or holding. Failures of slots that are all gone are forgotten. Each `Measure` is answered by
    one `Measured`, at any later time.
14. Of a program with a source each run has one message, but an extra run. A message that was received is settled
    exactly once, after its run, and none is kept when nothing of the program may start. The source has credit for as
    many messages as can start: none in backoff, hold, pause, drain, shutdown; one for a probe (`receiving.py`).

The theory. A slot's life is a circle: it waits, runs, and the end of the run decides the next wait:

    worked, recycled, rejected
                      -> pace: not before start + min_runtime
    idle              -> idle: a ladder that the whole program climbs; a worked run wakes two
    counted           -> backoff (per slot), then a token (per program) or hold, first come first served
    fatal, unstartable-> hold for the cause; tried again each refill, or when a file that it needs changes

With a source the slot then waits for a message, or a process is ready for it ahead. What the end of the run means for
the message is a table of its own, in `settling.py`. A message that fails again and again while nothing else fails
costs no token: `return_delay` and `max_receives` bound it, and it must not hold up those that work.

A slot of a program with a schedule goes another way: however its run ended, it waits for its next planned start, which
costs no token and is not tried again. Only what the machine lacked for a start is tried again after a backoff. While a
run goes on, its `planned_at` says when the next one comes due, to be left out or queued (`schedule.py`). A calendar's
times are on the wall clock, of which the core knows only how far it is ahead (`ClockSet`, `clock_changes.py`). `start`
of what was off waits for the plan; `start --now` and `restart` do not; what is planned while it is paused is left out.

A request changes `wanted` first and the phase as far as the phase allows. What each request comes to in each place is
one table, `requests.TABLE`: a test performs every pair, the reply to a request is taken from it, and the policy page
shows it. What changes nothing although something was asked for is said to whoever asked.

A changed file that a program watches is a restart of it, done slots included: what is off, paused or leaving hears
nothing, and neither does a program with a schedule, whose next planned run has the new files anyway.

A start ends a pause, too; a restart leaves a paused slot alone; a stop ends the pause with everything else. What is
off or paused cannot fail, so a program of which nothing else is left is not given up. New slots of a program that is
off are off, of one that is paused as a whole are paused. A slot that is leaving hears nothing but a stop.

An extra run that an operator asks for starts beside all this and changes none of it: no wait, no token, no count, no
plan. When a scale-out takes it over, its slot's next start waits for what it would have waited for at first.

A program that scales itself and is to have no slot has none to stop or to pause: what is asked of it by its name
decides whether it is on, and so whether work brings it back. A pause lasts, also one from when it had slots.

So a stop that arrives during a backoff takes the slot out of its wait at once: the timer is disarmed, the phase is
`off`, no process exists, and the count of failures is kept until the next start forgets it.

Shutdown is the same stop for every slot against one deadline, dependents first.
"""

from collections.abc import Callable
from typing import Any

from minisup.core.handlers import (
    adopted_runs,
    autoscale_control,
    clock_changes,
    extra_run,
    reconfigure,
    requests,
    resizing,
    signalling,
)
from minisup.core.life import ending, launch, leavings, receiving, schedule, stopping
from minisup.core.messages import (
    FLEET,
    Action,
    Asked,
    Booted,
    Changed,
    ClockSet,
    ConfigReloaded,
    Due,
    Event,
    Exited,
    LeaseExpired,
    Leftovers,
    Lost,
    Measured,
    MessagesWaiting,
    OutputDrained,
    OverMemory,
    Received,
    Remembered,
    RunAsked,
    RunSurvived,
    ScaleAsked,
    ShutdownAsked,
    SignalAsked,
    SignalDenied,
    SourceDown,
    SourceUp,
    SpawnFailed,
    Started,
    WatchedFilesChanged,
)
from minisup.core.model import Instant, Phase, Reason
from minisup.core.policy.outcome import KillReason
from minisup.core.program import Program
from minisup.core.slot import Run, Slot
from minisup.core.state import State


class Fleet(State):
    """All programs. `step` is the only way in."""

    def step(self, event: Event, now: Instant) -> list[Action]:
        """Take note of one event at `now`; returns what is to be done, in order."""
        self.now = now
        self.out = []
        if not self.halted:
            HANDLERS[type(event)](self, event)
            if self.sourced:
                receiving.balance(self)
            if self.gone and not self.halted:
                self.forget_gone()
        return self.out


def booted(fleet: State, event: Booted) -> None:
    """Bring up the targets and what they are `after`, or everything that starts by itself."""
    fleet.booted = True
    names = with_needed(fleet, event.targets) if event.targets else autostarted(fleet)
    for name in names:
        fleet.programs[name].on = True
        for slot in fleet.programs[name].slots:
            launch.first_start(fleet, slot, slot.index)
    adopted_runs.drain_unwanted(fleet)
    autoscale_control.begin(fleet)
    launch.open_gates(fleet, list(fleet.programs.values()))  # what is after a program without slots waits for nothing
    stopping.consider_the_end(fleet)


def autostarted(fleet: State) -> list[str]:
    """Programs that start by themselves."""
    return [name for name, program in fleet.programs.items() if program.policy.autostart]


def with_needed(fleet: State, targets: tuple[str, ...]) -> list[str]:
    """The targets and, transitively, what they are `after`, in the order of the configuration."""
    needed = set(targets)
    queue = list(targets)
    while queue:
        for name in fleet.programs[queue.pop()].policy.after:
            if name not in needed:
                needed.add(name)
                queue.append(name)
    return [name for name in fleet.programs if name in needed]


def drained(fleet: State, event: OutputDrained) -> None:
    """The last run's output has been taken: a slot that waited for that starts."""
    slot = fleet.slots.get(event.slot)
    if slot is None:  # it is gone, and a descendant of its last run had held the pipe
        return
    slot.output = False
    if slot.phase is Phase.WAITING and slot.reason is Reason.OUTPUT:
        launch.start(fleet, slot)


def due(fleet: State, event: Due) -> None:
    """A timer has come due; an old one is ignored."""
    if event.key == FLEET:
        if event.generation == fleet.timer.generation:
            fleet.timer.due = None
            stopping.fleet_due(fleet)
    elif event.key in fleet.slots:
        slot = fleet.slots[event.key]
        if event.generation == slot.timer.generation:
            slot.timer.due = None
            slot_due(fleet, slot)
    elif event.key in fleet.programs:  # else an old timer of a slot that is gone
        program = fleet.programs[event.key]
        if event.generation == program.timer.generation:
            program.timer.due = None
            program_due(fleet, program)


def slot_due(fleet: State, slot: Slot) -> None:
    """The earliest of the slot's times has come."""
    now = fleet.now
    due_beside(fleet, slot)
    wait, run, stop = slot.wait, slot.run, slot.stop
    if slot.phase is Phase.WAITING:
        if wait is not None and wait.wake_at is not None and wait.wake_at <= now:
            launch.start(fleet, slot)
    elif slot.phase is Phase.STOPPING:
        if stop is not None and stop.kill_at is not None and stop.kill_at <= now:
            stopping.kill(fleet, slot)
    elif run is not None and run.limits.expires_at is not None and run.limits.expires_at <= now:
        stopping.send_stop(fleet, slot, KillReason.MAX_RUNTIME, slot.program.policy.stop.timeout)
    elif stop is not None and stop.drain_until is not None and stop.drain_until <= now:
        stopping.send_stop(fleet, slot, KillReason.STOP, stop.timeout)
    elif run is not None:
        milestones(fleet, slot, run)
    fleet.arm_slot(slot)


def due_beside(fleet: State, slot: Slot) -> None:
    """What comes due whatever the slot does: leftovers are killed, planned starts pass, a ready process grows old."""
    if slot.leftovers.kill_at:
        leavings.sweep(fleet, slot)
    run = slot.run
    if run is not None and run.planned_at is not None and run.planned_at <= fleet.now:
        schedule.overtake(fleet, slot)
    if slot.phase is Phase.READY:
        receiving.ready_due(fleet, slot)


def milestones(fleet: State, slot: Slot, run: Run) -> None:
    """A service is up, or stable."""
    up_at, stable_at = run.limits.up_at, run.limits.stable_at
    if up_at is not None and up_at <= fleet.now:
        run.limits = run.limits._replace(up_at=None)
        run.up = True
        program = slot.program
        if program.rolling.now is slot and not slot.next_start.at_once:
            program.rolling.now = None
            stopping.roll(fleet, program)
        launch.open_gates(fleet, program.dependents)
    if stable_at is not None and stable_at <= fleet.now:
        run.limits = run.limits._replace(stable_at=None)
        ending.proved_well(fleet, slot)


def program_due(fleet: State, program: Program) -> None:
    """A token has come, a retry is due, it is time to give up, or to look how much work there is."""
    launch.feed_held(fleet, program)
    if program.holds.for_cause and program.holds.retry_at is not None and program.holds.retry_at <= fleet.now:
        launch.retry_held(fleet, program)
    ending.consider_giving_up(fleet, program)
    if program.scaler is not None and program.scaler.next_at <= fleet.now and not program.leaving:
        autoscale_control.tick(fleet, program, program.scaler)
    fleet.arm_program(program)


def changed(fleet: State, event: Changed) -> None:
    """A file that held slots need has changed: try one of them now."""
    launch.retry_held(fleet, fleet.programs[event.program])


def shutdown_asked(fleet: State, event: ShutdownAsked) -> None:
    """Shut down, or one step harder."""
    stopping.ask_shutdown(fleet, event)


HANDLERS: dict[type, Callable[[State, Any], None]] = {
    Asked: requests.asked,
    MessagesWaiting: receiving.backlog,
    Booted: booted,
    Changed: changed,
    ClockSet: clock_changes.clock_set,
    OutputDrained: drained,
    Due: due,
    Exited: ending.exited,
    WatchedFilesChanged: requests.files_changed,
    LeaseExpired: receiving.lease_expired,
    Leftovers: stopping.leftovers,
    Lost: adopted_runs.lost,
    Measured: autoscale_control.measured,
    SignalDenied: signalling.out_of_reach,
    OverMemory: stopping.over_memory,
    Received: receiving.received,
    ConfigReloaded: reconfigure.reloaded,
    RunAsked: extra_run.run_asked,
    Remembered: clock_changes.remembered,
    ScaleAsked: resizing.scale_asked,
    ShutdownAsked: shutdown_asked,
    SignalAsked: signalling.signal_asked,
    SourceDown: receiving.source_down,
    SourceUp: receiving.source_up,
    SpawnFailed: ending.spawn_failed,
    Started: ending.started,
    RunSurvived: adopted_runs.survived,
}
