"""What follows the end of a run: the outcome, what it says about the program's health, and the slot's next step."""

from dataclasses import replace

from minisup.core.life import launch, notices, schedule, settling, stopping
from minisup.core.messages import Exited, Record, SignalLeftovers, SpawnFailed, Started
from minisup.core.model import COUNTED, HEALTHY, GiveUp, Instant, Outcome, Phase, Reason
from minisup.core.policy.backoff import backoff_delay
from minisup.core.policy.clean_exit import NO_MESSAGE
from minisup.core.policy.outcome import before_message, classify, explain, refine
from minisup.core.policy.pace import idle_wait
from minisup.core.program import Program
from minisup.core.slot import SIGNALLED, Health, Run, Slot
from minisup.core.state import State

WOKEN = 2
"""Idle slots that a worked run wakes: a burst reaches N slots in about log3(N) run lengths, light load wakes few."""

CAUSES = frozenset({Outcome.FATAL, Outcome.UNSTARTABLE})
"""Ends after which a slot is held until their cause has gone."""

PACED = frozenset({Outcome.WORKED, Outcome.REJECTED, Outcome.RECYCLED, Outcome.STOPPED, Outcome.LOST})
"""Ends after which the next run starts at pace."""

ILL = COUNTED | CAUSES
"""Ends that make a program failing."""

SWEPT = frozenset({Outcome.CRASHED, Outcome.TIMEOUT, Outcome.OOM})
"""Ends after which what the run left behind is stopped at once."""


def started(state: State, event: Started) -> None:
    """The run exists: its limits begin."""
    slot = state.slots[event.slot]
    run = slot.run
    if run is None or run.id != event.run:
        return
    program = slot.program
    run.pid = event.pid
    program.stats.starts += 1
    launch.begin_limits(state, slot, run, state.now)
    if slot.extra:
        state.arm_slot(slot)
        return
    if program.past.begun_at is None:
        program.past.begun_at = state.now
        notices.begun(state, program)
    if program.holds.files_held:
        launch.release(state, program, Outcome.UNSTARTABLE)
    state.arm_slot(slot)


def spawn_failed(state: State, event: SpawnFailed) -> None:
    """The run never was. What the machine lacks for now is retried like a failure; the rest waits for its cause.

    While it was starting its slot may have been stopped, paused or asked to start afresh, as while a run goes on.
    """
    slot = state.slots[event.slot]
    run = slot.run
    if run is None or run.id != event.run:
        return
    slot.health = Health(healthy=False, failures=slot.health.failures + event.scarce, cause=event.cause)
    if slot.extra:
        end_run(state, slot, run, Outcome.UNSTARTABLE, Exited(event.slot, event.run, None, last_line=event.cause))
        stopping.settle(state, slot, Phase.OFF)
        return
    if event.scarce:
        slot.next_start = replace(slot.next_start, needs_token=True)
    record = end_run(state, slot, run, Outcome.UNSTARTABLE, Exited(event.slot, event.run, None, last_line=event.cause))
    became_ill(state, slot, record)
    if slot.delivery is not None:
        settling.settle(state, slot, record, unread=True)
    if slot.wanted:
        wait_after_failure(state, slot, scarce=event.scarce)
        notices.failure(state, slot, record)
    else:
        notices.failure(state, slot, record)
        stopping.settle(state, slot, Phase.OFF)
    launch.unwatch_if_empty(state, slot.program)
    consider_giving_up(state, slot.program)


def wait_after_failure(state: State, slot: Slot, *, scarce: bool) -> None:
    """The next step of a slot whose run could not be started."""
    slot.stop = None
    if slot.next_start.at_once or (slot.program.gated and slot.gate_pending):  # asked for while it was starting
        start_anyway(state, slot)
    elif scarce:
        back_off(state, slot)
    elif slot.program.policy.schedule is not None:
        schedule.overtake(state, slot)
        keep_schedule(state, slot)
    else:
        launch.block(state, slot, Outcome.UNSTARTABLE)


def exited(state: State, event: Exited) -> None:
    """The leader of a run has ended."""
    slot = state.slots[event.slot]
    run = slot.run
    if run is None or run.id != event.run:
        return
    program = slot.program
    outcome = outcome_of(state, slot, run, event)
    record = end_run(state, slot, run, outcome, event)
    slot.output = event.output
    if event.leftovers:
        left_behind(state, slot, event, outcome)
    if slot.extra:  # nothing follows it, and it says nothing about the program
        stopping.settle(state, slot, Phase.OFF)
        return
    if program.scaler is not None:
        program.scaler.ended(outcome, record.duration or 0.0)
    judge(state, slot, outcome, record)
    if slot.delivery is not None:
        settling.settle(state, slot, record, unread=event.unread)
    if program.holds.files_held and outcome not in CAUSES:
        launch.release(state, program, Outcome.FATAL)
    go_on(state, slot, outcome, record)
    launch.unwatch_if_empty(state, program)
    if outcome in ILL and program.failing.since is not None:
        notices.failure(state, slot, record)
    if program.failing.give_up_at is not None:
        consider_giving_up(state, program)
    if program.told_state:
        notices.state_of(state, program)


