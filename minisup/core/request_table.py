"""What each request comes to, by where a slot stands: the one table.

`requests.py`, `pausing.py`, `resizing.py` and `signalling.py` carry it out, and a test performs every pair. The reply
to a request is taken from here (`left_alone`), and the table of the policy page is drawn from here.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from minisup.core.model import Phase, Reason
from minisup.core.slot import SIGNALLED, Slot

AT_ONCE: Final = frozenset({Reason.PACE, Reason.IDLE, Reason.BACKOFF, Reason.HOLD, Reason.SCHEDULE})
"""Waits that a restart ends; what waits for others, for an operator or for its last run stays."""


class Request(StrEnum):
    """What can be asked about a slot. The first five are the values of `messages.Verb`."""

    STOP = "stop"
    START = "start"
    RESTART = "restart"
    PAUSE = "pause"
    RESUME = "resume"
    SIGNAL = "signal"
    SCALE_IN = "scale-in"
    SCALE_OUT = "scale-out"


class Place(StrEnum):
    """Where a slot stands, as far as a request makes a difference."""

    WAITING = "waiting"
    AFTER_OTHERS = "waiting: `after`, `output`, `leftovers`"
    FOR_MESSAGE = "waiting: `message`"
    READY = "ready"
    PAUSED = "paused, without a run"
    PAUSED_RUN = "paused, its run goes on"
    RUNNING = "running"
    RESTARTING = "draining for a restart"
    DRAINING = "draining for a stop"
    SIGNALLED = "signalled, to start again"
    STOPPING = "signalled for a stop"
    OFF = "off"
    DONE = "done"
    LEAVING = "leaving (scale-in, reload)"


class Effect(StrEnum):
    """What a request makes of a slot."""

    ACTS = "acts"
    SO = "so"
    """Nothing changes, and nothing has to: it is so already, or a request of that form does not mean such a slot."""
    LEFT = "left"
    """Nothing changes although something was asked for: whoever asked is told, and refused if it is all there was."""


class Cell(NamedTuple):
    """One pair of the table. `why` is what is said of a slot that is left alone."""

    words: str
    effect: Effect = Effect.ACTS
    why: str = ""
    unnamed: Effect | None = None
    """For a slot that is meant by a pattern, a group or `all` only; None: the same."""
    now: Effect | None = None
    """With `--now`; None: the same."""


def place(slot: Slot) -> Place:
    """Where the slot stands."""
    if slot.leaving:
        return Place.LEAVING
    if slot.phase is Phase.OFF:
        return Place.OFF
    if slot.phase is Phase.DONE:
        return Place.DONE
    if not slot.wanted:
        return Place.STOPPING if slot.phase in SIGNALLED else Place.DRAINING
    if slot.pause is not None:
        return Place.PAUSED_RUN if slot.run else Place.PAUSED
    if slot.phase is Phase.READY:
        return Place.READY
    if slot.reason is Reason.MESSAGE and slot.phase is Phase.WAITING:
        return Place.FOR_MESSAGE
    if slot.phase is Phase.WAITING:
        return Place.WAITING if slot.reason in AT_ONCE else Place.AFTER_OTHERS
    if slot.phase is Phase.RUNNING:
        return Place.RUNNING
    return Place.SIGNALLED if slot.phase in SIGNALLED else Place.RESTARTING


def is_meant(slot: Slot, request: Request, *, named: bool) -> bool:
    """Whether the request means the slot at all: `restart all` does not mean what is off or done."""
    return named or TABLE[place(slot)][request].unnamed is None


def effect(slot: Slot, request: Request, *, named: bool, now: bool) -> Effect:
    """What the request makes of the slot; `named`: it was named by its own name or its program's."""
    cell = TABLE[place(slot)][request]
    if not named and cell.unnamed is not None:
        return cell.unnamed
    return cell.now if now and cell.now is not None else cell.effect


def left_alone(slot: Slot, request: Request, *, named: bool, now: bool) -> str:
    """Why the slot is left as it is, with what to do instead; empty: it is not, or nobody expects anything else."""
    if effect(slot, request, named=named, now=now) is not Effect.LEFT:
        return ""
    return TABLE[place(slot)][request].why.format(slot=slot.name)


SO, LEFT, ACTS = Effect.SO, Effect.LEFT, Effect.ACTS

_GONE_ON = "{slot} is being stopped, and a pause does not take that back; `minisup start {slot}` does, then pause it"
_SIGNALLED = "{slot} is being stopped and has been signalled; `minisup start {slot}` lets it start after its end"
_NO_PAUSE = "{slot} is being stopped, which has ended its pause; `minisup start {slot}` takes the stop back"
_OFF = "{slot} is off, not paused; `minisup start {slot}` starts it"
_PAUSED = "{slot} is paused, and its run of before goes on; `minisup resume {slot}`, then restart it"
_LEAVES = "{slot} is on its way out and hears nothing but a stop"

_GETS = Cell("gets it; what minisup had sent before decides the outcome")
_NOBODY = Cell("nobody to signal", SO)
_STAYS = Cell("-", SO)
_NOTHING = Cell("no change", SO)
_LEAVING = Cell("no change", LEFT, _LEAVES, unnamed=SO)

