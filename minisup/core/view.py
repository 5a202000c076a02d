"""The fleet as plain data: the document of `status --json`."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import cast

from minisup.core.deliveries import Deliveries
from minisup.core.handlers.autoscale_control import autoscaled
from minisup.core.label import budget_label, program_state
from minisup.core.life.notices import next_in
from minisup.core.messages import Record
from minisup.core.model import Instant, Outcome, Phase, Reason, Seconds
from minisup.core.policy.autoscale import Autoscaler
from minisup.core.policy.outcome import because
from minisup.core.policy.stats import DURATIONS, WINDOW, Buckets, Stats
from minisup.core.policy.timestamp import stamp
from minisup.core.program import Program
from minisup.core.slot import GONE, Slot
from minisup.core.state import State
from minisup.core.status import (
    Histogram,
    LastRun,
    MessageTotals,
    PauseStatus,
    ProgramStatus,
    RunCounts,
    ScaleDecision,
    ScaleStatus,
    SlotStatus,
    SourceStatus,
    StatusDocument,
    Totals,
)

NOTHING_LOST: Mapping[str, int] = MappingProxyType({})

SCHEMA = 1
"""Version of the document: grows when a field changes its meaning or goes away."""

NORMAL_WAITS = {Reason.PACE, Reason.IDLE, Reason.SCHEDULE, Reason.MESSAGE}
"""Waits of a slot that is well: its next start is due by its policy alone."""


def snapshot(
    state: State,
    *,
    now: Instant,
    wall: float,
    version: str,
    pid: int,
    instance: str,
    uptime: Seconds,
    names: frozenset[str] | None = None,
    programs: frozenset[str] = frozenset(),
    output_lost: Mapping[str, int] = NOTHING_LOST,
    zone: tzinfo = UTC,
) -> StatusDocument:
    """The whole fleet at `now` (monotonic) and `wall` (seconds since 1970).

    `names`: only these slots; `programs`: these also if they have none. Times of day in sentences are those of `zone`.
    """
    state.now = now
    moment = datetime.fromtimestamp(wall, zone)
    shown = []
    for program in state.programs.values():
        slots = [slot for slot in program.slots if names is None or slot.name in names]
        if slots or names is None or program.name in programs:
            shown.append(program_view(state, program, slots, moment, uptime))
    return {
        "schema": SCHEMA,
        "version": version,
        "pid": pid,
        "instance": instance,
        "uptime": round(uptime, 3),
        "state": daemon_state(state),
        "bounds": list(DURATIONS),
        "output_lost": dict(output_lost),
        "programs": shown,
    }


def daemon_state(state: State) -> str:
    """`running`; during a shutdown `draining` until the first signal is sent, then `stopping`."""
    if state.shutdown is None:
        return "running"
    signalled = any(slot.phase in {Phase.STOPPING, Phase.KILLING} for slot in state.slots.values())
    return "stopping" if signalled or state.shutdown.step > 1 else "draining"


def program_view(state: State, program: Program, slots: list[Slot], wall: datetime, uptime: Seconds) -> ProgramStatus:
    """One program with those of its slots that are shown."""
    now, stats = state.now, program.stats
    wanted = [slot for slot in program.slots if slot.wanted]
    phases: dict[str, int] = {}
    for slot in program.slots:
        phases[slot.phase.value] = phases.get(slot.phase.value, 0) + 1
    runs = {outcome.value: count for outcome, count in stats.outcomes.items()}
    p50, p95, p99 = (rounded(stats.percentile(share)) for share in (0.50, 0.95, 0.99))
    return {
        "name": program.name,
        "kind": program.policy.kind.value,
        "state": program_state(program, now),
        "wanted": len(wanted),
        "running": sum(1 for slot in program.slots if slot.is_working),
        "phases": phases,
        "groups": list(program.policy.groups),
        "leftovers": sum(sum(slot.leftovers.alive.values()) for slot in program.slots),
        "scale": None if program.scaler is None else scale_view(state, program, program.scaler),
        "source": None if program.source is None else source_view(state, program, program.source),
        "failing_for": None if program.failing.since is None else round(now - program.failing.since, 3),
        "budget": {
            "tokens": round(program.budget.level(now), 3),
            "size": int(program.budget.size),
            "label": budget_label(program, now),
        },
        "runs": cast("RunCounts", {"total": sum(runs.values()), **runs}),
        "per_minute": float(stats.per_minute(now)),
        "busy": busy_share(program, now, uptime),
        "duration": {"p50": p50, "p95": p95, "p99": p99},
        "totals": totals_view(program),
        "last_worked": last_worked(state, program, wall),
        "late": late(program),
        "slots": [slot_view(state, slot, wall) for slot in slots],
    }


def totals_view(program: Program) -> Totals:
    """What only grows."""
    stats = program.stats
    return {
        "starts": stats.starts,
        "busy": round(stats.busy, 3),
        "cpu": round(stats.cpu, 3),
        "cut": stats.cut,
        "starts_skipped": stats.skipped,
        "duration": histogram(stats.worked),
        "messages": None if program.source is None and not stats.received else messages_view(stats),
    }


def messages_view(stats: Stats) -> MessageTotals:
    """What became of a program's messages."""
    return {
        "received": stats.received,
        "acked": stats.acked,
        "returned": stats.returned,
        "rejected": stats.rejected,
        "leases_lost": stats.leases_lost,
        "wait": histogram(stats.waits),
    }


