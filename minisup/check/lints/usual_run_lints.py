"""Whether the settings fit the runs that there have been. Nothing is said where no history is known."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from minisup.check.lints.subject import Found, Subject
from minisup.check.phrases import percent, rate, span
from minisup.config.keys.tables import ScheduleTable
from minisup.config.text.units import write_duration
from minisup.core.model import Kind, Restart, Seconds

_HOUR: Final = 60


def pace_is_the_limit(subject: Subject) -> Iterator[Found]:
    """min_runtime is above what a run takes, and is what keeps the slots from doing more."""
    for name, program in subject.programs():
        usual, shortest = subject.around.often(name), program.min_runtime
        paced = program.kind is Kind.JOB and program.restart is Restart.ALWAYS and program.schedule is None
        if usual is None or not paced or not usual.capped or usual.median >= shortest or not program.numprocs:
            continue
        message = (
            f"min_runtime {write_duration(shortest)} is more than a run takes ({span(usual.median)}, the median of "
            f"{usual.runs:,}): a slot is {percent(usual.median / shortest)} busy, and "
            f"{rate(program.numprocs / shortest)} is the most"
        )
        zero = "min_runtime = 0" if program.knows_idle else "min_runtime = 0 and exit = { idle = [66] }"
        yield Found(message, f"{zero}: then the next run starts as soon as one ends", name, "min_runtime")


def clock_is_too_fast(subject: Subject) -> Iterator[Found]:
    """A run usually goes on when the next one is due: starts are left out."""
    for name, program in subject.programs():
        usual = subject.around.often(name)
        every = None if program.schedule is None else period(program.schedule)
        if usual is None or every is None or usual.median <= every:
            continue
        message = (
            f"a start is due every {span(every)}, and a run takes {span(usual.median)} (the median of {usual.runs:,}): "
            "what is due meanwhile is left out"
        )
        key = "schedule.every" if program.schedule and program.schedule.every else "schedule.cron"
        yield Found(message, f"a period of more than {span(usual.p95)}, as 95 % of the runs take less", name, key)


def period(schedule: ScheduleTable) -> Seconds | None:
    """The shortest time between two starts; None: it is an hour or more, or not easily said."""
    if schedule.every is not None:
        return schedule.every
    minutes = sorted(_minutes((schedule.cron or "").split()[0]))
    if len(minutes) < 2:  # noqa: PLR2004 - once an hour at most
        return None
    around = minutes[0] + _HOUR - minutes[-1]
    return 60.0 * min(around, *(later - sooner for sooner, later in pairwise(minutes)))


def _minutes(field: str) -> set[int]:
    """The minutes of a cron expression's first field, which is a valid one."""
    found: set[int] = set()
    for item in field.split(","):
        span_, _, step = item.partition("/")
        low, _, high = ("0", "-", "59") if span_ == "*" else span_.partition("-")
        last = int(high) if high else 59 if step else int(low)
        found.update(range(int(low), last + 1, int(step or 1)))
    return found