_ROWS: Final[Mapping[Place, tuple[Cell, ...]]] = {
    Place.WAITING: (
        Cell("off; queues are left, no token is lost"),
        Cell("no change; `--now` starts it", SO, now=ACTS),
        Cell("starts at once, k = 0, no token"),
        Cell("the wait is set aside; no token, no failure is lost or gained"),
        _NOTHING,
        _NOBODY,
        Cell("gone"),
        _STAYS,
    ),
    Place.AFTER_OTHERS: (
        Cell("off"),
        Cell("no change; `--now` ends the wait for `after`", SO, now=ACTS),
        Cell("no change: the run that comes is a fresh one", SO),
        Cell("the wait is set aside"),
        _NOTHING,
        _NOBODY,
        Cell("gone"),
        _STAYS,
    ),
    Place.FOR_MESSAGE: (
        Cell("off"),
        Cell("no change: its message starts it", SO),
        Cell("no change: the run that comes is a fresh one", SO),
        Cell("the wait is set aside"),
        _NOTHING,
        _NOBODY,
        Cell("gone"),
        _STAYS,
    ),
    Place.READY: (
        Cell("signalled at once, then off"),
        _NOTHING,
        Cell("signalled at once; a fresh process follows"),
        Cell("signalled at once, then it waits paused"),
        _NOTHING,
        _GETS,
        Cell("signalled at once, then gone"),
        _STAYS,
    ),
    Place.PAUSED: (
        Cell("off; the pause is over"),
        Cell("as `resume`"),
        Cell("no change: the run that comes is a fresh one", SO),
        _NOTHING,
        Cell("waits again for what was set aside, or starts"),
        _NOBODY,
        Cell("gone"),
        _STAYS,
    ),
    Place.PAUSED_RUN: (
        Cell("draining; the pause is over"),
        Cell("as `resume`"),
        Cell("left alone, and said", LEFT, _PAUSED),
        Cell("no change; `--now` signals the run", SO, now=ACTS),
        Cell("goes on, and is followed by others again"),
        _GETS,
        Cell("draining without limit, then gone (a service: by its `stop`)"),
        _STAYS,
    ),
    Place.RUNNING: (
        Cell("draining; `--now` signals"),
        _NOTHING,
        Cell("draining without limit, then starts; `--now` signals; services take turns"),
        Cell("the run may finish, then it waits paused; `--now` signals"),
        _NOTHING,
        Cell("gets it; `stopped` if it dies of it"),
        Cell("draining without limit, then gone (a service: by its `stop`)"),
        _STAYS,
    ),
    Place.RESTARTING: (
        Cell("draining for a stop, by its deadline"),
        Cell("the drain is cancelled"),
        Cell("no change; `--now` signals", SO, now=ACTS),
        Cell("the drain is cancelled; the run may finish, then it waits paused"),
        _NOTHING,
        Cell("gets it; the drain goes on"),
        Cell("draining, then gone"),
        _STAYS,
    ),
    Place.DRAINING: (
        Cell("the earlier deadline holds; `--now` signals", SO, now=ACTS),
        Cell("the drain is cancelled"),
        Cell("if named exactly: draining without limit, then starts", unnamed=SO),
        Cell("the stop goes on, and that is said", LEFT, _GONE_ON),
        Cell("the stop goes on, and that is said", LEFT, _NO_PAUSE, unnamed=SO),
        Cell("gets it; the drain goes on"),
        Cell("the earlier deadline holds; then gone"),
        _STAYS,
    ),
    Place.SIGNALLED: (
        Cell("off after its end; killed no later than promised"),
        Cell("starts at once after its end"),
        Cell("starts at once after its end"),
        Cell("waits paused after its end"),
        _NOTHING,
        _GETS,
        Cell("gone after its end"),
        _STAYS,
    ),
    Place.STOPPING: (
        Cell("killed no later than promised", SO),
        Cell("starts at once after its end"),
        Cell("if named exactly: starts at once after its end", unnamed=SO),
        Cell("the stop goes on, and that is said", LEFT, _SIGNALLED),
        Cell("the stop goes on, and that is said", LEFT, _SIGNALLED, unnamed=SO),
        _GETS,
        Cell("gone after its end"),
        _STAYS,
    ),
    Place.OFF: (
        _NOTHING,
        Cell("starts"),
        Cell("starts, if named exactly", unnamed=SO),
        _NOTHING,
        Cell("no change, and that is said if named exactly", LEFT, _OFF, unnamed=SO),
        _NOBODY,
        Cell("gone"),
        _STAYS,
    ),
    Place.DONE: (
        Cell("off"),
        Cell("starts again"),
        Cell("starts again, if named exactly", unnamed=SO),
        _NOTHING,
        _NOTHING,
        _NOBODY,
        Cell("gone"),
        _STAYS,
    ),
    Place.LEAVING: (
        Cell("gets the deadline of a stop"),
        _LEAVING,
        _LEAVING,
        _LEAVING,
        _LEAVING,
        Cell("gets it; the drain goes on"),
        Cell("no change; `--now` signals", SO, now=ACTS),
        Cell("the drain is cancelled; one that was signalled starts after its end"),
    ),
}

TABLE: Final[Mapping[Place, Mapping[Request, Cell]]] = MappingProxyType(
    {where: MappingProxyType(dict(zip(Request, cells, strict=True))) for where, cells in _ROWS.items()}
)
"""Every pair of a place and a request."""
