"""When a request that waits has come about in a slot, or that it never will: the one rule of `--wait`.

Each rule is asked again in every turn. It raises MinisupError when something else was asked for meanwhile, or minisup
is shutting down, so that nobody waits for what cannot come. `mark` is the last run id given before the request.
"""

from collections.abc import Callable

from minisup.core.model import Outcome, Phase, Reason
from minisup.core.slot import GONE, SIGNALLED, Slot
from minisup.core.state import State
from minisup.errors import MinisupError

CameAbout = Callable[[State, Slot, int], bool]

FOR_WORK = frozenset({Reason.SCHEDULE, Reason.MESSAGE})
"""Waits of a slot that has been started and has nothing to do yet."""


def has_stopped(state: State, slot: Slot, _mark: int) -> bool:
    """Stop: the slot is off (a task may have become done)."""
    if slot.phase in GONE:
        return True
    if slot.wanted and state.shutdown is None:
        raise _never(slot, "to stop", "it has been started again meanwhile")
    return False


def has_paused(state: State, slot: Slot, _mark: int) -> bool:
    """Pause: no run is in progress. One whose pause was ended by a stop is over when its run is."""
    if slot.phase in GONE:
        return True
    if slot.wanted and slot.pause is None and state.shutdown is None:
        raise _never(slot, "to pause", "its pause has been ended meanwhile")
    return slot.run is None


def has_started(state: State, slot: Slot, mark: int) -> bool:
    """Start and resume: a run is in progress, or one has started since; or it waits for its time or its message."""
    if has_fresh_run(slot, mark) or slot.leaving:
        return True
    _refuse_at_shutdown(state, slot, "to start")
    if slot.pause is not None:
        raise _never(slot, "to start", "it has been paused meanwhile")
    if not slot.wanted:
        raise _never(slot, "to start", _why_not_wanted(slot, mark))
    return is_up(slot) or waits_for_work(slot)


def has_restarted(state: State, slot: Slot, mark: int) -> bool:
    """Restart: a run has started since. What has no run of before and is to have none by itself is not waited for."""
    if has_fresh_run(slot, mark):
        return True
    _refuse_at_shutdown(state, slot, "to restart")
    if slot.run is None:
        return slot.phase in GONE or slot.pause is not None or waits_for_work(slot)
    if slot.pause is not None:
        raise _never(slot, "to restart", "it has been paused meanwhile, and its run of before goes on")
    return False


def has_fresh_run(slot: Slot, mark: int) -> bool:
    """Whether a process of a run was there that was not when the request came."""
    fresh = slot.run is not None and slot.run.id > mark and slot.run.pid > 0
    ended = slot.last is not None and slot.last.run > mark and slot.last.outcome is not Outcome.UNSTARTABLE
    return fresh or ended


def is_up(slot: Slot) -> bool:
    """Whether a run is in progress that has no signal of ours."""
    return slot.run is not None and slot.run.pid > 0 and slot.phase not in SIGNALLED


def waits_for_work(slot: Slot) -> bool:
    """Whether only its planned time or a message is missing."""
    return slot.phase is Phase.WAITING and slot.reason in FOR_WORK


def _refuse_at_shutdown(state: State, slot: Slot, what: str) -> None:
    if state.shutdown is not None:
        raise MinisupError(
            f"cannot wait for {slot.name} {what}: minisup is shutting down; `minisup up` starts it again when it has "
            "ended"
        )


def _why_not_wanted(slot: Slot, mark: int) -> str:
    if slot.last is not None and slot.last.run > mark:  # an unstartable one: any other has come about
        return f"it could not be started ({slot.health.cause or slot.last.cause})"
    return "it has been stopped meanwhile"


def _never(slot: Slot, what: str, why: str) -> MinisupError:
    return MinisupError(f"cannot wait for {slot.name} {what}: {why}; `minisup why {slot.program.name}` says how it is")