def histogram(buckets: Buckets) -> Histogram:
    """How many took how long."""
    return {"counts": list(buckets.counts), "sum": round(buckets.total, 3)}


def last_worked(state: State, program: Program, wall: datetime) -> float | None:
    """When the last run that worked ended; seconds since 1970."""
    record = program.past.worked
    if record is None or record.duration is None:
        return None
    return round(wall.timestamp() - (state.now - record.started - record.duration), 3)


def late(program: Program) -> Seconds | None:
    """How much later than planned the last planned start of any slot was."""
    return max((slot.plan.delay for slot in program.slots if slot.plan is not None and slot.plan.delay), default=None)


def scale_view(state: State, program: Program, scaler: Autoscaler) -> ScaleStatus:
    """How a program scales itself: its limits, what waits, and its last decision. `ago` and `failing_for`: seconds."""
    scale, last = scaler.scale, scaler.last
    failing = None if scaler.failed_at is None else rounded(state.now - scaler.failed_at)
    decided = None if last is None else autoscaled(program, scaler, last)._asdict()
    ago = rounded(state.now - scaler.last_at)
    return {
        "min": scale.min,
        "max": scale.max,
        "slots": program.numprocs,
        "probe": scale.probed,
        "waiting": scaler.visible,
        "each": rounded(scaler.length),
        "busy": round(scaler.busy, 2),
        "error": scaler.error or None,
        "failing_for": failing,
        "last": None if decided is None else cast("ScaleDecision", {**decided, "ago": ago}),
    }


def source_view(state: State, program: Program, source: Deliveries) -> SourceStatus:
    """The program's queue, as far as it is known, and what became of its messages. `failing_for`: seconds."""
    return {
        "state": "failing" if source.failed_at is not None else "ok" if source.up_at is not None else "starting",
        "waiting": source.backlog,
        "in_work": sum(1 for slot in program.slots if slot.delivery is not None),
        "in_hand": len(source.queue),
        "ready": len(source.ready),
        "credit": source.credit,
        "acked": source.acked,
        "returned": source.returned,
        "rejected": source.rejected,
        "lost": source.lost,
        "error": source.error or None,
        "failing_for": None if source.failed_at is None else rounded(state.now - source.failed_at),
    }


def busy_share(program: Program, now: Instant, uptime: Seconds) -> float | None:
    """Share of the last 60 s in which the slots had a run in progress; None: there is no slot, or no time yet."""
    span = min(float(WINDOW), uptime) * len(program.slots)
    if span <= 0:
        return None
    running = sum(min(now - slot.run.started, WINDOW) for slot in program.slots if slot.run and not slot.is_ready)
    return round(min(1.0, (program.stats.busy_seconds(now) + running) / span), 3)


