"""Whether a program and its queue fit together.

How long a message is hidden, how often it may be tried, how often an empty queue is asked.
"""

from collections.abc import Iterator
from math import ceil, floor
from typing import Final

from minisup.check.lints.subject import Found, Subject
from minisup.check.lints.words import Worker, worker_of
from minisup.check.outage import tries_by
from minisup.check.pace_text import EXAMPLE
from minisup.check.phrases import rate, span
from minisup.config.schema import ProgramTable
from minisup.config.text.units import write_duration
from minisup.core.model import Idle, Kind, Restart, Seconds
from minisup.core.policy.pace import idle_wait

OUTAGE: Final[Seconds] = 600.0
"""Of a dependency: what is looked at is what it costs."""

SQS_HIDES: Final[Seconds] = 30.0
"""The visibility timeout of a queue of SQS that was made without one."""

MONTH: Final[Seconds] = 30 * 86400.0
OFTEN: Final = 1.0
"""Requests a second to an empty queue, of all slots of a program, above which it is said what they come to."""

_FOREVER: Final = 10**6


def message_comes_back(subject: Subject) -> Iterator[Found]:
    """A run may work longer than its message is hidden: another run gets it too."""
    for name, program in subject.programs():
        hidden = program.queue.visibility_timeout if program.queue else None
        if hidden is None or program.kind is Kind.SERVICE:
            continue
        shown, timeout = write_duration(hidden), program.stop.timeout
        if program.max_runtime is None:
            message = (
                f"queue.visibility_timeout is {shown} and max_runtime is not set: the message of a run longer than"
            )
            fits = floor(hidden - timeout)
            fix = f'max_runtime = "{fits}s"' if fits > 0 else f"max_runtime, and more than {shown} for the queue"
            yield Found(f"{message} {span(hidden)} is given to a second one", fix, name, "queue.visibility_timeout")
        elif program.max_runtime + timeout > hidden:
            need = program.max_runtime + timeout
            message = (
                f"queue.visibility_timeout {shown} is less than max_runtime {write_duration(program.max_runtime)} and "
                f"stop.timeout {write_duration(timeout)}: a second run can get the message of one that goes on"
            )
            fix = f'{ceil(need)} s or more in the queue and here: visibility_timeout = "{ceil(need)}s"'
            yield Found(message, fix, name, "queue.visibility_timeout")


def outage_burns_messages(subject: Subject) -> Iterator[Found]:
    """Runs that take a message and fail use up its receives: an outage sends good messages to the dead-letter queue."""
    for name, program in subject.programs():
        most = program.queue.max_receives if program.queue else None
        if program.queue is None or most is None or program.kind is not Kind.JOB:
            continue
        hidden = program.queue.visibility_timeout or SQS_HIDES
        count = program.scale.max if program.scale else program.numprocs
        tries = tries_by(program.retry, count, OUTAGE, program.max_start_rate) if count else 0
        lost = tries // most
        if not lost or most * hidden > OUTAGE or program.restart is not Restart.ALWAYS:
            continue
        message = (
            f"an outage of {span(OUTAGE)} takes about {tries} messages; after {most} receives "
            f"(queue.max_receives, hidden for {span(hidden)}) up to {lost} of them go to the dead-letter queue"
        )
        fix = f"maxReceiveCount {floor(OUTAGE / hidden) + 1} in the queue and here, or a visibility timeout of "
        yield Found(message, f"{fix}{span(floor(OUTAGE / most) + 1)}", name, "queue.max_receives")


def idle_is_slower_than_retry(subject: Subject) -> Iterator[Found]:
    """A queue that was empty is looked at later than one that was broken. The default ladder is never warned of."""
    for name, program in subject.programs():
        retry, longest = program.retry, idle_wait(program.idle, _FOREVER)
        most = max(retry.max_backoff, retry.refill)
        if not program.knows_idle or longest <= max(most, Idle().max_wait):
            continue
        message = (
            f"idle.max_wait {write_duration(longest)}: a message that comes to an empty queue may wait longer than one "
            f"that comes in an outage, after which a slot tries within {span(most)}"
        )
        yield Found(message, f'idle.max_wait = "{write_duration(most)}"', name, "idle.max_wait")


def empty_queue_is_asked_often(subject: Subject) -> Iterator[Found]:
    """What an empty queue of SQS is asked in a month, where that is much."""
    for name, program in subject.programs():
        per_second = polls(program)
        if not _is_sqs(program) or per_second <= OFTEN:
            continue
        message = (
            f"a queue of SQS that stays empty is asked {rate(per_second).replace('runs', 'times')}: "
            f"{_millions(per_second * MONTH)} requests in 30 days that find nothing"
        )
        yield Found(message, _fewer_polls(program), name, "idle" if program.knows_idle else "min_runtime")


def empty_queue_is_not_noticed(subject: Subject) -> Iterator[Found]:
    """Nothing paces a program whose runs find no work."""
    for name, program in subject.programs():
        worker = worker_of(program)
        free = not program.min_runtime and program.schedule is None and program.max_start_rate is None
        if not free or not _is_polling(program) or program.knows_idle or (worker and worker.waits):
            continue
        message = (
            "min_runtime = 0 and no rule by which a run is idle: while the queue is empty, runs follow one another "
            f"without a pause, {rate(program.numprocs / EXAMPLE)} if one takes {span(EXAMPLE)}"
        )
        fix = 'exit = { idle = [66] } and a job that exits 66 when there is nothing to do, or min_runtime = "1s"'
        yield Found(message, fix, name, "min_runtime")


def polls(program: ProgramTable) -> float:
    """How often a second an empty queue is asked by all slots of a job; 0 if it is started by the clock."""
    if not _is_polling(program):
        return 0.0
    count = program.scale.min if program.scale else program.numprocs
    worker = worker_of(program)
    every = max(program.min_runtime, worker.sleep if worker else 0.0, EXAMPLE)
    if program.knows_idle:
        every = max(every, idle_wait(program.idle, _FOREVER))
    return min(count / every, program.max_start_rate or float("inf"))


def _fewer_polls(program: ProgramTable) -> str:
    count = program.scale.min if program.scale else program.numprocs
    ladder = Idle()
    if program.knows_idle:
        return f'idle.max_wait = "{write_duration(max(ladder.max_wait, ceil(count / OFTEN)))}", or fewer slots'
    then = _millions(count / ladder.max_wait * MONTH)
    return f"exit = {{ idle = [66] }} and a job that exits 66 when there is nothing to do: then about {then} requests"


def _is_polling(program: ProgramTable) -> bool:
    return (
        program.kind is Kind.JOB
        and program.source is None  # it starts nothing on an empty queue
        and program.restart is Restart.ALWAYS
        and program.schedule is None
        and bool(program.scale.max if program.scale else program.numprocs)
    )


def _is_sqs(program: ProgramTable) -> bool:
    slot = program.for_slot(0)
    named = slot.environment.get("QUEUE_CONNECTION", program.origin.variables.get("QUEUE_CONNECTION", ""))
    worker: Worker | None = worker_of(program)
    if worker is not None and worker.connection:
        return worker.connection == "sqs"
    return named == "sqs" or any("sqs" in word.lower() for word in slot.argv)


def _millions(count: float) -> str:
    return f"{count / 1e6:.1f} million" if count >= 1e6 else f"{round(count, -3):,.0f}"  # noqa: PLR2004 - a million
