"""Facts of the `status` document in words: what a program does, how a run ended, what a slot waits for."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from minisup.config.text.units import format_duration as amount
from minisup.core.policy.clean_exit import MUST_NOT_END, NO_PROOF, NOT_OK
from minisup.core.status import LastRun, PauseStatus
from minisup.core.status import ProgramStatus as Program
from minisup.core.status import SlotStatus as Slot

__all__ = [
    "Program",
    "Slot",
    "amount",
    "ending",
    "is_leaving",
    "is_paused",
    "left_behind",
    "next_words",
    "ordinal",
    "printable",
    "run_age",
    "slot_line",
    "state_words",
]

UNWELL: Final = frozenset({"failed", "crashed", "timeout", "oom", "unstartable", "fatal"})


def state_words(program: Program, dot: str, now: datetime | None = None) -> str:
    """The program's state, what happens next, and after `dot` what is wrong. `now`: what the reader's clock shows."""
    state, slots = str(program["state"]), program["slots"]
    match state:
        case "backoff":
            words = f"backoff{_after(' ', _next(slots, 'backoff'))}"
        case "holding":
            words = f"holding{_after(', probe in ', _next(slots, 'hold'))}"
        case "waiting":
            words = f"waiting{_for(slots, now)}"
        case "draining" | "stopping":
            words = f"{state}, {_left(program)}"
        case "off" if not slots:
            words = "off, no slots"
        case "paused":
            words = _paused(slots, now)
        case "done":
            words = f"done{_worked_in(slots)}"
        case _:
            words = state
    trouble = _trouble(program, slots) if state not in {"done", "paused"} else ""
    behind = left_behind(program["leftovers"])
    return f" {dot} ".join(part for part in (words, trouble, behind if behind not in words else "") if part)


def slot_line(slot: Slot, now: datetime | None = None) -> str:
    """What a slot does, since when, what is next, and how its last run ended."""
    parts = [_doing(slot)]
    if slot["next_in"] is not None:
        parts.append(next_words(slot["reason"], slot["next_in"], now))
    last = slot["last"]
    if last is not None:
        took = "" if last["duration"] is None else f" after {amount(last['duration'])}"
        parts.append(f"last: run {last['run']} {last['outcome']}{_code(last)}{took}")
    if slot.get("leftovers"):
        parts.append(left_behind(slot.get("leftovers", 0)))
    if slot["failures"]:
        parts.append(f"{ordinal(slot['failures'])} failure in a row")
    if words := slot_cause(slot, now):
        parts.append(words)
    return ", ".join(parts)


def slot_cause(slot: Slot, now: datetime | None = None) -> str:
    """Why the slot is where it is, for a terminal; empty: there is nothing to say."""
    return printable(_pause(slot, now) if is_paused(slot) else slot["cause"] or "")


def next_words(reason: str | None, wait: float, now: datetime | None = None) -> str:
    """`next in 2.1 s`; of a schedule `next 10:05:00 (in 41 s)`, on the reader's clock, with the date if not today."""
    if reason != "schedule":
        return f"next in {amount(wait)}"
    now = now or datetime.now().astimezone()
    due = now + timedelta(seconds=wait)
    due = (due + timedelta(milliseconds=500)).astimezone()  # what is told in seconds is rounded to them
    return (
        f"next {due:{'%H:%M:%S' if due.date() == now.astimezone().date() else '%Y-%m-%d %H:%M:%S'}} (in {amount(wait)})"
    )


def left_behind(count: int) -> str:
    """`1 process left behind`, by runs that have ended; empty when there is none."""
    return f"{count:,} process{'es' * (count != 1)} left behind" if count else ""


def run_age(slot: Slot) -> float:
    """For how many seconds the run of a slot has been in progress; of one without a process, since it was asked for."""
    age = slot.get("age")
    return slot["since"] if age is None else age


def is_paused(slot: Slot) -> bool:
    """Whether an operator has paused it; a run may still be in progress.

    A minisup that does not tell `paused` yet tells it of a slot that waits.
    """
    return slot["paused"] is not None if "paused" in slot else slot["reason"] == "paused"


def is_leaving(slot: Slot) -> bool:
    """Whether the program has been scaled in below it; a run may still be in progress."""
    return slot.get("leaving", False)


EXIT_0: Final[Mapping[str, str]] = {
    "kind": f"exit 0, but {MUST_NOT_END}",
    "code": f"exit 0, but {NOT_OK}",
    "output": NO_PROOF,
}
"""Why a clean exit was a failure, by `because`."""