def slot_view(state: State, slot: Slot, wall: datetime) -> SlotStatus:
    """One slot. `since` is how many seconds it has been in its phase, `age` how many its run has been in progress.

    `leftovers` counts the processes that outlive its runs.
    """
    run, waiting = slot.run, slot.phase is Phase.WAITING
    return {
        "name": slot.name,
        "slot": slot.index,
        "phase": slot.phase.value,
        "pid": None if run is None else run.pid or None,
        "run": None if run is None else run.id,
        "since": round(max(0.0, state.now - slot.since), 3),
        "age": round(max(0.0, state.now - run.started), 3) if run is not None and run.pid else None,
        "reason": slot.reason.value if waiting and slot.reason is not None else None,
        "cause": cause_of(state, slot, wall),
        "paused": pause_view(state, slot, wall),
        "leaving": slot.leaving,
        "goal_met": is_goal_met(slot),
        "next_in": rounded(wait_left(state, slot)),
        "failures": slot.health.failures,
        "leftovers": sum(slot.leftovers.alive.values()),
        "last": None if slot.last is None else last_view(state, slot.last, wall),
    }


def pause_view(state: State, slot: Slot, wall: datetime) -> PauseStatus | None:
    """Who paused the slot, and since when; None: it is not paused."""
    if slot.pause is None:
        return None
    return {"by": slot.pause.by, "since": stamp(wall.timestamp() - (state.now - slot.pause.at))}


def is_goal_met(slot: Slot) -> bool:
    """Whether the slot does what was asked of it, so that nothing but time or work has to come."""
    if slot.leaving:
        return False  # it is gone when it is
    if slot.pause is not None:
        return slot.run is None
    if not slot.wanted:
        return slot.phase in GONE
    if slot.phase is Phase.RUNNING:
        return slot.run is not None and slot.run.pid > 0 and not slot.next_start.at_once
    if slot.phase is Phase.READY:
        return True
    return slot.phase is Phase.DONE or (slot.phase is Phase.WAITING and slot.reason in NORMAL_WAITS)


def cause_of(state: State, slot: Slot, wall: datetime) -> str | None:
    """Why the slot is where it is, in a few words."""
    if slot.pause is not None:
        since = wall - timedelta(seconds=state.now - slot.pause.at)
        return f"paused by {slot.pause.by} since {since:{'%H:%M' if since.date() == wall.date() else '%Y-%m-%d %H:%M'}}"
    if slot.run is not None and slot.run.signals.out_of_reach:
        return "cannot be signalled: it runs with the rights of another user"
    if slot.extra:
        return f"leaves: one extra run for {slot.run.asked_by}" if slot.run else "leaves: what an extra run left behind"
    if slot.leaving:
        return f"leaves: {slot.program.name} is scaled to {slot.program.numprocs}"
    if slot.phase is Phase.WAITING and slot.reason is Reason.AFTER:
        needed = [state.programs[name] for name in slot.program.policy.after]
        return "after " + ", ".join(f"{other.name} ({program_state(other, state.now)})" for other in needed)
    if slot.program.failing.given_up and slot.phase is Phase.OFF:
        return f"given up: {slot.health.cause}"
    if slot.health.healthy is False and slot.phase is not Phase.DONE:
        return slot.health.cause or None
    return None


def wait_left(state: State, slot: Slot) -> Seconds | None:
    """Seconds until the slot's next step that is known: the next start, the signal, the kill."""
    if slot.phase is not Phase.WAITING:
        stop = slot.stop
        due = None if stop is None else stop.drain_until if slot.phase is Phase.DRAINING else stop.kill_at
        return None if due is None else max(0.0, due - state.now)
    program = slot.program
    if slot.reason is Reason.HOLD:
        queue = program.holds.for_cause if slot.held_for else program.holds.for_token
        left = next_in(state, slot)
        return None if left is None else left + queue.index(slot) * program.budget.refill
    return next_in(state, slot)


def last_view(state: State, record: Record, wall: datetime) -> LastRun:
    """The slot's last ended run."""
    long = record.duration
    ended = None if long is None else stamp(wall.timestamp() - (state.now - record.started - long))
    return {
        "run": record.run,
        "outcome": record.outcome.value,
        "code": record.code,
        "signal": record.signal,
        "duration": None if record.outcome is Outcome.LOST else rounded(long),
        "ended": ended,
        "because": because(record.outcome, record.code, record.cause),
    }


def rounded(seconds: Seconds | None) -> float | None:
    """Milliseconds are enough to show."""
    return None if seconds is None else round(seconds, 3)