def outcome_of(state: State, slot: Slot, run: Run, event: Exited) -> Outcome:
    """What the run came to."""
    policy = slot.program.policy
    outcome = classify(event, slot.program.codes, run.signals.ours, run.signals.sent)
    if run.warm is not None or event.unread:
        return before_message(outcome)
    if event.said is not None or policy.idle.faster_than is not None:
        outcome = refine(outcome, event.said, state.now - run.started, policy.idle.faster_than)
    return outcome


def end_run(state: State, slot: Slot, run: Run, outcome: Outcome, event: Exited) -> Record:
    """Take the run out of its slot and record it."""
    duration = state.now - run.started if run.pid else 0.0
    record = Record(
        run.id, slot.name, run.started, duration, outcome,
        event.code, event.signal, event.cpu, event.max_rss, slot.health.failures,
        explain(event, outcome, run.signals.oom_detail, slot.program.policy.kind),
        None if slot.plan is None else slot.plan.delay,
    )  # fmt: skip
    if slot.program.source is not None or slot.delivery is not None:
        record = with_message(slot, run, record, event)
    state.out.append(record)
    if state.shutdown is not None and outcome is not Outcome.UNSTARTABLE:  # what never was is not cut
        notices.count_cut(state, slot, run, record)
    if run.asked_by is not None:
        notices.extra_ended(state, slot, record, run.asked_by)
    slot.program.stats.add(outcome, duration if run.warm is None else 0.0, state.now, event.cpu)
    slot.last = record
    slot.run = None
    return record


def with_message(slot: Slot, run: Run, record: Record, event: Exited) -> Record:
    """The record of a run that had a message, or that waited for one and has read none."""
    if run.warm is not None and slot.program.source is not None:
        slot.program.source.ready.pop(slot, None)
    none_read = run.warm is not None or event.unread
    if none_read and record.outcome is Outcome.FAILED and (not event.code or not event.last_line):
        record = record._replace(cause=NO_MESSAGE)
    delivery = slot.delivery
    if delivery is None:
        return record
    wait = None if delivery.age is None else delivery.age + max(0.0, record.started - delivery.arrived)
    if wait is not None:
        slot.program.stats.waits.add(wait)
    return record._replace(message=delivery.message, receives=delivery.receives, wait=wait, boot=run.boot)


def left_behind(state: State, slot: Slot, event: Exited, outcome: Outcome) -> None:
    """Members of the run's session live on. After a crash they are stopped; that delays a service's next run alone."""
    slot.leftovers.alive[event.run] = event.leftovers
    signalled = slot.phase in SIGNALLED
    if signalled or outcome in SWEPT:
        kill = slot.phase is Phase.KILLING
        name = "SIGKILL" if kill else slot.program.policy.stop.signal
        state.out.append(SignalLeftovers(slot.name, event.run, name))
        if not kill and (slot.wanted or not signalled):  # else the stop's own kill reaches them
            slot.leftovers.kill_at[event.run] = stopping.kill_time(state, slot)
    notices.leftovers(state, slot)


def judge(state: State, slot: Slot, outcome: Outcome, record: Record) -> None:
    """What the end says about the program's health."""
    if outcome in HEALTHY:
        slot.program.past.healthy_at = state.now
        if outcome is Outcome.WORKED:
            slot.program.past.worked = record
        slot.program.budget.pay_back(state.now)
        proved_well(state, slot)
    elif outcome in COUNTED:
        slot.health = Health(healthy=False, failures=slot.health.failures + 1, cause=notices.cause(record))
        slot.next_start = replace(slot.next_start, needs_token=True)
        became_ill(state, slot, record)
    elif outcome in CAUSES:
        slot.health = Health(healthy=False, failures=slot.health.failures, cause=notices.cause(record))
        became_ill(state, slot, record)


def became_ill(state: State, slot: Slot, record: Record) -> None:
    """An unhealthy end: the program has been failing since its first one."""
    program = slot.program
    program.failing.tries += 1
    if program.failing.since is None:
        program.failing.since = state.now
        program.failing.causes.clear()
        if program.policy.retry.give_up is not GiveUp.NEVER:
            program.failing.give_up_at = state.now + program.policy.retry.give_up_after
            state.arm_program(program)
    program.failing.causes.add(record, state.now)


def proved_well(state: State, slot: Slot) -> None:
    """A healthy end, or a service that has been running for `stable_after`: failing ends, an outage ends."""
    program = slot.program
    if program.source is not None:
        program.source.suspects.clear()
    before = slot.health
    outage = before.healthy is False and all(
        other.health.healthy is False for other in program.slots if other.wanted and other.reason is not Reason.PAUSED
    )
    if before.healthy is not True or before.failures:
        slot.health = Health(healthy=True, failures=0, cause=before.cause)
    if program.failing.since is not None:
        notices.recovered(state, program)
        program.failing.end()
    if outage:
        launch.recover(state, program)
    if program.holds.for_token:
        launch.feed_held(state, program)
        state.arm_program(program)


