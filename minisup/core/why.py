"""Why a program is or is not running now, what happens next and when: the facts behind `minisup why`.

They are read from the state that the decisions were made in, not worked out again: a slot's next step is the timer that
is armed, or the event that the slot waits for.
"""

from datetime import UTC, datetime, tzinfo
from typing import Any

from minisup.core.label import budget_label, program_state
from minisup.core.life.launch import is_ready
from minisup.core.messages import Record
from minisup.core.model import Instant, Phase, Reason, Seconds
from minisup.core.policy.causes import Cause
from minisup.core.policy.outcome import because
from minisup.core.policy.timestamp import stamp
from minisup.core.program import Program
from minisup.core.slot import Slot
from minisup.core.state import State
from minisup.core.status import NextStep, RunLeftovers, WhySlot
from minisup.core.view import rounded, scale_view, slot_view, source_view, wait_left

Document = dict[str, Any]

STEPS = {Phase.WAITING: "start", Phase.DRAINING: "signal", Phase.STOPPING: "kill", Phase.RUNNING: "timeout"}
"""What the slot's timer will do, by phase."""

EVENTS = {
    Reason.AFTER: "dependency",
    Reason.PAUSED: "resume",
    Reason.OUTPUT: "output",
    Reason.LEFTOVERS: "leftovers",
    Reason.MESSAGE: "message",
}
"""What wakes a slot that waits without a timer."""


def explain(
    state: State, program: Program, slots: list[Slot], *, now: Instant, wall: float, zone: tzinfo = UTC
) -> Document:
    """The facts about one program; `now` is monotonic, `wall` seconds since 1970, `slots` those that are shown.

    Times of day in sentences are those of `zone`.
    """
    state.now = now
    moment = datetime.fromtimestamp(wall, zone)
    views: list[WhySlot] = [
        {**slot_view(state, slot, moment), "next": next_step(state, slot), "left_behind": left_behind(slot)}
        for slot in slots
    ]
    return {
        "name": program.name,
        "kind": program.policy.kind.value,
        "state": program_state(program, now),
        "wanted": sum(1 for slot in program.slots if slot.wanted),
        "slots": views,
        "next": soonest(views),
        "autostart": program.policy.autostart,
        "min_runtime": program.policy.min_runtime,
        "schedule": schedule_view(program),
        "idle_streak": program.idle.streak,
        "failing": failing(state, program, wall),
        "last_worked": None if program.past.worked is None else worked(state, program.past.worked, wall),
        "budget": budget(program, now),
        "give_up": give_up(program, now),
        "touched": touched(program, now),
        "scale": None if program.scaler is None else scale_view(state, program, program.scaler),
        "source": None if program.source is None else source_view(state, program, program.source),
        "after": [needed(state, state.programs[name]) for name in program.policy.after if name in state.programs],
    }


def next_step(state: State, slot: Slot) -> NextStep:
    """What the slot does next (`what`), in how many seconds (`in`; None: nobody knows), or at which `event`."""
    if slot.phase in {Phase.OFF, Phase.DONE}:
        return {"what": "start", "in": None, "event": "operator"}
    if slot.phase is Phase.RUNNING and slot.run is not None and slot.run.limits.expires_at is not None:
        expires_in = max(0.0, slot.run.limits.expires_at - state.now)
        return {"what": "timeout", "in": rounded(expires_in), "event": "end"}
    if slot.phase is Phase.WAITING:
        return waiting_step(state, slot)
    left = wait_left(state, slot)
    return {"what": STEPS[slot.phase] if left is not None else "end", "in": rounded(left), "event": "end"}


def left_behind(slot: Slot) -> list[RunLeftovers]:
    """The runs of the slot that processes of theirs outlive, and how many those are."""
    return [{"run": run, "processes": count} for run, count in sorted(slot.leftovers.alive.items())]