def ending(last: LastRun, cause: str | None) -> str:
    """How a run went wrong: `exit 1`, `SIGSEGV`, `timeout`, or the cause of a start that failed."""
    match last["outcome"]:
        case "unstartable":
            return printable(cause or "cannot be started")
        case "failed" if last["code"] == 0:
            return EXIT_0.get(last.get("because") or "", "exit 0")
        case "failed" | "fatal":
            return f"exit {last['code']}"
        case "crashed":
            return str(last["signal"])
        case "oom":
            return "out of memory"
        case outcome:
            return str(outcome)


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th."""
    suffix = "th" if number // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def printable(text: str) -> str:
    """A line from a job, without what would move the cursor or change the colours of the reader's terminal."""
    return "".join(character if character.isprintable() else "?" for character in text.strip())


def _doing(slot: Slot) -> str:
    phase, since = slot["phase"], amount(slot["since"])
    if phase == "running":
        return f"running for {amount(run_age(slot))}, run {slot['run']}, pid {slot['pid']}"
    if slot["run"] is not None:
        return f"{phase} for {since}, run {slot['run']} of {amount(run_age(slot))}, pid {slot['pid']}"
    if phase == "waiting":
        return f"waiting ({slot['reason']}) for {since}"
    return f"{phase} for {since}"


def _left(program: Program) -> str:
    """What a program that ends waits for."""
    behind = left_behind(program["leftovers"])
    if behind and not program["running"]:
        return behind
    return f"{program['running']} run{'s' * (program['running'] != 1)} left"


def _code(last: LastRun) -> str:
    if last["signal"] is not None:
        return f" ({last['signal']})"
    return f" (exit {last['code']})" if last["code"] else ""


def _next(slots: Sequence[Slot], reason: str | None = None) -> float | None:
    waits = [slot["next_in"] for slot in slots if reason is None or slot["reason"] == reason]
    return min((wait for wait in waits if wait is not None), default=None)


def _after(words: str, wait: float | None) -> str:
    return "" if wait is None else f"{words}{amount(wait)}"


def _for(slots: Sequence[Slot], now: datetime | None) -> str:
    waiting = [slot for slot in slots if slot["phase"] == "waiting"]
    timed = [(slot["next_in"], slot["reason"]) for slot in waiting if slot["next_in"] is not None]
    if timed:
        wait, reason = min(timed, key=lambda each: each[0])
        return f", {next_words(reason, wait, now)}"
    causes = [slot["cause"] or slot["reason"] for slot in waiting]
    return f", {printable(causes[0])}" if causes and causes[0] else ""


def pause_words(pause: PauseStatus, now: datetime | None = None) -> str:
    """`paused by app since 09:58`, on the reader's clock, with the date if it was not today."""
    now = (now or datetime.now().astimezone()).astimezone()
    since = datetime.fromisoformat(pause["since"]).astimezone(now.tzinfo)
    return f"paused by {pause['by']} since {since:{'%H:%M' if since.date() == now.date() else '%Y-%m-%d %H:%M'}}"


def _paused(slots: Sequence[Slot], now: datetime | None) -> str:
    """`paused by app since 09:58`, with how many of the slots if not all, and what is still in progress."""
    paused = [slot for slot in slots if is_paused(slot)]
    if not paused:  # those that are paused are not among those that were asked for
        return "paused"
    some = f"{len(paused)} of {len(slots)} slots " if len(paused) < len(slots) else ""
    left = sum(slot["run"] is not None for slot in paused)
    return f"{some}{printable(_pause(paused[0], now))}" + (f", {left} run{'s' * (left != 1)} left" if left else "")


def _pause(slot: Slot, now: datetime | None) -> str:
    """By whom and since when; of a minisup that does not tell these as fields, its own words."""
    pause = slot.get("paused")
    return slot["cause"] or "paused" if pause is None else pause_words(pause, now)


def _worked_in(slots: Sequence[Slot]) -> str:
    worked = [slot["last"] for slot in slots if slot["last"] is not None and slot["last"]["outcome"] == "worked"]
    took = [last["duration"] for last in worked if last["duration"] is not None]
    return f", worked in {amount(max(took))}" if took else ""


def _trouble(program: Program, slots: Sequence[Slot]) -> str:
    """The worst slot's last end, if the program is failing."""
    unwell = [
        (slot["failures"], slot["last"], slot["cause"])
        for slot in slots
        if slot["last"] is not None and slot["last"]["outcome"] in UNWELL
    ]
    if not unwell or (program["failing_for"] is None and program["state"] != "off"):
        return ""
    failures, last, cause = max(unwell, key=lambda each: each[0])
    row = f", {ordinal(failures)} in a row" if failures > 1 else ""
    return f"{ending(last, cause)}{row}"