def go_on(state: State, slot: Slot, outcome: Outcome, record: Record) -> None:
    """The slot's next step after a run that ended by itself or by us."""
    program = slot.program
    if slot.wanted:
        slot.stop = None
        if slot.plan is not None:
            schedule.overtake(state, slot)
    if outcome in program.final and not slot.next_start.at_once and (slot.wanted or outcome is Outcome.WORKED):
        slot.worked = slot.worked or outcome is Outcome.WORKED
        finish(state, slot)
    elif not slot.wanted:
        stopping.settle(state, slot, Phase.OFF)
    elif slot.next_start.at_once or (program.gated and slot.gate_pending):
        start_anyway(state, slot)
    elif program.policy.schedule is not None:
        keep_schedule(state, slot)
    elif outcome in PACED:
        keep_pace(state, slot, outcome, record)
    elif outcome in COUNTED:
        back_off(state, slot)
    elif outcome is Outcome.IDLE:
        climb(state, slot, record)
    else:
        launch.block(state, slot, outcome)


def start_anyway(state: State, slot: Slot) -> None:
    """However the run ended, the next one starts at once if a restart was asked for, else as the slot's first one."""
    if slot.next_start.at_once:
        launch.start_at(state, slot, Reason.PACE, state.now)
    else:
        slot.gate_pending = False
        launch.wait(state, slot, Reason.AFTER, None)


def keep_pace(state: State, slot: Slot, outcome: Outcome, record: Record) -> None:
    """All is well: the next run starts `min_runtime` after this one did."""
    program = slot.program
    if outcome is Outcome.WORKED:
        program.idle.streak = 0
        if program.idle.sleepers:
            wake_idle(state, program)
    launch.start_at(state, slot, Reason.PACE, record.started + program.policy.min_runtime)


def keep_schedule(state: State, slot: Slot) -> None:
    """However the run ended, the next one starts when it is planned; what the schedule decides costs no token."""
    launch.waive_token(slot)
    if slot.plan is None:  # a survivor of a slot that was not to be brought up
        launch.begin_anew(state, slot)
    else:
        launch.start_by_schedule(state, slot)


def finish(state: State, slot: Slot) -> None:
    """Nothing is left to do for the slot; one that was to stop anyway first waits for what its runs left behind."""
    phase = Phase.OFF if slot.leftovers.alive and not slot.wanted else Phase.DONE
    slot.wanted = False
    stopping.settle(state, slot, phase)


def climb(state: State, slot: Slot, record: Record) -> None:
    """Found no work: wait one rung longer than the program's last idle run."""
    program = slot.program
    program.idle.streak += 1
    program.idle.sleepers[slot] = None
    wake_at = state.now + idle_wait(program.policy.idle, program.idle.streak)
    launch.start_at(state, slot, Reason.IDLE, max(wake_at, record.started + program.policy.min_runtime))


def back_off(state: State, slot: Slot) -> None:
    """Wait longer with each counted end in a row."""
    delay = backoff_delay(slot.program.policy.retry, slot.health.failures, state.uniform)
    launch.wait(state, slot, Reason.BACKOFF, state.now + delay)


def wake_idle(state: State, program: Program) -> None:
    """There is work: wake the idle slots that would sleep the longest."""
    idle = [slot for slot in program.idle.sleepers if slot.reason is Reason.IDLE and slot.phase is Phase.WAITING]
    idle.sort(key=longest_wait, reverse=True)
    program.idle.sleepers = dict.fromkeys(idle[WOKEN:])
    for slot in idle[:WOKEN]:
        due = slot.last.started + program.policy.min_runtime if slot.last is not None else state.now
        launch.start_at(state, slot, Reason.PACE, due)


def longest_wait(slot: Slot) -> Instant:
    """Sort key: when an idle slot would wake."""
    return slot.wait.wake_at if slot.wait is not None and slot.wait.wake_at is not None else 0.0


def consider_giving_up(state: State, program: Program) -> None:
    """Give up when the program has been failing for long enough and no run from before is still in progress."""
    since, policy = program.failing.since, program.policy
    if (
        since is None
        or program.failing.give_up_at is None
        or state.now < program.failing.give_up_at
        or state.shutdown is not None
    ):
        return
    if program.source is not None and program.source.is_alone_in_failing() and not program.holds.for_cause:
        return  # one message fails, and nothing else is there to say that it is not the message
    if program.is_at_rest() or any(slot.run and slot.run.started < since and not slot.extra for slot in program.slots):
        return
    program.failing.give_up_at = None
    program.failing.given_up = True
    notices.gave_up(state, program, state.now - since)
    if policy.retry.give_up is GiveUp.EXIT:
        stopping.begin_shutdown(state, code=75, step=1, by=f"{program.name} was given up")
        return
    program.rolling.queue.clear()
    for slot in [slot for slot in program.slots if not slot.extra]:
        stopping.stop(state, slot, policy.stop.drain, policy.stop.timeout)