def waiting_step(state: State, slot: Slot) -> NextStep:
    """The next step of a slot that waits: its timer, its place in a queue, or the event that it waits for."""
    left = rounded(wait_left(state, slot))
    if slot.reason is Reason.HOLD:
        return {"what": "probe", "in": left, "event": "change" if slot.held_for else "token"}
    return {"what": "start", "in": left, "event": EVENTS.get(slot.reason) if slot.reason else None}


def soonest(views: list[WhySlot]) -> Document | None:
    """The step of the program that comes first by time; None: only events are waited for."""
    timed = [(view["next"]["in"], view) for view in views if view["next"]["in"] is not None]
    if not timed:
        return None
    left, first = min(timed, key=lambda each: each[0])
    return {"slot": first["name"], "what": first["next"]["what"], "in": left}


def failing(state: State, program: Program, wall: float) -> Document | None:
    """Since when the program has been failing, how many runs, and their causes; None: it is well."""
    since = program.failing.since
    if since is None:
        return None
    return {
        "for": rounded(state.now - since),
        "since": stamp(wall - (state.now - since)),
        "runs": program.failing.tries,
        "causes": [cause_view(state, cause) for cause in program.failing.causes.by_count()],
    }


def cause_view(state: State, cause: Cause) -> Document:
    """One cause. `ago` is when the last run ended that had it."""
    return {
        "runs": cause.runs,
        "outcome": cause.outcome.value,
        "code": cause.code,
        "signal": cause.signal,
        "because": because(cause.outcome, cause.code, cause.line),
        "line": cause.line,
        "run": cause.run,
        "ago": rounded(state.now - cause.ended),
    }


def worked(state: State, record: Record, wall: float) -> Document:
    """The last run of the program that worked."""
    ago = state.now - record.started - (record.duration or 0.0)
    return {"run": record.run, "slot": record.slot, "ended": stamp(wall - ago), "ago": rounded(ago)}


def budget(program: Program, now: Instant) -> Document:
    """The budget's arithmetic. `queue`: slots that wait for a token."""
    bucket = program.budget
    level = bucket.level(now)
    return {
        "tokens": round(level, 3),
        "size": int(bucket.size),
        "label": budget_label(program, now),
        "refill": bucket.refill,
        "credit": round(bucket.credit, 3),
        "next_token_in": rounded(max(0.0, 1.0 - level) * bucket.refill),
        "queue": len(program.holds.for_token),
    }


def give_up(program: Program, now: Instant) -> Document:
    """The policy, whether it has been carried out, and in how many seconds it will be (None: not as things stand)."""
    standing = program.failing.give_up_at is None or program.is_at_rest()
    left: Seconds | None = (
        None if standing or program.failing.give_up_at is None else max(0.0, program.failing.give_up_at - now)
    )
    retry = program.policy.retry
    return {
        "policy": retry.give_up.value,
        "after": retry.give_up_after,
        "in": rounded(left),
        "given_up": program.failing.given_up,
    }


def touched(program: Program, now: Instant) -> Document | None:
    """The last change of watched files that made the program restart; None: there was none.

    `left`: slots whose run is still one from before.
    """
    last = program.past.touched
    if last is None:
        return None
    left = sum(1 for slot in program.slots if slot.run and slot.run.started < last.at)
    return {"file": last.file, "files": last.files, "ago": rounded(now - last.at), "left": left}


def schedule_view(program: Program) -> Document | None:
    """What its starts are planned by; `calendar` in the words of the configuration. None: it has no schedule."""
    schedule = program.policy.schedule
    if schedule is None:
        return None
    return {
        "every": schedule.every,
        "calendar": None if schedule.calendar is None else str(schedule.calendar),
        "overlap": schedule.overlap.value,
        "jitter": schedule.jitter,
    }


def needed(state: State, other: Program) -> Document:
    """A program that this one is `after`, and whether it has done its part."""
    return {
        "name": other.name,
        "kind": other.policy.kind.value,
        "state": program_state(other, state.now),
        "met": is_ready(other),
    }
