"""One word for how a program is."""

from minisup.core.model import Instant, Kind, Phase, Reason
from minisup.core.program import Program
from minisup.core.slot import GONE

DEGRADED = 0.5
"""Share of the budget at or below which a program is degraded."""


def budget_label(program: Program, now: Instant) -> str:
    """How far from trouble: "holding", "degraded" or "ok"."""
    tokens = program.budget.level(now)
    failing = program.failing.since is not None
    wanted = [slot for slot in program.slots if slot.wanted and slot.reason is not Reason.PAUSED]
    if (failing and tokens < 1.0) or (wanted and all(slot.reason is Reason.HOLD for slot in wanted)):
        return "holding"
    if failing or tokens <= DEGRADED * program.budget.size:
        return "degraded"
    return "ok"


def program_state(program: Program, now: Instant) -> str:
    """The program's state; the first word that fits. Slots that leave count only when no others are left."""
    slots = program.staying() or program.slots
    phases = {Phase.WAITING if slot.is_ready and slot.wanted else slot.phase for slot in slots}
    if Phase.STOPPING in phases or Phase.KILLING in phases:
        return "stopping"
    if Phase.DRAINING in phases:
        return "draining"
    if phases <= GONE and program.is_dormant():
        return "waiting" if program.paused is None else "paused"
    if phases <= GONE:
        return "done" if Phase.DONE in phases else "off"
    if any(slot.pause is not None for slot in slots):
        return "paused"
    if budget_label(program, now) == "holding":
        return "holding"
    if Phase.RUNNING in phases:
        return "running"
    reasons = {slot.reason for slot in slots if slot.phase is Phase.WAITING}
    return "backoff" if Reason.BACKOFF in reasons else "waiting"


def has_worked(program: Program) -> bool:
    """Whether a task has worked in every slot."""
    slots = program.staying()
    return program.policy.kind is Kind.TASK and bool(slots) and all(slot.worked for slot in slots)
