"""What a run came to. Decided by our own action, the signal, the exit code; for a clean exit also by what its output
said, and by its length only where `idle.faster_than` asks for that.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum

from minisup.core.messages import Exited
from minisup.core.model import ExitCodes, Kind, Outcome, Policy, Restart, Seconds
from minisup.core.policy.clean_exit import BY_CODE, MUST_NOT_END, NO_MESSAGE, NO_PROOF, NOT_OK


class KillReason(StrEnum):
    """Why we signalled a run. When several of our signals could explain an end, the reason of the first decides."""

    STOP = "stop"
    MAX_RUNTIME = "max_runtime"
    MEMORY = "memory"


BY_OURS = {KillReason.STOP: Outcome.STOPPED, KillReason.MAX_RUNTIME: Outcome.TIMEOUT, KillReason.MEMORY: Outcome.OOM}


def code_table(codes: ExitCodes) -> dict[int, Outcome]:
    """The outcome of each exit code that the policy names; a code that is not in the table has failed."""
    table: dict[int, Outcome] = {}
    table.update(dict.fromkeys(codes.ok, Outcome.WORKED))
    table.update(dict.fromkeys(codes.idle, Outcome.IDLE))
    table.update(dict.fromkeys(codes.recycle, Outcome.RECYCLED))
    table.update(dict.fromkeys(codes.reject, Outcome.REJECTED))
    table.update(dict.fromkeys(codes.fatal, Outcome.FATAL))
    return table


def final_outcomes(policy: Policy) -> frozenset[Outcome]:
    """The outcomes after which a slot of the program has nothing left to do."""
    if policy.restart is Restart.NEVER:
        return frozenset(Outcome) - {Outcome.UNSTARTABLE}
    if policy.kind is Kind.TASK or policy.restart is Restart.ON_FAILURE:
        return frozenset({Outcome.WORKED})
    return frozenset()


def classify(
    exited: Exited, table: Mapping[int, Outcome], ours: KillReason | None, sent: Collection[str] = ()
) -> Outcome:
    """The outcome of a run that ended after we signalled it for `ours` (None: we did not). First match wins.

    `sent` are the signals that an operator had sent before we did: only a death by one of them is explained by it.
    """
    if sent and exited.signal in sent:
        return Outcome.STOPPED
    if ours is not None:
        return BY_OURS[ours]
    if exited.oom:
        return Outcome.OOM
    if exited.signal is not None:
        return Outcome.CRASHED
    if exited.code is None:
        return Outcome.LOST
    return table.get(exited.code, Outcome.FAILED)


def refine(outcome: Outcome, said: Outcome | None, duration: Seconds, faster_than: Seconds | None) -> Outcome:
    """What a clean exit came to: by its output if that `said` something, else by its length if the policy asks.

    Every other outcome stays what it is. `faster_than` as in the policy; None: the length says nothing.
    """
    if outcome is not Outcome.WORKED:
        return outcome
    if said is Outcome.IDLE or said is Outcome.WORKED:
        return said
    if faster_than is not None and duration < faster_than:
        return Outcome.IDLE
    return said or outcome


def before_message(outcome: Outcome) -> Outcome:
    """What the end of a process came to that was ready: no exit code of it speaks of a message."""
    return Outcome.FAILED if outcome in {Outcome.WORKED, Outcome.IDLE, Outcome.REJECTED} else outcome


BY_THE_KERNEL = "killed by the kernel, which had no memory left"
"""The cause of an `oom` that was not of our making."""


def explain(ended: Exited, outcome: Outcome, excess: str, kind: Kind) -> str:
    """The cause of an end in words: its last line of output; else what was found out (`excess`: of memory, by us)."""
    if outcome is Outcome.OOM:
        return excess or BY_THE_KERNEL
    if outcome is Outcome.FAILED and ended.code == 0 and ended.said is not Outcome.FAILED:
        return MUST_NOT_END if kind is Kind.SERVICE else NOT_OK
    return ended.last_line


def because(outcome: Outcome, code: int | None, cause: str) -> str | None:
    """Why a clean exit was a failure: by `kind`, `code` or `output`, or before its `message`. None: it was none."""
    if outcome is not Outcome.FAILED or code != 0:
        return None
    return {MUST_NOT_END: "kind", NOT_OK: "code", NO_MESSAGE: "message"}.get(cause, "output")


def described(outcome: Outcome, code: int | None, signal: str | None, cause: str, after: str = "") -> str:
    """How and why a run ended: `exit 1 "last line"`, `oom: 512 MiB of 256 MiB`; `after` comes in between.

    A clean exit that failed by its code: `exit 0, but a service must not end`.
    """
    if cause in BY_CODE:
        return f"exit {code}{after}, but {cause}"
    how = describe(outcome, code, signal) + after
    if not cause:
        return how
    return f"{how}: {cause}" if outcome is Outcome.OOM else f'{how} "{cause}"'


def describe(outcome: Outcome, code: int | None, signal: str | None) -> str:
    """How a run ended, as short as can be: `exit 1`, `SIGSEGV`, `timeout`."""
    if outcome in {Outcome.TIMEOUT, Outcome.OOM, Outcome.UNSTARTABLE}:
        return str(outcome)
    if outcome is Outcome.FAILED and code == 0:
        return NO_PROOF
    return signal or f"exit {code}"
